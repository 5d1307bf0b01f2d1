/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening, asking, looking.
 */
#include "integration/cast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "integration/database.h"

enum { WORDS_MAX = 16 };

static char output[CAST_TEXT_MAX];

void cast_open(struct cast *c, size_t servers, size_t members, const char *const *env)
{
    const struct world_options options = {
        .servers = servers, .accounts = members, .env = env, .no_fsync = true};
    *c = (struct cast){.count = members};
    if (world_open(&c->w, &options) != OK)
        fail_msg("%s", c->w.trouble);
    for (size_t i = 0; i < members; i++)
        assert_int_equal(member_open(&c->w, i, 0, false, &c->members[i]), OK);
    const struct db_options db = {
        .url = c->w.database_url, .statement_timeout_ms = 20000, .lock_timeout_ms = 5000};
    assert_int_equal(db_new(&db, &c->db), OK);
    assert_int_equal(db_ensure(c->db), OK);
}

void cast_close(struct cast *c)
{
    for (size_t i = 0; i < c->count; i++)
        member_close(&c->members[i]);
    db_free(c->db);
    assert_true(world_close(&c->w));
}

const char *id15(const struct cast *c, size_t member)
{
    static struct id_text texts[WORLD_ACCOUNTS_MAX];
    texts[member] = account_id_text(&c->members[member].community.blinded.id);
    return texts[member].s;
}

const char *id05(const struct cast *c, size_t member)
{
    static struct id_text texts[WORLD_ACCOUNTS_MAX];
    texts[member] = account_id_text(&c->w.accounts[member].id);
    return texts[member].s;
}

static int call(struct member *m, const struct community_request *request, json_t **ret_json)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    assert_int_equal(community_call(&m->community, request, &reply), OK);
    if (ret_json != NULL)
        *ret_json = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    return reply.code;
}

static int ask_as(struct member *m, enum signing signing, const char *method, const char *body,
                  json_t **ret_json, const char *target)
{
    struct community_request request = {.method = method, .target = target, .signing = signing};
    if (body != NULL) {
        request.body = span_of_text(body);
        request.content_type = "application/json";
    }
    return call(m, &request, ret_json);
}

#define FORMAT(to, format)                                                                         \
    do {                                                                                           \
        va_list args_;                                                                             \
        va_start(args_, format);                                                                   \
        int len_ = vsnprintf((to), sizeof(to), (format), args_);                                   \
        va_end(args_);                                                                             \
        assert_in_range(len_, 0, sizeof(to) - 1);                                                  \
    } while (0)

int ask(struct member *m, const char *method, const char *body, json_t **ret_json,
        const char *target, ...)
{
    char path[CAST_TEXT_MAX];
    FORMAT(path, target);
    return ask_as(m, SIGNED_BLINDED, method, body, ret_json, path);
}

int ask_unsigned(struct member *m, const char *method, const char *body, json_t **ret_json,
                 const char *target, ...)
{
    char path[CAST_TEXT_MAX];
    FORMAT(path, target);
    return ask_as(m, UNSIGNED, method, body, ret_json, path);
}

json_t *must(struct member *m, const char *method, const char *body, const char *target, ...)
{
    char path[CAST_TEXT_MAX];
    json_t *json = NULL;
    FORMAT(path, target);
    int code = ask_as(m, SIGNED_BLINDED, method, body, &json, path);
    if (code < 200 || code > 299 || json == NULL)
        fail_msg("%s %s: %d %s", method, path, code, m->community.refusal.text);
    return json;
}

int64_t wait_for_code(struct member *m, int code, const char *method, const char *target)
{
    int64_t start = clock_mono_ms();
    for (;;) {
        int got = ask_as(m, SIGNED_BLINDED, method, NULL, NULL, target);
        int64_t waited = clock_mono_ms() - start;
        if (got == code)
            return waited;
        if (waited > CAST_WAIT_MS)
            fail_msg("%s %s stayed %d, expected %d", method, target, got, code);
        (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000L}, NULL);
    }
}

