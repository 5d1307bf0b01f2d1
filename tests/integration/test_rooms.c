/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a room says of itself, who may change it, and what counts as a change
 * (docs/protocol/community.md, 2.2, 2.9, 3.2, 3.6, 3.8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "integration/cast.h"

enum { CHIEF, ADMIN, MOD, BEN, EVE, PEOPLE }; /* CHIEF: hidden global admin */

static struct cast c;
static struct member *chief, *admin, *mod, *ben, *eve;

static int open_stage(void **state)
{
    (void)state;
    cast_open(&c, 1, PEOPLE, NULL);
    chief = &c.members[CHIEF];
    admin = &c.members[ADMIN];
    mod = &c.members[MOD];
    ben = &c.members[BEN];
    eve = &c.members[EVE];
    assert_int_equal(command(&c, "mod add %s --global --admin", id15(&c, CHIEF)), 0);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

/* A room of its own for a test, with an admin and a moderator. */
static void open_room(const char *token)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "/room/%s", token);
    assert_int_equal(command(&c, "room add %s --name %s", token, token), 0);
    assert_int_equal(command(&c, "mod add %s --room %s --admin", id15(&c, ADMIN), token), 0);
    assert_int_equal(command(&c, "mod add %s --room %s", id15(&c, MOD), token), 0);
    wait_for_code(ben, 200, "GET", path);
    (void)snprintf(path, sizeof(path), "/room/%s/permissions", token);
    wait_for_code(mod, 200, "GET", path);
    wait_for_code(admin, 200, "GET", path);
}

static int64_t number_in(json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    int64_t n = json_integer_value(value);
    json_decref(object);
    return n;
}

static void poll_info__has_details_only_when_the_counter_differs(void **state)
{
    (void)state;
    open_room("r57");
    int64_t now = info_updates(ben, "r57");
    const struct {
        int64_t counter;
        bool details;
    } cases[] = {{now, false}, {0, true}, {now - 1, true}, {now + 1, true}, {INT64_MAX, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *poll =
            must(ben, "GET", NULL, "/room/r57/pollInfo/%lld", (long long)cases[i].counter);
        json_t *details = json_object_get(poll, "details");
        assert_true((details != NULL) == cases[i].details);
        if (details != NULL)
            assert_int_equal(json_integer_value(json_object_get(details, "info_updates")), now);
        json_decref(poll);
    }
}

static void info_updates__counts_changes_that_clients_show(void **state)
{
    (void)state;
    open_room("r58");
    open_room("other58");
    int64_t n = info_updates(ben, "r58");
    int64_t other = info_updates(ben, "other58");
    json_t *reply = must(admin, "PUT", "{\"name\":\"New\",\"description\":\"words\"}", "/room/r58");
    n += 2;
    assert_int_equal(number_in(reply, "info_updates"), n);
    /* The same again is no change. */
    reply = must(admin, "PUT", "{\"name\":\"New\",\"description\":\"words\"}", "/room/r58");
    assert_int_equal(number_in(reply, "info_updates"), n);
    reply = must(admin, "PUT", "{\"default_write\":false,\"default_upload\":false}", "/room/r58");
    assert_int_equal(number_in(reply, "info_updates"), n);
    reply = must(admin, "PUT", "{\"default_write\":true,\"default_upload\":true}", "/room/r58");
    assert_int_equal(number_in(reply, "info_updates"), n);
    int64_t id = say(ben, "r58", "to be pinned");
    assert_int_equal(
        number_in(must(admin, "POST", NULL, "/room/r58/pin/%lld", (long long)id), "info_updates"),
        ++n);
    assert_int_equal(
        number_in(must(admin, "POST", NULL, "/room/r58/pin/%lld", (long long)id), "info_updates"),
        ++n);
    assert_int_equal(number_in(must(admin, "POST", NULL, "/room/r58/unpin/all"), "info_updates"),
                     ++n);
    /* A permission, a ban, an unban: nothing that is shown. */
    json_decref(must(mod, "POST", "{\"write\":false}", "/room/r58/permissions/%s", id15(&c, EVE)));
    json_decref(must(mod, "POST", "{\"rooms\":[\"r58\"]}", "/user/%s/ban", id15(&c, EVE)));
    json_decref(must(mod, "POST", "{\"rooms\":[\"r58\"]}", "/user/%s/unban", id15(&c, EVE)));
    assert_int_equal(info_updates(ben, "r58"), n);
    assert_int_equal(info_updates(ben, "other58"), other);
    /* A global moderator comes, is shown, goes: everywhere. */
    for (int i = 0; i < 3; i++) {
        static const char *const steps[] = {"{\"global\":true,\"moderator\":true}",
                                            "{\"global\":true,\"moderator\":true,\"visible\":true}",
                                            "{\"global\":true,\"moderator\":false}"};
        reply = must(chief, "POST", steps[i], "/user/%s/moderator", id15(&c, EVE));
        const json_t *all = json_object_get(reply, "info_updates");
        assert_int_equal(json_integer_value(json_object_get(all, "r58")), ++n);
        assert_int_equal(json_integer_value(json_object_get(all, "other58")), ++other);
        json_decref(reply);
        assert_int_equal(info_updates(ben, "r58"), n);
        assert_int_equal(info_updates(ben, "other58"), other);
    }
    /* A room role, its visibility (quirk 11), the same once more, and that a ban takes it. */
    static const char *const moderate = "{\"rooms\":[\"r58\"],\"moderator\":true}";
    static const char *const hide = "{\"rooms\":[\"R58\"],\"moderator\":true,\"visible\":false}";
    const struct {
        const char *body;
        int grows;
    } roles[] = {{moderate, 1}, {moderate, 0}, {hide, 1}, {hide, 0}};
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        reply = must(admin, "POST", roles[i].body, "/user/%s/moderator", id15(&c, EVE));
        n += roles[i].grows;
        const json_t *all = json_object_get(reply, "info_updates");
        assert_int_equal(json_object_size(all), 1);
        assert_int_equal(json_integer_value(json_object_get(all, "r58")), n);
        json_decref(reply);
    }
    json_decref(must(admin, "POST", "{\"rooms\":[\"r58\"]}", "/user/%s/ban", id15(&c, EVE)));
    assert_int_equal(info_updates(ben, "r58"), ++n);
    assert_int_equal(info_updates(ben, "other58"), other);
}

