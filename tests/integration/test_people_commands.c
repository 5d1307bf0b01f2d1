/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What operators type about rooms and people, beside a running server: mod, user, message, room set
 * --preset. It holds there within a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"
#include "integration/cast.h"

enum { MOD, BEN, EVE, PEOPLE };
enum { USAGE = 2, AT_ONCE_MS = 1000, SHOWN_MAX = 4096 };

static struct cast c;
static struct member *mod, *ben, *eve;

static int open_stage(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    cast_open(&c, 1, PEOPLE, env);
    mod = &c.members[MOD];
    ben = &c.members[BEN];
    eve = &c.members[EVE];
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

/* Within a second. */
static void soon(struct member *m, int code, const char *path)
{
    assert_in_range(wait_for_code(m, code, "GET", path), 0, AT_ONCE_MS);
}

static void succeeds(const char *words)
{
    int status = command(&c, "%s", words);
    if (status != 0)
        fail_msg("%s: exit code %d", words, status);
}

static char *with_id(const char *format, const char *id)
{
    static char words[512];
    const char *hole = strchr(format, '#');
    (void)snprintf(words, sizeof(words), "%.*s%s%s", (int)(hole - format), format, id, hole + 1);
    return words;
}

static void presets__grant_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        bool there, read, write, upload;
    } cases[] = {
        {"announce", true, true, false, false},
        {"media-off", true, true, true, false},
        {"private", false, false, true, true},
        {"open", true, true, true, true},
    };
    succeeds("room add shelf --name shelf");
    succeeds(with_id("mod add # --room shelf", id15(&c, MOD)));
    soon(mod, 200, "/room/shelf/permissions");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(command(&c, "room set shelf --preset %s", cases[i].preset), 0);
        int64_t until = clock_mono_ms() + AT_ONCE_MS;
        for (;;) {
            json_t *room = room_of(mod, "shelf");
            bool as_said =
                json_is_true(json_object_get(room, "default_read")) == cases[i].read &&
                json_is_true(json_object_get(room, "default_accessible")) == cases[i].there &&
                json_is_true(json_object_get(room, "default_write")) == cases[i].write &&
                json_is_true(json_object_get(room, "default_upload")) == cases[i].upload;
            json_decref(room);
            if (as_said)
                break;
            if (clock_mono_ms() > until)
                fail_msg("preset %s", cases[i].preset);
        }
        assert_int_equal(ask(ben, "GET", NULL, NULL, "/room/shelf"), cases[i].there ? 200 : 404);
    }
    /* What stands beside a preset wins. */
    succeeds("room set shelf --preset announce --read no");
    soon(ben, 403, "/room/shelf/pollInfo/0");
    assert_int_equal(command(&c, "room set shelf --preset closed"), USAGE);
}

static void user_set__lets_somebody_into_a_private_room(void **state)
{
    (void)state;
    succeeds("room add club --name club");
    succeeds("room set club --preset private");
    soon(ben, 404, "/room/club");
    succeeds(with_id("user set # --room club --read yes", id15(&c, BEN)));
    soon(ben, 200, "/room/club/pollInfo/0");
    say(ben, "club", "inside"); /* who may read may post and attach */
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/club"), 404);
    succeeds(with_id("user set # --room club --write no", id15(&c, BEN)));
    soon(ben, 200, "/room/club/pollInfo/0");
    json_t *message = NULL;
    int64_t until = clock_mono_ms() + AT_ONCE_MS;
    while (community_post(&ben->community, "club", "muted", &message) == OK) {
        json_decref(message);
        assert_true(clock_mono_ms() < until);
    }
    assert_int_equal(ben->community.refusal.code, 403);
    succeeds(with_id("user show #", id15(&c, BEN)));
    assert_non_null(strstr(command_output(), "room club: read=yes write=no"));
    succeeds(with_id("user set # --room club --read default --write default", id15(&c, BEN)));
    soon(ben, 404, "/room/club");
}

