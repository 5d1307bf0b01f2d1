/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's commands beside a running server: what they print, what they change there at once,
 * and their exit codes (0 ok, 1 refused or failed, 2 usage, 3 configuration, 4 database, 5 listen).
 *
 * test-seconds: 19
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "integration/command.h"
#include "integration/group.h"

enum { USAGE = 2, CONFIGURATION = 3, DATABASE = 4, LISTEN = 5 };
enum { AT_ONCE_MS = 1000 };

static struct said said;
static char kept[SAID_MAX]; /* what another command said before */

static int open_world(void **state)
{
    static const struct world_options options = {.servers = 1, .accounts = 2, .no_fsync = true};
    return group_open(state, &options);
}

static void succeed(struct world *w, const char *const *args, const char *words)
{
    command_expect(w, NULL, args, 0, words, &said);
    assert_string_equal(said.err, "");
}

static void refuse(struct world *w, const char *const *args, int status, const char *words)
{
    command_expect(w, NULL, args, status, words, &said);
    assert_true(strlen(said.err) > 0); /* never silently */
}

/* What GET /room/R or /rooms says, for an anonymous caller. */
static json_t *get(struct world *w, const char *target)
{
    struct member nobody;
    json_t *json = NULL;
    const struct community_request request = {
        .method = "GET", .target = target, .signing = UNSIGNED};
    assert_int_equal(member_open(w, 0, 0, false, &nobody), OK);
    enum err e = community_json(&nobody.community, &request, &json);
    assert_true(e == OK || e == ERR_DENIED);
    member_close(&nobody);
    return json;
}

typedef bool (*condition)(const json_t *room);

/* The running server shows it within a second: "takes effect at once". */
static void assert_soon(struct world *w, const char *target, condition holds)
{
    int64_t deadline_ms = clock_mono_ms() + AT_ONCE_MS;
    for (;;) {
        json_auto_t *room = get(w, target);
        if (holds(room))
            return;
        if (clock_mono_ms() >= deadline_ms)
            fail_msg("%s does not show it after a second", target);
        (void)poll(NULL, 0, 20);
    }
}

/* ---- help and usage ---- */

static void help__of_every_command__says_how_and_ends_well(void **state)
{
    static const char *const commands[] = {"serve",  "migrate", "check", "key",    "room",   "mod",
                                           "status", "user",    "file",  "filter", "message"};
    succeed(*state, ARGS("--help"), "Usage: conclave COMMAND");
    memcpy(kept, said.out, sizeof(kept));
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        char usage[64];
        (void)snprintf(usage, sizeof(usage), "Usage: conclave %s", commands[i]);
        assert_non_null(strstr(kept, commands[i]));
        succeed(*state, ARGS(commands[i], "--help"), usage);
        assert_non_null(strstr(said.out, "--config"));
    }
    succeed(*state, ARGS("--version"), "conclave 0.");
}

static void usage__what_does_not_exist__is_refused_with_2(void **state)
{
    refuse(*state, ARGS("frobnicate"), USAGE, "no command 'frobnicate'");
    refuse(*state, ARGS("migrate", "--frobnicate"), USAGE, "frobnicate");
    refuse(*state, ARGS("migrate", "now"), USAGE, "now");
    refuse(*state, ARGS("check", "all"), USAGE, "all");
    refuse(*state, ARGS("status", "all"), USAGE, "all");
    refuse(*state, ARGS("serve", "all"), USAGE, "all");
    refuse(*state, ARGS("key"), USAGE, "say show, generate or rotate");
    refuse(*state, ARGS("key", "frobnicate"), USAGE, "say show, generate or rotate");
    refuse(*state, ARGS("room"), USAGE, "Usage");
    refuse(*state, ARGS("room", "frobnicate", "lobby"), USAGE, "add");
    refuse(*state, ARGS("room", "show"), USAGE, "TOKEN");
    refuse(*state, ARGS("room", "set", "lobby", "--read", "perhaps"), USAGE, "yes or no");
    refuse(*state, ARGS("mod"), USAGE, "Usage");
    refuse(*state, ARGS("mod", "frobnicate", "--global"), USAGE, "add, remove or list");
    refuse(*state, ARGS("mod", "list"), USAGE, "--room TOKEN or --global");
    refuse(*state, ARGS("mod", "list", "--global", "--room", "lobby"), USAGE, "--global");
    refuse(*state, ARGS("mod", "add", "--global"), USAGE, "ID");
    refuse(*state, ARGS("mod", "add", "--global", "--visible", "--hidden", "05"), USAGE, "exclude");
}