static bool is_listed(struct member *m, const char *token)
{
    json_t *rooms = must(m, "GET", NULL, "/rooms");
    bool found = false;
    for (size_t i = 0; i < json_array_size(rooms); i++)
        found |= strcmp(json_string_value(json_object_get(json_array_get(rooms, i), "token")),
                        token) == 0;
    json_decref(rooms);
    return found;
}

static void banned_user__room_is_404_the_rest_403_and_not_listed(void **state)
{
    (void)state;
    open_room("r59");
    int64_t id = say(ben, "r59", "before the ban");
    json_decref(must(mod, "POST", "{\"rooms\":[\"r59\"]}", "/user/%s/ban", id15(&c, EVE)));
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r59"), 404);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r59/pollInfo/0"), 403);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r59/messages/recent"), 403);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r59/messages/since/0"), 403);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r59/messages/before/9"), 403);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r59/message/%lld", (long long)id), 403);
    json_t *message = NULL;
    assert_int_equal(community_post(&eve->community, "r59", "no", &message), ERR_DENIED);
    assert_int_equal(eve->community.refusal.code, 403);
    assert_false(is_listed(eve, "r59"));
    assert_true(is_listed(ben, "r59"));
    json_decref(must(mod, "POST", "{\"rooms\":[\"r59\"]}", "/user/%s/unban", id15(&c, EVE)));
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r59"), 200);
}