static void user_ban__from_a_room_and_from_the_server__holds_and_ends(void **state)
{
    (void)state;
    soon(eve, 200, "/room/lobby");
    succeeds(with_id("user ban # --room lobby --for 2h", id15(&c, EVE)));
    soon(eve, 404, "/room/lobby");
    succeeds(with_id("user show #", id05(&c, EVE))); /* by either name */
    assert_non_null(strstr(command_output(), id15(&c, EVE)));
    assert_non_null(strstr(command_output(), "room lobby: banned"));
    assert_non_null(strstr(command_output(), "banned=no")); /* when it ends */
    int64_t ends_in = sql_number(&c, "SELECT (at - extract(epoch FROM now()))::bigint"
                                     "  FROM conclave.ban_futures");
    assert_in_range(ends_in, 7100, 7201);
    succeeds(with_id("user unban # --room lobby", id15(&c, EVE)));
    soon(eve, 200, "/room/lobby");
    assert_int_equal(sql_number(&c, "SELECT count(*) FROM conclave.ban_futures"), 0);
    succeeds(with_id("user ban # --global", id05(&c, EVE)));
    soon(eve, 403, "/rooms");
    succeeds(with_id("user show #", id15(&c, EVE)));
    assert_non_null(strstr(command_output(), "server: banned"));
    assert_int_equal(command(&c, "mod add %s --global", id15(&c, EVE)), 1); /* banned */
    succeeds(with_id("user unban # --global", id15(&c, EVE)));
    soon(eve, 200, "/rooms");
    /* A global moderator is not banned; one of the room is, and loses the role. */
    succeeds(with_id("mod add # --global", id15(&c, EVE)));
    assert_int_equal(command(&c, "user ban %s --global", id15(&c, EVE)), 1);
    succeeds(with_id("mod remove # --global", id15(&c, EVE)));
    succeeds(with_id("mod add # --room lobby", id15(&c, EVE)));
    succeeds(with_id("user ban # --room lobby", id15(&c, EVE)));
    soon(eve, 404, "/room/lobby");
    succeeds("mod list --room lobby");
    assert_null(strstr(command_output(), id15(&c, EVE)));
    succeeds(with_id("user unban # --room lobby", id15(&c, EVE)));
    soon(eve, 200, "/room/lobby");
}

static void mod_add__sets_exactly_what_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *words, *line;
    } cases[] = {
        {"mod add # --room lobby", " moderator visible\n"},
        {"mod add # --room lobby --hidden", " moderator hidden\n"},
        {"mod add # --room lobby --admin --hidden", " admin hidden\n"},
        {"mod add # --room lobby --admin --visible", " admin visible\n"},
        {"mod add # --room lobby", " moderator visible\n"},
        {"mod add # --global", " moderator hidden\n"},
        {"mod add # --global --admin", " admin hidden\n"},
        {"mod add # --global --visible", " moderator visible\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[128];
        succeeds(with_id(cases[i].words, id15(&c, BEN)));
        succeeds(strstr(cases[i].words, "--global") ? "mod list --global"
                                                    : "mod list --room lobby");
        (void)snprintf(line, sizeof(line), "%s%s", id15(&c, BEN), cases[i].line);
        assert_non_null(strstr(command_output(), line));
    }
    succeeds(with_id("mod remove # --global", id15(&c, BEN)));
    succeeds(with_id("mod remove # --room lobby", id15(&c, BEN)));
    succeeds(with_id("mod remove # --room lobby", id15(&c, BEN))); /* nothing is left: fine */
    soon(ben, 403, "/room/lobby/permissions");
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wbe");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int64_t image_of(const char *room)
{
    json_t *object = room_of(ben, room);
    int64_t image = json_integer_value(json_object_get(object, "image_id"));
    json_decref(object);
    return image;
}

static void room_set_icon__is_shown_and_fetched__and_goes_again(void **state)
{
    (void)state;
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D',
                                  'R',  0,   0,   0,   1,  0,  0,  0,  1, 8, 6, 0,  0,   0};
    char picture[WORLD_PATH_MAX + 16], words[WORLD_PATH_MAX + 16];
    (void)snprintf(picture, sizeof(picture), "%s/icon.png", c.w.folder);
    (void)snprintf(words, sizeof(words), "%s/icon.txt", c.w.folder);
    write_file(picture, png, sizeof(png));
    write_file(words, "no picture", 10);
    succeeds("room add faces --name faces");
    soon(ben, 200, "/room/faces");
    int64_t n = info_updates(ben, "faces");
    assert_int_equal(command(&c, "room set faces --icon %s", picture), 0);
    int64_t until = clock_mono_ms() + AT_ONCE_MS;
    while (image_of("faces") == 0)
        assert_true(clock_mono_ms() < until);
    assert_int_equal(info_updates(ben, "faces"), n + 1);
    int64_t first = image_of("faces");
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    char path[64];
    (void)snprintf(path, sizeof(path), "/room/faces/file/%lld", (long long)first);
    struct community_request get = {.method = "GET", .target = path, .signing = UNSIGNED};
    assert_int_equal(community_call(&ben->community, &get, &reply), OK);
    assert_int_equal(reply.code, 200);
    assert_int_equal(reply.body.len, sizeof(png));
    assert_memory_equal(reply.body.p, png, sizeof(png));
    assert_int_equal(sql_number(&c,
                                "SELECT count(*) FROM conclave.files"
                                " WHERE id = %lld AND expiry IS NULL AND uploader IS NULL",
                                (long long)first),
                     1);
    uint64_t before = contents(&c);
    assert_int_equal(command(&c, "room set faces --name never --icon %s", words), 1);
    assert_int_equal(command(&c, "room set faces --icon /nowhere/at/all.png"), 1);
    assert_int_equal(command(&c, "room set faces --icon %s --no-icon", picture), USAGE);
    assert_int_equal(contents(&c), before);
    succeeds("room set faces --no-icon");
    until = clock_mono_ms() + AT_ONCE_MS;
    while (image_of("faces") != 0)
        assert_true(clock_mono_ms() < until);
    assert_int_equal(ask(ben, "GET", NULL, NULL, "%s", path), 404);
}

