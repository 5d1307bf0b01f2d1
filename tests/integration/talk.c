/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asserting helpers of conversation tests. Apart from world.c, which starts and stops things and
 * asserts nothing.
 */
#include "integration/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "db/db.h"

enum { TARGET_MAX = 512, WAIT_MS = 5000, STEP_MS = 10 };

void talk_open(struct talk *t, size_t servers, size_t members, const char *const *env)
{
    struct world_options options = {
        .servers = servers, .accounts = members, .env = env, .no_fsync = true};
    *t = (struct talk){.count = members};
    if (world_open(&t->w, &options) != OK)
        fail_msg("%s", t->w.trouble);
    for (size_t i = 0; i < members; i++)
        assert_int_equal(member_open(&t->w, i, 0, false, &t->members[i]), OK);
}

void talk_close(struct talk *t)
{
    for (size_t i = 0; i < t->count; i++)
        member_close(&t->members[i]);
    assert_true(world_close(&t->w));
}

void talk_move(struct talk *t, size_t member, size_t server)
{
    member_close(&t->members[member]);
    assert_int_equal(member_open(&t->w, member, server, false, &t->members[member]), OK);
}

void talk_command(struct talk *t, const char *const *args)
{
    struct buf out AUTO_BUF = buf_make(KIB(64));
    int status = 0;
    assert_int_equal(world_conclave(&t->w, 0, args, &out, &status), OK);
    if (status != 0)
        fail_msg("conclave %s %s: exit %d: %.*s", args[0], args[1], status, (int)out.len,
                 (const char *)out.p);
}

/*
 * Waits until each server answers so; ask through members that are moved there one after the other.
 */
static void wait_everywhere(struct talk *t, size_t member, const char *target, const char *key,
                            const char *value_or_null)
{
    for (size_t server = 0; server < t->w.server_count; server++) {
        struct member m;
        bool seen = false;
        int64_t deadline_ms = clock_mono_ms() + WAIT_MS;
        assert_int_equal(member_open(&t->w, member, server, false, &m), OK);
        while (!seen && clock_mono_ms() < deadline_ms) {
            struct community_request request = {
                .method = "GET", .target = target, .signing = SIGNED_BLINDED};
            json_auto_t *json = NULL;
            if (community_json(&m.community, &request, &json) == OK)
                seen = key == NULL ||
                       json_is_true(json_object_get(json, key)) == (value_or_null != NULL);
            if (!seen)
                (void)poll(NULL, 0, STEP_MS);
        }
        member_close(&m);
        assert_true(seen);
    }
}

void talk_room(struct talk *t, const char *token)
{
    char target[TARGET_MAX];
    const char *const args[] = {"room", "add", token, "--name", token, NULL};
    talk_command(t, args);
    (void)snprintf(target, sizeof(target), "/room/%s", token);
    wait_everywhere(t, 0, target, NULL, NULL);
}

void talk_room_with_staff(struct talk *t, size_t moderator, size_t admin, const char *token)
{
    talk_room(t, token);
    talk_appoint(t, moderator, token, NULL);
    talk_appoint(t, admin, token, "--admin");
}

const char *talk_id(const struct talk *t, size_t member, struct id_text *ret_text)
{
    *ret_text = account_id_text(&t->members[member].community.blinded.id);
    return ret_text->s;
}

void talk_appoint(struct talk *t, size_t member, const char *room, const char *role)
{
    struct id_text id;
    char target[TARGET_MAX];
    const char *args[8] = {"mod", "add", talk_id(t, member, &id)};
    size_t n = 3;
    if (room != NULL) {
        args[n++] = "--room";
        args[n++] = room;
    } else {
        args[n++] = "--global";
    }
    if (role != NULL)
        args[n++] = role;
    talk_command(t, args);
    (void)snprintf(target, sizeof(target), "/room/%s", room != NULL ? room : "lobby");
    wait_everywhere(t, member, target, role != NULL ? "admin" : "moderator", "true");
}

int talk_ask(struct talk *t, size_t member, const char *method, const char *target,
             const json_t *body, json_t **ret)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {
        .method = method, .target = target, .json = body, .signing = SIGNED_BLINDED};
    enum err e = community_call(&t->members[member].community, &request, &reply);
    if (e != OK)
        fail_msg("%s %s: the link failed (%s)", method, target, err_name(e));
    if (ret != NULL)
        *ret = json_loadb((const char *)reply.body.p, reply.body.len,
                          JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    return reply.code;
}