static void hidden_global_admin__is_shown_to_moderators_only(void **state)
{
    (void)state;
    open_room("r60");
    json_t *seen_by_ben = room_of(ben, "r60");
    json_t *seen_by_mod = room_of(mod, "r60");
    json_t *own = room_of(chief, "r60");
    static const char *const lists_of[] = {"admins", "moderators", "hidden_admins",
                                           "hidden_moderators"};
    for (size_t i = 0; i < COUNT_OF(lists_of); i++)
        assert_false(lists(seen_by_ben, lists_of[i], id15(&c, CHIEF)));
    assert_null(json_object_get(seen_by_ben, "hidden_admins"));
    assert_null(json_object_get(seen_by_ben, "hidden_moderators"));
    assert_true(lists(seen_by_mod, "hidden_admins", id15(&c, CHIEF)));
    assert_false(lists(seen_by_mod, "admins", id15(&c, CHIEF)));
    static const char *const flags[] = {"admin", "moderator", "global_admin", "global_moderator"};
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        assert_true(json_is_true(json_object_get(own, flags[i])));
        assert_null(json_object_get(seen_by_ben, flags[i]));
    }
    assert_null(json_object_get(seen_by_mod, "global_moderator"));
    assert_null(json_object_get(seen_by_mod, "admin"));
    json_decref(seen_by_ben);
    json_decref(seen_by_mod);
    json_decref(own);
}

static void room_role__decides_whether_a_global_admin_is_shown(void **state)
{
    (void)state;
    open_room("r61");
    open_room("other61");
    json_decref(must(chief, "POST", "{\"global\":true,\"admin\":true,\"visible\":true}",
                     "/user/%s/moderator", id15(&c, EVE)));
    json_decref(must(chief, "POST", "{\"rooms\":[\"r61\"],\"moderator\":true,\"visible\":false}",
                     "/user/%s/moderator", id15(&c, EVE)));
    json_t *here = room_of(ben, "r61");
    json_t *there = room_of(ben, "other61");
    assert_false(lists(here, "admins", id15(&c, EVE)));
    assert_false(lists(here, "moderators", id15(&c, EVE)));
    assert_true(lists(there, "admins", id15(&c, EVE)));
    json_decref(here);
    json_decref(there);
    here = room_of(mod, "r61");
    assert_true(lists(here, "hidden_admins", id15(&c, EVE))); /* the higher of both roles */
    json_decref(here);
    json_decref(must(chief, "POST", "{\"global\":true,\"moderator\":false}", "/user/%s/moderator",
                     id15(&c, EVE)));
}

static void moderator_removed__loses_the_flag_and_the_counter_grows(void **state)
{
    (void)state;
    open_room("r68");
    json_t *poll = must(mod, "GET", NULL, "/room/r68/pollInfo/0");
    assert_true(json_is_true(json_object_get(poll, "moderator")));
    json_decref(poll);
    int64_t n = info_updates(ben, "r68");
    json_decref(must(admin, "POST", "{\"rooms\":[\"r68\"],\"moderator\":false}",
                     "/user/%s/moderator", id15(&c, MOD)));
    poll = must(mod, "GET", NULL, "/room/r68/pollInfo/%lld", (long long)n);
    assert_null(json_object_get(poll, "moderator"));
    assert_null(json_object_get(poll, "default_read"));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(poll, "details"), "info_updates")),
        n + 1);
    json_decref(poll);
}

/* ---- PUT /room/R ---- */

static void put_room__texts__lose_control_characters(void **state)
{
    (void)state;
    open_room("texts");
    json_decref(must(admin, "PUT",
                     "{\"name\":\"a\\u0001b\\tc\\nd\",\"description\":\"x\\u0007y\\tz\\n\\r\"}",
                     "/room/texts"));
    json_t *room = room_of(ben, "texts");
    assert_string_equal(json_string_value(json_object_get(room, "name")), "abcd");
    assert_string_equal(json_string_value(json_object_get(room, "description")), "xy\tz\n");
    json_decref(room);
    /* An empty name is allowed; an empty description, or null, is none. */
    static const char *const removals[] = {"{\"name\":\"\",\"description\":\"\"}",
                                           "{\"description\":null}",
                                           "{\"description\":\"\\u0001\"}"};
    for (size_t i = 0; i < COUNT_OF(removals); i++) {
        json_decref(must(admin, "PUT", "{\"description\":\"words\"}", "/room/texts"));
        json_decref(must(admin, "PUT", removals[i], "/room/texts"));
        room = room_of(ben, "texts");
        assert_string_equal(json_string_value(json_object_get(room, "name")), "");
        assert_null(json_object_get(room, "description"));
        json_decref(room);
    }
}