/* ---- rooms ---- */

static bool is_there(const json_t *room)
{
    return room != NULL;
}

static bool is_gone(const json_t *room)
{
    return room == NULL;
}

static void room__add__prints_the_link_and_is_there_at_once(void **state)
{
    struct world *w = *state;
    char key[65] = {0};
    char link[300];
    hex_write(SPAN_OF_KEY(&w->key), key);
    (void)snprintf(link, sizeof(link), "http://127.0.0.1:%u/Tea_room-1?public_key=%s\n",
                   (unsigned)w->servers[0].at.port, key);
    succeed(
        w,
        ARGS("room", "add", "Tea_room-1", "--name", "Tea \xe2\x98\x95", "--description", "Of tea"),
        NULL);
    assert_string_equal(said.out, link);
    assert_soon(w, "/room/tea_ROOM-1", is_there);
    json_auto_t *room = get(w, "/room/Tea_room-1");
    assert_string_equal(json_string_value(json_object_get(room, "name")), "Tea \xe2\x98\x95");
    assert_string_equal(json_string_value(json_object_get(room, "description")), "Of tea");
    assert_string_equal(json_string_value(json_object_get(room, "token")), "Tea_room-1");
    succeed(w, ARGS("room", "show", "TEA_room-1"), link);
    assert_non_null(strstr(said.out, "Of tea"));
    succeed(w, ARGS("room", "list"), "Tea_room-1\t");
    assert_non_null(strstr(said.out, "lobby\t"));
    succeed(w, ARGS("room", "qr", "Tea_room-1"), NULL);
    assert_true(strlen(said.out) > 500);
}

static void room__add_that_cannot_be__is_refused_and_changes_nothing(void **state)
{
    struct world *w = *state;
    static char long_token[ROOM_TOKEN_MAX + 2];
    static char long_name[514];
    memset(long_token, 'a', sizeof(long_token) - 1);
    memset(long_name, 'a', sizeof(long_name) - 1);
    succeed(w, ARGS("room", "list"), NULL);
    memcpy(kept, said.out, sizeof(kept));
    refuse(w, ARGS("room", "add", "LOBBY", "--name", "again"), 1, "already");
    refuse(w, ARGS("room", "add", "two words", "--name", "x"), USAGE, "token");
    refuse(w, ARGS("room", "add", "", "--name", "x"), USAGE, "token");
    refuse(w, ARGS("room", "add", "caf\xc3\xa9", "--name", "x"), USAGE, "token");
    refuse(w, ARGS("room", "add", long_token, "--name", "x"), USAGE, "token");
    refuse(w, ARGS("room", "add", "nameless"), USAGE, "--name");
    refuse(w, ARGS("room", "add", "nameless", "--name", ""), USAGE, "--name");
    refuse(w, ARGS("room", "add", "longname", "--name", long_name), USAGE, "512");
    succeed(w, ARGS("room", "list"), NULL);
    assert_string_equal(said.out, kept);
}

static bool is_renamed(const json_t *room)
{
    const char *name = json_string_value(json_object_get(room, "name"));
    return name != NULL && strcmp(name, "Quiet") == 0 &&
           json_object_get(room, "description") == NULL &&
           json_is_false(json_object_get(room, "write"));
}

static bool hides_messages(const json_t *room)
{
    return json_is_false(json_object_get(room, "read"));
}