/* What `room show` says behind the token, without the join link. */
static void show_room(const char *token, char out[static SHOWN_MAX])
{
    assert_int_equal(command(&c, "room show %s", token), 0);
    char *copy = out;
    for (const char *line = strchr(command_output(), '\t'); *line != '\0'; line++)
        *copy++ = *line;
    *copy = '\0';
    char *link = strstr(out, "http://");
    assert_non_null(link);
    char *end = strchr(link, '\n');
    memmove(link, end, strlen(end) + 1);
}

static void room_add__with_all_options__is_as_room_set_would_make_it(void **state)
{
    static char added[SHOWN_MAX], set[SHOWN_MAX];
    static const char changes[] = "--description=words --preset=announce --upload=yes --quota=2G "
                                  "--file-types=image/ --keep=30d --keep-bytes=5G";
    (void)state;
    char picture[WORLD_PATH_MAX + 16];
    (void)snprintf(picture, sizeof(picture), "%s/icon.png", c.w.folder);
    assert_int_equal(command(&c, "room add both --name=both %s --icon=%s", changes, picture), 0);
    assert_non_null(strstr(command_output(), "/both?public_key="));
    soon(ben, 200, "/room/both");
    assert_true(image_of("both") != 0);
    succeeds("room add later --name both");
    assert_int_equal(command(&c, "room set later %s --icon=%s", changes, picture), 0);
    show_room("both", added);
    show_room("later", set);
    assert_string_equal(added, set);
    assert_non_null(strstr(added, "ra-u\t"));
    assert_non_null(strstr(added, "of 2147483648; only image/\n"));
    assert_non_null(strstr(added, "keeps messages for 2592000 s\n"));
    assert_non_null(strstr(added, "keeps the newest 5368709120 bytes"));
}

static void room_add__private__is_private_from_the_first_moment(void **state)
{
    (void)state;
    succeeds("room add secret --name secret --preset private");
    soon(mod, 404, "/room/secret");
    assert_int_equal(sql_number(&c, "SELECT count(*) FROM conclave.rooms WHERE token = 'secret'"
                                    " AND NOT read AND NOT accessible AND write AND upload"),
                     1);
}

static void room_add__that_fails_at_its_last_step__leaves_nothing(void **state)
{
    (void)state;
    char picture[WORLD_PATH_MAX + 16];
    (void)snprintf(picture, sizeof(picture), "%s/icon.png", c.w.folder);
    uint64_t before = contents(&c);
    assert_int_equal(command(&c, "room add half --name half --quota 1 --icon %s", picture), 1);
    assert_int_equal(contents(&c), before);
    assert_int_equal(sql_number(&c, "SELECT count(*) FROM conclave.rooms WHERE token = 'half'"), 0);
    assert_int_equal(command(&c, "room set faces --name half --quota 1 --icon %s", picture), 1);
    assert_int_equal(contents(&c), before);
}