static void put_room__defaults__hold_for_everybody_at_once(void **state)
{
    (void)state;
    open_room("defaults");
    json_decref(must(admin, "PUT", "{\"default_write\":false}", "/room/defaults"));
    json_t *poll = must(ben, "GET", NULL, "/room/defaults/pollInfo/0");
    assert_true(json_is_false(json_object_get(poll, "write")));
    assert_true(json_is_false(json_object_get(poll, "upload")));
    json_decref(poll);
    json_decref(
        must(admin, "PUT", "{\"default_read\":false,\"default_accessible\":0}", "/room/defaults"));
    assert_int_equal(ask(ben, "GET", NULL, NULL, "/room/defaults"), 404);
    assert_int_equal(ask(ben, "GET", NULL, NULL, "/room/defaults/pollInfo/0"), 404);
    json_decref(
        must(admin, "PUT", "{\"default_read\":1,\"default_accessible\":null}", "/room/defaults"));
    assert_int_equal(ask(ben, "GET", NULL, NULL, "/room/defaults"), 200);
}

/* An upload to the room: what libmagic takes for a picture, or does not. */
static int64_t upload(const char *room, bool picture)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D',
                                  'R',  0,   0,   0,   1,  0,  0,  0,  1, 8, 6, 0,  0,   0};
    char path[96];
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    (void)snprintf(path, sizeof(path), "/room/%s/file", room);
    struct community_request request = {.method = "POST",
                                        .target = path,
                                        .body = picture ? span_of(png, sizeof(png))
                                                        : SPAN("words, and no picture"),
                                        .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&admin->community, &request, &reply), OK);
    assert_int_equal(reply.code, 201);
    json_t *json = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    int64_t id = json_integer_value(json_object_get(json, "id"));
    json_decref(json);
    return id;
}

/* A picture in the room; message and expiry are SQL. */
static int64_t file_in(const char *room, const char *message, const char *expiry)
{
    int64_t id = upload(room, true);
    sql(&c, "UPDATE conclave.files SET message = %s, expiry = %s WHERE id = %lld", message, expiry,
        (long long)id);
    return id;
}

/* What is left of its life in hours; -1: no end; 0: over. */
static int64_t hours_left(int64_t file)
{
    return sql_number(&c,
                      "SELECT CASE WHEN expiry IS NULL THEN -1 WHEN expiry = 0 THEN 0 ELSE"
                      " ceil((expiry - extract(epoch FROM now())) / 3600) END::bigint"
                      "  FROM conclave.files WHERE id = %lld",
                      (long long)file);
}

#define SOON "extract(epoch FROM now()) + 3600"

static int put_image(const char *room, int64_t file)
{
    char body[64];
    (void)snprintf(body, sizeof(body), "{\"image\":%lld}", (long long)file);
    return ask(admin, "PUT", body, NULL, "/room/%s", room);
}

static void image_of_another_room__is_406(void **state)
{
    (void)state;
    open_room("r54");
    open_room("other54");
    const int64_t bad[] = {file_in("other54", "NULL", SOON),
                           file_in("r54", "NULL", "extract(epoch FROM now()) - 1"),
                           upload("r54", false),
                           999999999,
                           0,
                           -3,
                           INT64_MAX};
    uint64_t before = contents(&c);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(put_image("r54", bad[i]), 406);
    /* Nor does anything that stands beside it in the same request happen. */
    assert_int_equal(
        ask(admin, "PUT", "{\"name\":\"never\",\"image\":999999999}", NULL, "/room/r54"), 406);
    assert_int_equal(contents(&c), before);
}