static void room__set__changes_what_it_names_and_nothing_else(void **state)
{
    struct world *w = *state;
    succeed(w, ARGS("room", "add", "settings", "--name", "Loud", "--description", "d"), NULL);
    assert_soon(w, "/room/settings", is_there);
    succeed(
        w, ARGS("room", "set", "settings", "--name", "Quiet", "--description", "", "--write", "no"),
        NULL);
    assert_soon(w, "/room/settings", is_renamed);
    json_auto_t *room = get(w, "/room/settings");
    assert_true(json_is_true(json_object_get(room, "read")));
    succeed(w, ARGS("room", "set", "settings", "--read", "no", "--accessible", "yes"), NULL);
    assert_soon(w, "/room/settings", hides_messages);
    succeed(w, ARGS("room", "show", "settings"), "\tQuiet\t-a-u\t");
    succeed(w, ARGS("room", "set", "settings", "--accessible", "no"), NULL);
    assert_soon(w, "/room/settings", is_gone);
    refuse(w, ARGS("room", "set", "nowhere", "--name", "x"), 1, "no such room");
    refuse(w, ARGS("room", "set", "settings", "--name", ""), USAGE, "name");
}

static void room__remove__asks_first_and_takes_the_room_away_at_once(void **state)
{
    struct world *w = *state;
    succeed(w, ARGS("room", "add", "doomed", "--name", "x"), NULL);
    assert_soon(w, "/room/doomed", is_there);
    refuse(w, ARGS("room", "remove", "doomed"), USAGE, "--yes"); /* no terminal to ask at */
    assert_soon(w, "/room/doomed", is_there);
    succeed(w, ARGS("room", "remove", "doomed", "--yes"), NULL);
    assert_soon(w, "/room/doomed", is_gone);
    refuse(w, ARGS("room", "remove", "doomed", "--yes"), 1, "no such room");
    refuse(w, ARGS("room", "show", "doomed"), 1, "no such room");
    refuse(w, ARGS("room", "qr", "doomed"), 1, "no such room");
}

/* ---- moderators ---- */

static char ana_id[67], other_id[67];

static bool shows_ana(const json_t *room)
{
    const json_t *list = json_object_get(room, "moderators");
    return json_array_size(list) == 1 &&
           strcmp(json_string_value(json_array_get(list, 0)), ana_id) == 0;
}

static bool shows_ana_as_admin(const json_t *room)
{
    const json_t *list = json_object_get(room, "admins");
    return json_array_size(json_object_get(room, "moderators")) == 0 &&
           json_array_size(list) == 1 &&
           strcmp(json_string_value(json_array_get(list, 0)), ana_id) == 0;
}

static bool shows_nobody(const json_t *room)
{
    return json_array_size(json_object_get(room, "moderators")) == 0 &&
           json_array_size(json_object_get(room, "admins")) == 0;
}

static void take_id(struct world *w, size_t account, char out[static 67])
{
    struct member m;
    assert_int_equal(member_open(w, account, 0, false, &m), OK);
    hex_write(SPAN_OF_KEY(&m.community.blinded.id), out);
    member_close(&m);
}

static void mod__in_a_room__is_shown_at_once_and_goes_again(void **state)
{
    struct world *w = *state;
    char line[100];
    take_id(w, 0, ana_id);
    succeed(w, ARGS("mod", "add", ana_id, "--room", "lobby"), NULL);
    assert_soon(w, "/room/lobby", shows_ana);
    succeed(w, ARGS("mod", "list", "--room", "lobby"), NULL);
    (void)snprintf(line, sizeof(line), "%s moderator visible\n", ana_id);
    assert_string_equal(said.out, line);
    succeed(w, ARGS("mod", "add", ana_id, "--room", "lobby", "--admin"), NULL);
    assert_soon(w, "/room/lobby", shows_ana_as_admin);
    succeed(w, ARGS("mod", "add", ana_id, "--room", "lobby", "--admin", "--hidden"), NULL);
    assert_soon(w, "/room/lobby", shows_nobody);
    (void)snprintf(line, sizeof(line), "%s admin hidden\n", ana_id);
    succeed(w, ARGS("mod", "list", "--room", "lobby"), line);
    succeed(w, ARGS("mod", "remove", ana_id, "--room", "lobby"), NULL);
    succeed(w, ARGS("mod", "list", "--room", "lobby"), NULL);
    assert_string_equal(said.out, "");
    assert_soon(w, "/room/lobby", shows_nobody);
}

