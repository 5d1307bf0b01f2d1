/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 180
 *
 * The storage key is exchanged while two servers serve: nobody notices, and afterwards the old key
 * opens nothing. Interrupted at each of its steps and repeated; with files that do not fit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/room_file.h"
#include "crypto/mac.h"
#include "db/db.h"
#include "integration/command.h"
#include "integration/file_fixture.h"
#include "integration/talk.h"
#include "integration/world_settings.h"

enum { ANA, BEN, PEOPLE, ROOMS = 40, FILE_BYTES = 700000, WAIT_MS = 20000 };

static const char *const settings[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                       "CONCLAVE_FILES_TYPE_CHECK=off", NULL};
static const size_t servers[] = {0, 1};
static struct talk talk;
static struct said said;

struct path {
    char s[WORLD_PATH_MAX + 40];
};

static struct path key_path(const char *suffix)
{
    struct path p;
    (void)snprintf(p.s, sizeof(p.s), "%s/storage.key%s", talk.w.folder, suffix);
    return p;
}

static bool exists(const char *suffix)
{
    return access(key_path(suffix).s, F_OK) == 0;
}

static void read_key(const char *suffix, uint8_t out[static 32])
{
    FILE *f = fopen(key_path(suffix).s, "re");
    assert_non_null(f);
    assert_int_equal(fread(out, 1, 32, f), 32);
    (void)fclose(f);
}

static void put_key(const char *suffix, const uint8_t key[static 32])
{
    FILE *f = fopen(key_path(suffix).s, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(key, 1, 32, f), 32);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(key_path(suffix).s, 0400), 0);
}

static int open_talk(void **state)
{
    (void)state;
    talk_open(&talk, 2, PEOPLE, settings);
    talk_move(&talk, BEN, servers[1]);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

static void room_name(char out[static 16], int i)
{
    (void)snprintf(out, 16, "room%d", i);
}

/* That member sees the message, opened. */
static void assert_said(size_t who, const char *room, int64_t id)
{
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;
    bool there = false;
    while (!there && clock_mono_ms() < deadline_ms) {
        json_auto_t *rows = talk_get(&talk, who, "/room/%s/messages/recent?limit=5", room);
        const json_t *row = talk_row(rows, id);
        there = row && json_is_string(json_object_get(row, "data"));
    }
    assert_true(there);
}

static int64_t under(const char *suffix)
{
    uint8_t raw[32], name[STORAGE_KEY_NAME_BYTES];
    char sql[200], hex[2 * STORAGE_KEY_NAME_BYTES + 1] = "";
    read_key(suffix, raw);
    storage_key_name(raw, name);
    for (size_t i = 0; i < sizeof(name); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)name[i]);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM conclave.ring_keys WHERE wrapped_by = decode('%s', 'hex')",
                   hex);
    return file_number(&talk.w, sql);
}

static struct process begin(const char *const *args)
{
    static char program[WORLD_PROGRAM_MAX];
    static struct world_settings env;
    const char *argv[8] = {program};
    struct process p;
    world_program(&talk.w, program);
    for (size_t n = 1; n < 7 && args[n - 1] != NULL; n++)
        argv[n] = args[n - 1];
    assert_int_equal(world_settings(&talk.w, 0, NULL, &env), OK);
    const struct process_spec spec = {.argv = argv,
                                      .env = env.env,
                                      .out_path = "/dev/null",
                                      .err_path = talk.w.servers[0].log_path};
    assert_int_equal(process_start(&spec, &p), OK);
    return p;
}

/* Posts and reads at both servers for as long as the command takes, and a little longer. */
static void rotate_under_load(void)
{
    struct process p = begin(ARGS("key", "rotate"));
    int status = 0;
    for (int i = 0; process_running(&p, &status) || i < ROOMS; i++) {
        char room[16];
        room_name(room, i % ROOMS);
        /* Ana's server has no key of this room in memory; a room's first post makes one. */
        assert_said(BEN, room, talk_post(&talk, ANA, room, "while it is exchanged"));
        assert_said(ANA, room, talk_post(&talk, BEN, room, "by the other server"));
    }
    assert_int_equal(status, 0);
}