static void put_room__image__has_no_end_and_the_former_one_goes(void **state)
{
    (void)state;
    open_room("icons");
    int64_t n = info_updates(ben, "icons");
    int64_t first = file_in("icons", "NULL", SOON);
    int64_t second = file_in("icons", "NULL", SOON);
    assert_int_equal(put_image("icons", first), 200);
    assert_int_equal(info_updates(ben, "icons"), ++n);
    assert_int_equal(hours_left(first), -1);
    json_t *room = room_of(ben, "icons");
    assert_int_equal(json_integer_value(json_object_get(room, "image_id")), first);
    json_decref(room);
    /* The same again: no change, and it does not begin to expire (quirk 6). */
    assert_int_equal(put_image("icons", first), 200);
    assert_int_equal(info_updates(ben, "icons"), n);
    assert_int_equal(hours_left(first), -1);
    assert_int_equal(put_image("icons", second), 200);
    assert_int_equal(info_updates(ben, "icons"), ++n);
    assert_int_equal(hours_left(first), 0);
    assert_int_equal(hours_left(second), -1);
    assert_int_equal(ask(admin, "PUT", "{\"image\":null}", NULL, "/room/icons"), 200);
    assert_int_equal(info_updates(ben, "icons"), ++n);
    assert_int_equal(hours_left(second), 0);
    room = room_of(ben, "icons");
    assert_null(json_object_get(room, "image_id"));
    json_decref(room);
}

static void put_room__former_image_that_a_message_shows__lives_on(void **state)
{
    (void)state;
    open_room("shown");
    char message[32];
    int64_t id = say(ben, "shown", "look");
    (void)snprintf(message, sizeof(message), "%lld", (long long)id);
    int64_t attached = file_in("shown", message, SOON);
    int64_t pinned = file_in("shown", message, "NULL");
    int64_t next = file_in("shown", "NULL", SOON);
    assert_int_equal(put_image("shown", attached), 200);
    assert_int_equal(put_image("shown", next), 200);
    assert_int_equal(hours_left(attached), 15 * 24); /* quirk 7: the normal lifetime */
    json_decref(must(admin, "POST", NULL, "/room/shown/pin/%lld", (long long)id));
    assert_int_equal(hours_left(attached), -1);
    assert_int_equal(put_image("shown", pinned), 200);
    assert_int_equal(hours_left(next), 0); /* of no message */
    assert_int_equal(put_image("shown", file_in("shown", "NULL", SOON)), 200);
    assert_int_equal(hours_left(pinned), -1); /* the message is pinned */
    json_decref(must(admin, "POST", NULL, "/room/shown/unpin/%lld", (long long)id));
    assert_int_equal(hours_left(pinned), 15 * 24);
}

/* ---- pins ---- */

static void pins__come_in_the_order_of_pinning_and_name_who_did_it(void **state)
{
    (void)state;
    open_room("pins");
    int64_t ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = say(ben, "pins", "pin me");
    for (int i = 0; i < 3; i++)
        json_decref(must(admin, "POST", NULL, "/room/pins/pin/%lld", (long long)ids[i]));
    json_decref(must(chief, "POST", NULL, "/room/pins/pin/%lld", (long long)ids[0])); /* now last */
    json_t *room = room_of(ben, "pins");
    const json_t *pins = json_object_get(room, "pinned_messages");
    const int64_t order[] = {ids[1], ids[2], ids[0]};
    assert_int_equal(json_array_size(pins), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *pin = json_array_get(pins, i);
        assert_int_equal(json_integer_value(json_object_get(pin, "id")), order[i]);
        assert_true(json_is_integer(json_object_get(pin, "pinned_at"))); /* whole seconds */
        assert_string_equal(json_string_value(json_object_get(pin, "pinned_by")),
                            i == 2 ? id15(&c, CHIEF) : id15(&c, ADMIN));
    }
    json_decref(room);
    json_t *reply = must(admin, "POST", NULL, "/room/pins/unpin/%lld", (long long)ids[1]);
    assert_true(json_is_true(json_object_get(reply, "unpinned")));
    int64_t n = number_in(reply, "info_updates");
    reply = must(admin, "POST", NULL, "/room/pins/unpin/%lld", (long long)ids[1]);
    assert_true(json_is_false(json_object_get(reply, "unpinned")));
    assert_int_equal(number_in(reply, "info_updates"), n);
    reply = must(admin, "POST", NULL, "/room/pins/unpin/0");
    assert_true(json_is_false(json_object_get(reply, "unpinned")));
    json_decref(reply);
    reply = must(admin, "POST", NULL, "/room/pins/unpin/all");
    assert_int_equal(json_integer_value(json_object_get(reply, "unpinned")), 2);
    assert_int_equal(number_in(reply, "info_updates"), n + 2);
    room = room_of(ben, "pins");
    assert_null(json_object_get(room, "pinned_messages"));
    json_decref(room);
}