static void mod__global__is_hidden_unless_asked_for(void **state)
{
    struct world *w = *state;
    char lines[300];
    take_id(w, 0, ana_id);
    take_id(w, 1, other_id);
    bool ana_first = strcmp(ana_id, other_id) < 0;
    succeed(w, ARGS("mod", "add", ana_id, other_id, "--global", "--admin"), NULL);
    succeed(w, ARGS("mod", "list", "--global"), NULL);
    (void)snprintf(lines, sizeof(lines), "%s admin hidden\n%s admin hidden\n",
                   ana_first ? ana_id : other_id, ana_first ? other_id : ana_id);
    if (strcmp(said.out, lines) != 0) { /* or in the order of their appointment */
        (void)snprintf(lines, sizeof(lines), "%s admin hidden\n%s admin hidden\n", ana_id,
                       other_id);
        assert_string_equal(said.out, lines);
    }
    succeed(w, ARGS("mod", "remove", other_id, "--global"), NULL);
    succeed(w, ARGS("mod", "add", ana_id, "--global", "--visible"), NULL);
    assert_soon(w, "/room/lobby", shows_ana);
    succeed(w, ARGS("mod", "remove", ana_id, "--global"), NULL);
    assert_soon(w, "/room/lobby", shows_nobody);
}

static void mod__malformed_ids_and_unknown_rooms__are_refused(void **state)
{
    struct world *w = *state;
    take_id(w, 0, ana_id);
    refuse(w, ARGS("mod", "add", "nobody", "--room", "lobby"), USAGE, "66 hex digits");
    refuse(w, ARGS("mod", "add", "1500", "--global"), USAGE, "66 hex digits");
    refuse(w, ARGS("mod", "add", ana_id, "--room", "nowhere"), 1, "no such room");
    succeed(w, ARGS("mod", "list", "--global"), NULL);
    assert_string_equal(said.out, "");
}

/* ---- keys, check, migrate, status ---- */

static void key__show__is_the_key_alone_on_the_first_line(void **state)
{
    struct world *w = *state;
    char key[66] = {0};
    hex_write(SPAN_OF_KEY(&w->key), key);
    key[64] = '\n';
    succeed(w, ARGS("key", "show"), NULL);
    assert_memory_equal(said.out, key, 65);
}