static void user_ban__of_a_global_admin_from_a_room__says_what_to_do(void **state)
{
    (void)state;
    succeeds(with_id("mod add # --global --admin", id15(&c, EVE)));
    uint64_t before = contents(&c);
    assert_int_equal(command(&c, "user ban %s --room lobby", id15(&c, EVE)), 1);
    assert_int_equal(command(&c, "user ban %s --global", id15(&c, EVE)), 1);
    assert_int_equal(contents(&c), before);
    succeeds(with_id("mod remove # --global", id15(&c, EVE)));
    succeeds(with_id("user ban # --room lobby", id15(&c, EVE)));
    succeeds(with_id("user unban # --room lobby", id15(&c, EVE)));
}

static int64_t sequence_of(const char *room)
{
    return sql_number(&c, "SELECT message_sequence FROM conclave.rooms WHERE token = '%s'", room);
}

static bool is_gone(int64_t id)
{
    int64_t until = clock_mono_ms() + AT_ONCE_MS;
    do {
        if (ask(ben, "GET", NULL, NULL, "/room/wall/message/%lld", (long long)id) == 404)
            return true;
    } while (clock_mono_ms() < until);
    return false;
}

static void message_delete__leaves_tombstones_and_draws_numbers(void **state)
{
    (void)state;
    int64_t ids[4];
    succeeds("room add wall --name wall");
    succeeds(with_id("mod add # --room wall --admin", id15(&c, MOD)));
    soon(mod, 200, "/room/wall/permissions");
    for (int i = 0; i < 4; i++)
        ids[i] = say(i == 3 ? eve : ben, "wall", "to be deleted");
    json_decref(must(mod, "PUT", NULL, "/room/wall/reaction/%lld/a", (long long)ids[1]));
    json_decref(must(eve, "PUT", NULL, "/room/wall/reaction/%lld/a", (long long)ids[1]));
    json_decref(must(eve, "PUT", NULL, "/room/wall/reaction/%lld/b", (long long)ids[1]));
    json_decref(must(mod, "POST", NULL, "/room/wall/pin/%lld", (long long)ids[0]));
    json_t *recent = must(ben, "GET", NULL, "/room/wall/messages/recent"); /* in memory now */
    assert_int_equal(json_array_size(recent), 4);
    json_decref(recent);
    int64_t before = sequence_of("wall");
    int64_t n = info_updates(ben, "wall");
    /* One more that does not exist, and one of another room. */
    int64_t other = say(ben, "lobby", "of another room");
    assert_int_equal(command(&c, "message delete --room wall %lld %lld 999999 %lld",
                             (long long)ids[0], (long long)ids[1], (long long)other),
                     0);
    assert_string_equal(command_output(), "deleted 2\n");
    assert_true(is_gone(ids[0]));
    assert_true(is_gone(ids[1]));
    assert_int_equal(ask(ben, "GET", NULL, NULL, "/room/lobby/message/%lld", (long long)other),
                     200);
    assert_int_equal(sequence_of("wall"), before + 2 + 3); /* three user reactions went, too */
    json_t *rows = must(ben, "GET", NULL, "/room/wall/messages/since/%lld?t=r", (long long)before);
    assert_int_equal(json_array_size(rows), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *row = json_array_get(rows, i);
        assert_true(json_is_true(json_object_get(row, "deleted")));
        assert_true(json_is_null(json_object_get(row, "data")));
        assert_null(json_object_get(row, "reactions"));
    }
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 1), "seqno")),
                     before + 5);
    json_decref(rows);
    json_t *room = room_of(ben, "wall");
    assert_null(json_object_get(room, "pinned_messages"));
    assert_int_equal(json_integer_value(json_object_get(room, "info_updates")), n + 1);
    json_decref(room);
    /* Once more: nothing to do, nothing drawn. */
    assert_int_equal(command(&c, "message delete --room wall %lld", (long long)ids[0]), 0);
    assert_string_equal(command_output(), "deleted 0\n");
    assert_int_equal(sequence_of("wall"), before + 5);
    assert_int_equal(command(&c, "message delete --room wall --by %s", id05(&c, BEN)), 0);
    assert_string_equal(command_output(), "deleted 1\n");
    assert_true(is_gone(ids[2]));
    assert_false(ask(ben, "GET", NULL, NULL, "/room/wall/message/%lld", (long long)ids[3]) == 404);
    /* The running server goes on from there. */
    say(ben, "wall", "afterwards");
}