static json_t *expect_json(struct talk *t, size_t member, const char *method, const char *target,
                           const json_t *body)
{
    json_t *json = NULL;
    int code = talk_ask(t, member, method, target, body, &json);
    if ((code != 200 && code != 201) || json == NULL)
        fail_msg("%s %s: %d %s", method, target, code, t->members[member].community.refusal.text);
    return json;
}

json_t *talk_get(struct talk *t, size_t member, const char *format, ...)
{
    char target[TARGET_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(target, sizeof(target), format, args);
    va_end(args);
    return expect_json(t, member, "GET", target, NULL);
}

json_t *talk_do(struct talk *t, size_t member, const char *method, const char *format, ...)
{
    char target[TARGET_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(target, sizeof(target), format, args);
    va_end(args);
    return expect_json(t, member, method, target, NULL);
}

void talk_refused(struct talk *t, size_t member, int code, const char *method, const char *format,
                  ...)
{
    char target[TARGET_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(target, sizeof(target), format, args);
    va_end(args);
    int got = talk_ask(t, member, method, target, NULL, NULL);
    if (got != code)
        fail_msg("%s %s: %d instead of %d", method, target, got, code);
}

json_t *talk_say(struct talk *t, size_t member, const char *room, const char *text)
{
    json_t *row = NULL;
    enum err e = community_post(&t->members[member].community, room, text, &row);
    if (e != OK)
        fail_msg("post by %zu: %s %d %s", member, err_name(e),
                 t->members[member].community.refusal.code,
                 t->members[member].community.refusal.text);
    return row;
}

int64_t talk_post(struct talk *t, size_t member, const char *room, const char *text)
{
    json_auto_t *row = talk_say(t, member, room, text);
    return talk_int(row, "id");
}

void talk_edit(struct talk *t, size_t member, const char *room, int64_t id, const char *text)
{
    assert_int_equal(community_edit(&t->members[member].community, room, id, text), OK);
}

void talk_delete(struct talk *t, size_t member, const char *room, int64_t id)
{
    assert_int_equal(community_delete(&t->members[member].community, room, id), OK);
}

int64_t talk_react(struct talk *t, size_t member, const char *room, int64_t id, const char *text)
{
    json_auto_t *reply = NULL;
    assert_int_equal(community_react(&t->members[member].community, room, id, text, &reply), OK);
    assert_true(json_is_true(json_object_get(reply, "added")));
    return talk_int(reply, "seqno");
}

int64_t talk_whisper(struct talk *t, size_t member, const char *room, const char *text, int to,
                     bool mods)
{
    char target[TARGET_MAX];
    struct id_text id;
    json_auto_t *body = community_post_body(&t->members[member].community, text);
    if (to >= 0)
        (void)json_object_set_new(body, "whisper_to", json_string(talk_id(t, (size_t)to, &id)));
    if (mods)
        (void)json_object_set_new(body, "whisper_mods", json_true());
    (void)snprintf(target, sizeof(target), "/room/%s/message", room);
    json_auto_t *row = expect_json(t, member, "POST", target, body);
    return talk_int(row, "id");
}

int64_t talk_int(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("no integer \"%s\"", key);
    return json_integer_value(value);
}

const json_t *talk_row(const json_t *rows, int64_t id)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (talk_int(row, "id") == id)
            return row;
    }
    return NULL;
}

int64_t talk_sequence(struct talk *t, size_t member, const char *room)
{
    json_auto_t *object = talk_get(t, member, "/room/%s", room);
    return talk_int(object, "message_sequence");
}

int64_t talk_info(struct talk *t, size_t member, const char *room)
{
    json_auto_t *object = talk_get(t, member, "/room/%s", room);
    return talk_int(object, "info_updates");
}

struct db *talk_database(const struct talk *t)
{
    struct db_options options = {
        .url = t->w.database_url, .statement_timeout_ms = 10000, .lock_timeout_ms = 1000};
    struct db *db = NULL;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    return db;
}

json_t *talk_since(struct talk *t, size_t member, const char *room, int64_t n, const char *query)
{
    return talk_get(t, member, "/room/%s/messages/since/%lld%s", room, (long long)n, query);
}

bool talk_is_tombstone(const json_t *row)
{
    return json_is_null(json_object_get(row, "data")) && json_object_get(row, "data") != NULL &&
           json_is_true(json_object_get(row, "deleted")) &&
           json_is_real(json_object_get(row, "edited")) &&
           json_object_get(row, "reactions") == NULL && json_object_get(row, "signature") == NULL;
}
