/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing about people leaves by the side doors (docs/design.md, D11 and D13): after a conversation
 * with marked names, ids, addresses and headers, at log level debug and with every refusal we can
 * provoke, the server's log, PostgreSQL's log and the metrics hold none of the marks; and a dump of
 * the database holds neither addresses nor anything that was said, in clear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/pg_program.h"
#include "integration/file_fixture.h"
#include "integration/marked_talk.h"

#define PASSWORD "qpasswordq-0f61-mark"

enum { TEXT_MAX_BYTES = 64 << 20, COMMAND_MS = 60000 };

static struct talk_marks marks;

/* ---- searching ---- */

static void slurp(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(out, KIB(64));
        assert_non_null(to);
        n = read(fd, to, KIB(64));
        if (n > 0)
            buf_commit(out, (size_t)n);
    }
    (void)close(fd);
}

static void assert_silent(const char *where, struct span text)
{
    size_t found = marks_found(&marks.identities, where, text) +
                   marks_found(&marks.said, where, text) + marks_found(&marks.places, where, text);
    assert_int_equal(found, 0);
}

static void log__of_the_server_at_debug__holds_no_mark(void **state)
{
    const struct world *w = *state;
    AUTO_BUF struct buf log = buf_make(TEXT_MAX_BYTES);
    assert_int_equal(world_log(w, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, "event=server.ready", 18));
    assert_non_null(memmem(log.p, log.len, "event=db.lost", 13)); /* the refusals reached it */
    assert_silent("server log", buf_span(&log));
    char path[WORLD_PATH_MAX + 8];
    AUTO_BUF struct buf out = buf_make(TEXT_MAX_BYTES);
    (void)snprintf(path, sizeof(path), "%s.out", w->servers[0].log_path);
    slurp(path, &out);
    assert_silent("server stdout", buf_span(&out));
}

static void log__of_postgresql__holds_no_mark(void **state)
{
    const struct world *w = *state;
    char path[WORLD_PATH_MAX + 8];
    AUTO_BUF struct buf log = buf_make(TEXT_MAX_BYTES);
    (void)snprintf(path, sizeof(path), "%s/log", w->folder);
    slurp(path, &log);
    assert_non_null(memmem(log.p, log.len, "database system is ready", 24));
    assert_silent("PostgreSQL log", buf_span(&log));
}

static void metrics__of_the_server__hold_no_mark(void **state)
{
    AUTO_BUF struct buf text = buf_make(TEXT_MAX_BYTES);
    assert_int_equal(world_metrics(*state, 0, &text), OK);
    assert_true(text.len > 1000);
    assert_silent("metrics", buf_span(&text));
}

static void dump__of_the_database__holds_neither_addresses_nor_what_was_said(void **state)
{
    const struct world *w = *state;
    char url[sizeof(w->database_url)];
    memcpy(url, w->database_url, sizeof(url));
    struct pg_program program;
    struct db *db = file_db(w);
    assert_true(pg_program_find("pg_dump", db_server_major(db), &program));
    db_free(db);
    const char *argv[] = {program.path, "--dbname", url, NULL};
    const struct process_spec spec = {.argv = argv};
    AUTO_BUF struct buf dump = buf_make(TEXT_MAX_BYTES);
    int status = -1;
    assert_int_equal(process_run(&spec, COMMAND_MS, &dump, &status), OK);
    assert_int_equal(status, 0);
    /* The right dump, and a search that finds: rooms and ids are in it. */
    assert_non_null(memmem(dump.p, dump.len, TALK_ROOM, strlen(TALK_ROOM)));
    assert_true(marks_found(&marks.identities, "(expected in the dump)", buf_span(&dump)) >=
                TALK_PEOPLE);
    assert_int_equal(marks_found(&marks.said, "dump", buf_span(&dump)), 0);
}

/* ---- the world ---- */

/* The secrets of the server lie in files beside the database, and only there. */
static void mark_key_file(const struct world *w, const char *name)
{
    char path[WORLD_PATH_MAX + 32];
    AUTO_BUF struct buf key = buf_make(MIB(1));
    (void)snprintf(path, sizeof(path), "%s/%s", w->folder, name);
    slurp(path, &key);
    assert_int_equal(key.len, sizeof(struct x25519_secret));
    marks_add(&marks.said, name, buf_span(&key));
}

static int open_world(void **state)
{
    static struct world w;
    static const char *const env[] = {"CONCLAVE_LOG_LEVEL=debug", "CONCLAVE_ROOMS_POST_LIMIT=off",
                                      /* what is attached is marked, so it is not encrypted */
                                      "CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    const struct world_options options = {.accounts = TALK_PEOPLE, .no_fsync = true, .env = env};
    *state = &w;
    enum err e = world_open(&w, &options);
    if (e == OK)
        e = world_start_database(&w);
    char url[sizeof(w.database_url) + 64];
    (void)snprintf(url, sizeof(url), "CONCLAVE_DATABASE_URL=%s&password=" PASSWORD, w.database_url);
    const char *const with_password[] = {url, NULL};
    if (e == OK)
        e = world_start_server(&w, with_password, NULL);
    if (e != OK) {
        print_error("%s\n", w.trouble);
        return -1;
    }
    marks_add_text(&marks.said, "the password of the database", PASSWORD);
    mark_key_file(&w, "server.key");
    mark_key_file(&w, "storage.key");
    marked_talk(&w, &marks);
    return 0;
}

static int close_world(void **state)
{
    marks_done(&marks.identities);
    marks_done(&marks.said);
    marks_done(&marks.places);
    return world_close(*state) ? 0 : -1;
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__of_the_server_at_debug__holds_no_mark),
        cmocka_unit_test(log__of_postgresql__holds_no_mark),
        cmocka_unit_test(metrics__of_the_server__hold_no_mark),
        cmocka_unit_test(dump__of_the_database__holds_neither_addresses_nor_what_was_said),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