static void rotate__while_two_servers_serve__is_noticed_by_nobody(void **state)
{
    (void)state;
    uint8_t before[32], after[32], old[32];
    struct buf body = file_random(FILE_BYTES);
    int64_t file = 0, first = 0;
    AUTO_BUF struct buf got = buf_make(FILE_BYTES + 1);
    struct room_file_info info;
    for (int i = 0; i < ROOMS; i++) {
        char room[16];
        room_name(room, i);
        talk_room(&talk, room);
    }
    talk_room(&talk, "kept");
    first = talk_post(&talk, ANA, "kept", "from before");
    assert_int_equal(
        room_file_put(&talk.members[ANA].community, "kept", buf_span(&body), NULL, &file), OK);
    read_key("", before);
    rotate_under_load();

    read_key("", after);
    read_key(".old", old);
    assert_memory_equal(before, old, 32);
    assert_memory_not_equal(before, after, 32);
    assert_false(exists(".new"));
    assert_int_equal(under(".old"), 0);
    assert_int_equal(under(""), file_number(&talk.w, "SELECT count(*) FROM conclave.ring_keys"));
    command_expect(&talk.w, NULL, ARGS("key", "rotate", "--status"), 0, "there is none", &said);

    /* The new key alone, from a start: what was sealed before is read with it. */
    assert_int_equal(unlink(key_path(".old").s), 0);
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
    talk_move(&talk, ANA, 0);
    assert_said(ANA, "kept", first);
    assert_int_equal(
        room_file_get(&talk.members[ANA].community, "kept", file, SIGNED_BLINDED, &got, &info), OK);
    assert_true(span_eq(buf_span(&got), buf_span(&body)));
    buf_done(&body);
    command_expect(&talk.w, NULL, ARGS("check"), 0, "in order", &said);
    /* And the old one opens it no more. */
    put_key(".gone", old);
    char with_old[WORLD_PATH_MAX + 80];
    (void)snprintf(with_old, sizeof(with_old), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s",
                   key_path(".gone").s);
    command_expect(&talk.w, ARGS(with_old), ARGS("check"), 3,
                   "storage_key_file is not the key that this database was sealed with", &said);
    assert_int_equal(unlink(key_path(".gone").s), 0);
}

/* ---- interrupted ---- */

static void expect_works(void)
{
    char room[] = "kept";
    assert_said(BEN, room, talk_post(&talk, ANA, room, "still"));
    assert_said(ANA, room, talk_post(&talk, BEN, room, "still"));
}

static void expect_finished(const uint8_t before[static 32])
{
    uint8_t after[32], old[32];
    command_expect(&talk.w, NULL, ARGS("key", "rotate"), 0, "is the new key", &said);
    read_key("", after);
    read_key(".old", old);
    assert_memory_equal(before, old, 32);
    assert_memory_not_equal(before, after, 32);
    assert_false(exists(".new"));
    assert_int_equal(under(""), file_number(&talk.w, "SELECT count(*) FROM conclave.ring_keys"));
    assert_int_equal(unlink(key_path(".old").s), 0);
    command_expect(&talk.w, NULL, ARGS("check"), 0, "in order", &said);
    expect_works();
}

static void rotate__interrupted_after_the_new_key__is_repeated(void **state)
{
    (void)state;
    uint8_t before[32], next[32], found[32];
    read_key("", before);
    command_expect(&talk.w, NULL, ARGS("key", "rotate", "--prepare"), 0, "is the next key", &said);
    read_key(".new", next);
    command_expect(&talk.w, NULL, ARGS("key", "rotate", "--prepare"), 0, "is the next key", &said);
    command_expect(&talk.w, NULL, ARGS("key", "rotate", "--status"), 0, "is prepared", &said);
    read_key("", found);
    assert_memory_equal(before, found, 32);
    assert_int_equal(under(".new"), 0);
    expect_works();
    expect_finished(before);
    read_key("", found);
    assert_memory_equal(next, found, 32);
}

static void rotate__killed_in_the_database__changes_nothing_and_is_repeated(void **state)
{
    (void)state;
    uint8_t before[32], found[32];
    read_key("", before);
    /* It has changed the server's row, and waits for one of the last rows. */
    struct db *holder = talk_database(&talk);
    assert_int_equal(db_begin(holder), OK);
    assert_int_equal(
        db_script(holder, "SELECT FROM conclave.ring_keys ORDER BY id DESC LIMIT 1 FOR UPDATE"),
        OK);
    struct process p = begin(ARGS("key", "rotate"));
    assert_true(
        file_wait_number(&talk.w, "SELECT count(*) FROM pg_locks WHERE NOT granted", 1, WAIT_MS));
    process_kill(&p);
    db_rollback(holder);
    db_free(holder);
    assert_true(
        file_wait_number(&talk.w, "SELECT count(*) FROM pg_locks WHERE NOT granted", 0, WAIT_MS));
    read_key("", found);
    assert_memory_equal(before, found, 32);
    assert_true(exists(".new"));
    assert_int_equal(under(""), file_number(&talk.w, "SELECT count(*) FROM conclave.ring_keys"));
    expect_works();
    expect_finished(before);
}