static void message_delete__of_more_than_one_slice__deletes_all(void **state)
{
    (void)state;
    succeeds("room add flood --name flood");
    soon(ben, 200, "/room/flood");
    int64_t id = say(ben, "flood", "a thousand times");
    sql(&c,
        "INSERT INTO conclave.messages (room, author, posted, seqno_creation, seqno_data, key_id, "
        "body)"
        " SELECT room, author, posted + g, g + 1, g + 1, key_id, body"
        "   FROM conclave.messages, generate_series(1, 1100) g WHERE id = %lld;"
        "UPDATE conclave.rooms SET message_sequence = 1101 WHERE token = 'flood'",
        (long long)id);
    assert_int_equal(command(&c, "message delete --room flood --by %s", id15(&c, BEN)), 0);
    assert_string_equal(command_output(), "deleted 1101\n");
    assert_int_equal(sequence_of("flood"), 2202);
}

static void command__that_makes_no_sense__is_refused(void **state)
{
    (void)state;
    static const char *const usage[] = {
        "user",
        "user ban",
        "user ban 15",
        "user ban # --room lobby --global",
        "user ban #",
        "user ban # --room lobby --for 2",
        "user ban # --room lobby --for 0h",
        "user ban # --room lobby --for 2w",
        "user ban # --room lobby --for 999999999999999999999d",
        "user unban # --room lobby --for 2h",
        "user set # --room lobby",
        "user set # --read yes",
        "user set # --room lobby --read maybe",
        "user show # --read yes",
        "user praise #",
        "user ban 050000000000000000000000000000000000000000000000000000000000000000 --global",
        "user ban 25aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --global",
        "mod add # --room lobby --global",
        "mod add # --visible --hidden --global",
        "mod add --global",
        "message delete",
        "message delete --room lobby",
        "message delete --room lobby -1",
        "message delete --room lobby abc",
        "message delete --room lobby 1 --by #",
        "message keep --room lobby 1",
    };
    uint64_t before = contents(&c);
    for (size_t i = 0; i < COUNT_OF(usage); i++) {
        const char *words =
            strchr(usage[i], '#') != NULL ? with_id(usage[i], id15(&c, EVE)) : usage[i];
        int status = command(&c, "%s", words);
        if (status != USAGE)
            fail_msg("%s: exit code %d", words, status);
    }
    assert_int_equal(command(&c, "user ban %s --room nowhere", id15(&c, EVE)), 1);
    assert_int_equal(command(&c, "message delete --room nowhere 1"), 1);
    assert_int_equal(
        command(&c, "user show 15bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
        1);
    assert_int_equal(contents(&c), before);
}

static void help__of_every_command__says_how(void **state)
{
    (void)state;
    static const struct {
        const char *words, *says;
    } cases[] = {
        {"user --help", "ban ID"},  {"user ban --help", "--for"}, {"mod --help", "add ID"},
        {"message --help", "--by"}, {"room --help", "media-off"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        succeeds(cases[i].words);
        assert_non_null(strstr(command_output(), cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets__grant_what_they_say),
        cmocka_unit_test(user_set__lets_somebody_into_a_private_room),
        cmocka_unit_test(user_ban__from_a_room_and_from_the_server__holds_and_ends),
        cmocka_unit_test(mod_add__sets_exactly_what_is_said),
        cmocka_unit_test(room_set_icon__is_shown_and_fetched__and_goes_again),
        cmocka_unit_test(room_add__with_all_options__is_as_room_set_would_make_it),
        cmocka_unit_test(room_add__private__is_private_from_the_first_moment),
        cmocka_unit_test(room_add__that_fails_at_its_last_step__leaves_nothing),
        cmocka_unit_test(user_ban__of_a_global_admin_from_a_room__says_what_to_do),
        cmocka_unit_test(message_delete__leaves_tombstones_and_draws_numbers),
        cmocka_unit_test(message_delete__of_more_than_one_slice__deletes_all),
        cmocka_unit_test(command__that_makes_no_sense__is_refused),
        cmocka_unit_test(help__of_every_command__says_how),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