int64_t say(struct member *m, const char *room, const char *text)
{
    json_t *message = NULL;
    assert_int_equal(community_post(&m->community, room, text, &message), OK);
    int64_t id = json_integer_value(json_object_get(message, "id"));
    json_decref(message);
    return id;
}

json_t *room_of(struct member *m, const char *room)
{
    return must(m, "GET", NULL, "/room/%s", room);
}

int64_t info_updates(struct member *m, const char *room)
{
    json_t *object = room_of(m, room);
    int64_t counter = json_integer_value(json_object_get(object, "info_updates"));
    json_decref(object);
    return counter;
}

bool lists(const json_t *object, const char *key, const char *id)
{
    const json_t *list = json_object_get(object, key);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), id) == 0)
            return true;
    return false;
}

int command(struct cast *c, const char *words, ...)
{
    char line[CAST_TEXT_MAX];
    const char *args[WORDS_MAX + 1] = {NULL};
    char *rest = line;
    size_t n = 0;
    FORMAT(line, words);
    for (char *word; n < WORDS_MAX && (word = strsep(&rest, " ")) != NULL;)
        args[n++] = word;
    AUTO_BUF struct buf out = buf_make(KIB(64));
    int status = -1;
    assert_int_equal(world_conclave(&c->w, 0, args, &out, &status), OK);
    struct span text = span_first(buf_span(&out), sizeof(output) - 1);
    memset(output, 0, sizeof(output));
    if (text.len > 0)
        memcpy(output, text.p, text.len);
    return status;
}

const char *command_output(void)
{
    return output;
}

void sql(struct cast *c, const char *text, ...)
{
    char statement[CAST_TEXT_MAX];
    FORMAT(statement, text);
    database_run(c->db, statement);
}

int64_t sql_number(struct cast *c, const char *text, ...)
{
    char statement[CAST_TEXT_MAX];
    FORMAT(statement, text);
    return database_number(c->db, statement);
}

uint64_t contents(struct cast *c)
{
    static const char *const tables[] = {
        "SELECT row_to_json(t)::text FROM conclave.rooms t",
        "SELECT row_to_json(t)::text FROM conclave.permissions t",
        "SELECT row_to_json(t)::text FROM conclave.permission_futures t",
        "SELECT row_to_json(t)::text FROM conclave.ban_futures t",
        "SELECT row_to_json(t)::text FROM conclave.needs_blinding t",
        "SELECT row_to_json(t)::text FROM conclave.messages t",
        "SELECT row_to_json(t)::text FROM conclave.pins t",
        /* What has expired waits for the job, which may come at any time. */
        "SELECT row_to_json(t)::text FROM conclave.files t WHERE expiry IS NULL OR expiry > 0",
        "SELECT row_to_json(t)::text FROM conclave.versions t",
        ("SELECT id || ' ' || banned || moderator || admin || visible_mod FROM conclave.users"
         " WHERE banned OR moderator OR visible_mod"),
    };
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        sum = sum * 31 +
              (uint64_t)sql_number(c,
                                   "SELECT (coalesce(sum(hashtextextended(r, 0)::numeric), 0)"
                                   "            %% 4611686018427387904)::bigint"
                                   "  FROM (%s) AS x (r)",
                                   tables[i]);
    /* Somebody who was only named must not be there afterwards. */
    char known[2 * CAST_TEXT_MAX] = "''";
    for (size_t i = 0; i < c->count; i++) {
        size_t len = strlen(known);
        (void)snprintf(known + len, sizeof(known) - len, ",'%s'", id15(c, i));
    }
    return sum * 31 + (uint64_t)sql_number(c,
                                           "SELECT count(*) FROM conclave.users"
                                           " WHERE encode(session_id, 'hex') NOT IN (%s)",
                                           known);
}