static void rotate__that_cannot_rename__says_what_to_do_and_is_repeated(void **state)
{
    (void)state;
    uint8_t before[32], found[32], zeros[32] = {1};
    read_key("", before);
    /* The old key's place is taken by something else, but only after the first look. */
    command_expect(&talk.w, NULL, ARGS("key", "rotate", "--prepare"), 0, NULL, &said);
    put_key(".old", zeros);
    command_expect(&talk.w, NULL, ARGS("key", "rotate"), 3, "key of an earlier exchange", &said);
    assert_int_equal(under(".new"), 0);
    assert_int_equal(unlink(key_path(".old").s), 0);
    /* As it is when a process is killed between the database and the files. */
    uint8_t next[32];
    read_key(".new", next);
    command_expect(&talk.w, NULL, ARGS("key", "rotate"), 0, NULL, &said);
    assert_int_equal(unlink(key_path(".old").s), 0);
    assert_int_equal(unlink(key_path("").s), 0);
    put_key("", before);
    put_key(".new", next);
    command_expect(&talk.w, NULL, ARGS("key", "rotate", "--status"), 0, "was interrupted", &said);
    command_expect(&talk.w, NULL, ARGS("check"), 0, "in order", &said);
    /* A server that starts now finds both. */
    assert_int_equal(world_stop_server(&talk.w, 1), 0);
    assert_int_equal(world_restart_server(&talk.w, 1, NULL), OK);
    talk_move(&talk, BEN, 1);
    expect_works();
    /* And between the two renames. */
    put_key(".old", before);
    expect_finished(before);
    read_key("", found);
    assert_memory_equal(next, found, 32);
}

static void rotate__with_files_that_do_not_fit__changes_nothing(void **state)
{
    (void)state;
    uint8_t key[32], other[32] = {7};
    int64_t before = file_number(&talk.w, "SELECT ('x' || substr(md5(string_agg(wrapped::text,"
                                          " '' ORDER BY id)), 1, 15))::bit(60)::bigint"
                                          "  FROM conclave.ring_keys");
    read_key("", key);
    put_key(".new", key);
    command_expect(&talk.w, NULL, ARGS("key", "rotate"), 3, "is the key that is in use already",
                   &said);
    assert_int_equal(unlink(key_path(".new").s), 0);
    FILE *f = fopen(key_path(".new").s, "we");
    assert_non_null(f);
    assert_true(fputs("half a key", f) >= 0);
    assert_int_equal(fclose(f), 0);
    command_expect(&talk.w, NULL, ARGS("key", "rotate"), 3, "neither 32 raw bytes nor 64 hex",
                   &said);
    assert_int_equal(unlink(key_path(".new").s), 0);
    /* Exchanged: another key in the place of ours. */
    assert_int_equal(rename(key_path("").s, key_path(".kept").s), 0);
    put_key("", other);
    command_expect(&talk.w, NULL, ARGS("key", "rotate"), 3, "is not the key that this database",
                   &said);
    assert_int_equal(rename(key_path(".kept").s, key_path("").s), 0);
    command_expect(&talk.w, NULL, ARGS("key", "rotate", "--prepare", "--status"), 2, NULL, &said);
    command_expect(&talk.w, NULL, ARGS("key", "show", "--status"), 2, "--status", &said);
    assert_false(exists(".new") || exists(".old"));
    assert_int_equal(file_number(&talk.w, "SELECT ('x' || substr(md5(string_agg(wrapped::text,"
                                          " '' ORDER BY id)), 1, 15))::bit(60)::bigint"
                                          "  FROM conclave.ring_keys"),
                     before);
}

/*
 * A backup made before an exchange is restored with the key that it was made with, which still lies
 * beside the new one.
 */
static void backup__from_before_an_exchange__needs_the_old_key(void **state)
{
    (void)state;
    char file[WORLD_PATH_MAX + 16], with_old[WORLD_PATH_MAX + 80];
    (void)snprintf(file, sizeof(file), "%s/before.dump", talk.w.folder);
    command_expect(&talk.w, NULL, ARGS("backup", "--output", file), 0, NULL, &said);
    command_expect(&talk.w, NULL, ARGS("key", "rotate"), 0, NULL, &said);
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    assert_int_equal(world_stop_server(&talk.w, 1), 0);
    command_expect(&talk.w, NULL, ARGS("restore", file, "--replace", "--yes"), 3,
                   "is not the key that this backup was made with", &said);
    (void)snprintf(with_old, sizeof(with_old), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s",
                   key_path(".old").s);
    command_expect(&talk.w, ARGS(with_old), ARGS("restore", file, "--replace", "--yes"), 0,
                   "Restored", &said);
    command_expect(&talk.w, ARGS(with_old), ARGS("check"), 0, "in order", &said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rotate__while_two_servers_serve__is_noticed_by_nobody),
        cmocka_unit_test(rotate__interrupted_after_the_new_key__is_repeated),
        cmocka_unit_test(rotate__killed_in_the_database__changes_nothing_and_is_repeated),
        cmocka_unit_test(rotate__that_cannot_rename__says_what_to_do_and_is_repeated),
        cmocka_unit_test(rotate__with_files_that_do_not_fit__changes_nothing),
        cmocka_unit_test(backup__from_before_an_exchange__needs_the_old_key),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