static void pin__what_is_no_regular_message__is_404(void **state)
{
    (void)state;
    open_room("odd");
    open_room("elsewhere");
    int64_t other = say(ben, "elsewhere", "of another room");
    int64_t filtered = say(ben, "odd", "filtered"), deleted = say(ben, "odd", "deleted"),
            whisper = say(ben, "odd", "whisper"), to_mods = say(ben, "odd", "to moderators");
    sql(&c, "UPDATE conclave.messages SET state = 1 WHERE id = %lld", (long long)filtered);
    sql(&c, "UPDATE conclave.messages SET body = NULL WHERE id = %lld", (long long)deleted);
    sql(&c,
        "UPDATE conclave.messages SET whisper_to = author WHERE id = %lld;"
        "UPDATE conclave.messages SET whisper_mods = true WHERE id = %lld",
        (long long)whisper, (long long)to_mods);
    const int64_t bad[] = {other, filtered, deleted, whisper, to_mods, 0, INT64_MAX};
    uint64_t before = contents(&c);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(ask(admin, "POST", NULL, NULL, "/room/odd/pin/%lld", (long long)bad[i]),
                         404);
    assert_int_equal(contents(&c), before);
}

static void pin__one_more_than_the_limit__is_refused(void **state)
{
    (void)state;
    open_room("many");
    int64_t id = say(ben, "many", "the one too many");
    sql(&c,
        "WITH m AS (INSERT INTO conclave.messages"
        " (room, author, posted, seqno_creation, seqno_data, key_id, body)"
        " SELECT room, author, 0, 0, 0, key_id, body"
        "   FROM conclave.messages, generate_series(1, 256) WHERE id = %lld RETURNING id, room,"
        " author)"
        " INSERT INTO conclave.pins (room, message, pinned_by, pinned_at)"
        " SELECT room, id, author, 1 FROM m",
        (long long)id);
    assert_int_equal(ask(admin, "POST", NULL, NULL, "/room/many/pin/%lld", (long long)id), 413);
    sql(&c, "DELETE FROM conclave.pins WHERE message ="
            " (SELECT max(message) FROM conclave.pins)");
    assert_int_equal(ask(admin, "POST", NULL, NULL, "/room/many/pin/%lld", (long long)id), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poll_info__has_details_only_when_the_counter_differs),
        cmocka_unit_test(info_updates__counts_changes_that_clients_show),
        cmocka_unit_test(banned_user__room_is_404_the_rest_403_and_not_listed),
        cmocka_unit_test(hidden_global_admin__is_shown_to_moderators_only),
        cmocka_unit_test(room_role__decides_whether_a_global_admin_is_shown),
        cmocka_unit_test(moderator_removed__loses_the_flag_and_the_counter_grows),
        cmocka_unit_test(image_of_another_room__is_406),
        cmocka_unit_test(put_room__texts__lose_control_characters),
        cmocka_unit_test(put_room__defaults__hold_for_everybody_at_once),
        cmocka_unit_test(put_room__image__has_no_end_and_the_former_one_goes),
        cmocka_unit_test(put_room__former_image_that_a_message_shows__lives_on),
        cmocka_unit_test(pins__come_in_the_order_of_pinning_and_name_who_did_it),
        cmocka_unit_test(pin__what_is_no_regular_message__is_404),
        cmocka_unit_test(pin__one_more_than_the_limit__is_refused),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