static void key__generate__makes_both_and_never_overwrites(void **state)
{
    struct world *w = *state;
    char key_file[200];
    char storage_file[200];
    struct stat info;
    (void)snprintf(key_file, sizeof(key_file), "CONCLAVE_SERVER_KEY_FILE=%s/new.key", w->folder);
    (void)snprintf(storage_file, sizeof(storage_file),
                   "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s/new-storage.key", w->folder);
    const char *const files[] = {key_file, storage_file, NULL};
    command_expect(w, files, ARGS("key", "generate"), 0, "made [server] key_file", &said);
    assert_int_equal(stat(strchr(key_file, '/'), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0400);
    assert_int_equal(info.st_size, 32);
    assert_int_equal(stat(strchr(storage_file, '/'), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0400);
    command_expect(w, files, ARGS("key", "show"), 0, NULL, &said);
    char first[65] = {0};
    memcpy(first, said.out, 64);
    command_expect(w, files, ARGS("key", "generate"), 1, "kept", &said);
    command_expect(w, files, ARGS("key", "show"), 0, first, &said);
    const char *const nowhere[] = {"CONCLAVE_SERVER_KEY_FILE=/nonexistent/a/key", NULL};
    command_expect(w, nowhere, ARGS("key", "generate"), 1, "cannot write", &said);
    command_expect(w, nowhere, ARGS("key", "show"), CONFIGURATION, "no such file", &said);
}

static void check__of_a_good_server__says_so(void **state)
{
    succeed(*state, ARGS("check"), "in order");
    succeed(*state, ARGS("check", "--defaults"), "listen = 127.0.0.1:8080");
}

static void check__what_is_wrong__is_named_with_its_exit_code(void **state)
{
    struct world *w = *state;
    char storage_as_key[200];
    char key_as_storage[200];
    (void)snprintf(storage_as_key, sizeof(storage_as_key),
                   "CONCLAVE_SERVER_KEY_FILE=%s/storage.key", w->folder);
    (void)snprintf(key_as_storage, sizeof(key_as_storage),
                   "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s/server.key", w->folder);
    const struct {
        const char *setting;
        int status;
        const char *words;
    } wrong[] = {
        {"CONCLAVE_DATABASE_URL=postgresql:///conclave?host=/nonexistent", DATABASE,
         "no socket of PostgreSQL"},
        {"CONCLAVE_DATABASE_URL=", CONFIGURATION, "url"},
        {"CONCLAVE_SERVER_KEY_FILE=/nonexistent", CONFIGURATION, "no such file"},
        {"CONCLAVE_SERVER_STORAGE_KEY_FILE=/nonexistent", CONFIGURATION, "no such file"},
        {"CONCLAVE_SERVER_KEY_FILE=/etc/passwd", CONFIGURATION, "neither 32 raw bytes"},
        {"CONCLAVE_SERVER_WORKERS=many", CONFIGURATION, "WORKERS"},
        {"CONCLAVE_SERVER_FROBNICATE=1", CONFIGURATION, "FROBNICATE"},
        {storage_as_key, CONFIGURATION, "key_file is not the key"},
        {key_as_storage, CONFIGURATION, "storage_key_file is not the key"},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const char *const more[] = {wrong[i].setting, NULL};
        command_expect(w, more, ARGS("check"), wrong[i].status, wrong[i].words, &said);
        assert_null(strstr(said.out, "in order"));
    }
    refuse(w, ARGS("check", "--config", "/nonexistent"), CONFIGURATION, "cannot be read");
}

static void migrate__on_a_current_schema__has_nothing_to_do(void **state)
{
    succeed(*state, ARGS("migrate", "--check"), "up to date");
    succeed(*state, ARGS("migrate"), "up to date");
}

static void status__asks_the_operator_listener(void **state)
{
    struct world *w = *state;
    const char *const off[] = {"CONCLAVE_OPERATOR_LISTEN=off", NULL};
    const char *const nobody[] = {"CONCLAVE_OPERATOR_LISTEN=unix:/nonexistent/socket", NULL};
    succeed(w, ARGS("status"), "ok");
    succeed(w, ARGS("status", "--live"), "ok");
    succeed(w, ARGS("status", "--ready"), "ok");
    command_expect(w, off, ARGS("status"), CONFIGURATION, "off", &said);
    command_expect(w, nobody, ARGS("status"), 1, "no server answers", &said);
}

static void serve__at_an_address_that_is_taken__ends_with_5(void **state)
{
    struct world *w = *state;
    const char *const own_operator[] = {"CONCLAVE_OPERATOR_LISTEN=off", NULL};
    char address[100];
    (void)snprintf(address, sizeof(address), "CONCLAVE_SERVER_LISTEN=127.0.0.2:%u",
                   (unsigned)w->servers[0].at.port);
    const char *const elsewhere[] = {address, NULL};
    command_expect(w, own_operator, ARGS("serve"), LISTEN, "[server] listen", &said);
    command_expect(w, elsewhere, ARGS("serve"), LISTEN, "[operator] listen", &said);
    succeed(w, ARGS("status"), "ok"); /* the first one is as it was */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help__of_every_command__says_how_and_ends_well),
        cmocka_unit_test(usage__what_does_not_exist__is_refused_with_2),
        cmocka_unit_test(room__add__prints_the_link_and_is_there_at_once),
        cmocka_unit_test(room__add_that_cannot_be__is_refused_and_changes_nothing),
        cmocka_unit_test(room__set__changes_what_it_names_and_nothing_else),
        cmocka_unit_test(room__remove__asks_first_and_takes_the_room_away_at_once),
        cmocka_unit_test(mod__in_a_room__is_shown_at_once_and_goes_again),
        cmocka_unit_test(mod__global__is_hidden_unless_asked_for),
        cmocka_unit_test(mod__malformed_ids_and_unknown_rooms__are_refused),
        cmocka_unit_test(key__show__is_the_key_alone_on_the_first_line),
        cmocka_unit_test(key__generate__makes_both_and_never_overwrites),
        cmocka_unit_test(check__of_a_good_server__says_so),
        cmocka_unit_test(check__what_is_wrong__is_named_with_its_exit_code),
        cmocka_unit_test(migrate__on_a_current_schema__has_nothing_to_do),
        cmocka_unit_test(status__asks_the_operator_listener),
        cmocka_unit_test(serve__at_an_address_that_is_taken__ends_with_5),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
