/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 150
 *
 * What was deleted: its row is vacuumed soon and its bytes are written over in the table's file,
 * and the server's memory does not hold its words any more. (What stays in WAL and backups:
 * docs/privacy.md.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/community_dms.h"
#include "db/db.h"
#include "integration/file_fixture.h"
#include "integration/talk.h"

enum { ANA, BEN, PEOPLE };
enum { AROUND = 30, WAIT_MS = 60000, FILE_MAX = 64 << 20, SLICE = 32, WINDOW = 1 << 20 };

static const char *const settings[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                       "CONCLAVE_SERVER_SANDBOX=off", NULL};
static struct talk talk;

static int open_talk(void **state)
{
    (void)state;
    talk_open(&talk, 1, PEOPLE, settings);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

/* ---- in the file of a table ---- */

static void query_bytes(const char *sql, uint8_t *out, size_t size, size_t *ret_len)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    struct db *db = file_db(&talk.w);
    assert_int_equal(db_query(db, sql, NULL, 0, &rows), OK);
    assert_true(rows_next(&rows, &row));
    struct span value = row_bytes(&row, 0);
    assert_true(value.len > 0 && value.len <= size);
    memcpy(out, value.p, value.len);
    *ret_len = value.len;
    rows_done(&rows);
    db_free(db);
}

static void read_table(struct buf *out)
{
    char path[WORLD_PATH_MAX + 300] = {0}, relative[256] = {0};
    size_t len;
    file_sql(&talk.w, "CHECKPOINT");
    query_bytes("SELECT pg_relation_filepath('conclave.messages')", (uint8_t *)relative,
                sizeof(relative) - 1, &len);
    (void)snprintf(path, sizeof(path), "%s/data/%s", talk.w.folder, relative);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    buf_reset(out);
    for (ssize_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(out, KIB(64));
        assert_non_null(to);
        n = read(fd, to, KIB(64));
        if (n > 0)
            buf_commit(out, (size_t)n);
    }
    assert_int_equal(close(fd), 0);
}

static bool holds(const struct buf *file, const uint8_t part[static SLICE])
{
    return memmem(file->p, file->len, part, SLICE) != NULL;
}

static void deleted_message__leaves_its_table_within_minutes(void **state)
{
    (void)state;
    uint8_t sealed[KIB(4)];
    char sql[120];
    size_t len;
    AUTO_BUF struct buf file = buf_make(FILE_MAX);
    /* Autovacuum's rounds are a minute apart; here a second. */
    file_sql(&talk.w, "ALTER SYSTEM SET autovacuum_naptime = '1s'");
    file_sql(&talk.w, "SELECT pg_reload_conf()");
    for (int i = 0; i < AROUND; i++)
        (void)talk_post(&talk, BEN, "lobby", "what others say before it");
    int64_t id = talk_post(&talk, ANA, "lobby", "what will be deleted");
    for (int i = 0; i < AROUND; i++)
        (void)talk_post(&talk, BEN, "lobby", "what others say after it");
    (void)snprintf(sql, sizeof(sql), "SELECT body FROM conclave.messages WHERE id = %lld",
                   (long long)id);
    query_bytes(sql, sealed, sizeof(sealed), &len);
    assert_true(len >= 2 * SLICE);
    read_table(&file);
    assert_true(holds(&file, sealed) && holds(&file, sealed + len - SLICE));

    talk_delete(&talk, ANA, "lobby", id);
    int64_t deleted_ms = clock_mono_ms();
    bool gone = false;
    while (!gone && clock_mono_ms() - deleted_ms < WAIT_MS) {
        (void)usleep(200000);
        read_table(&file);
        gone = !holds(&file, sealed) && !holds(&file, sealed + len - SLICE);
    }
    print_message("gone from the file after %lld ms with rounds a second apart\n",
                  (long long)(clock_mono_ms() - deleted_ms));
    assert_true(gone);
    /* No dead row is left, in none of the tables that hold what people write. */
    assert_true(file_wait_number(&talk.w,
                                 "SELECT count(*) FROM pg_stat_user_tables"
                                 " WHERE relname IN ('messages', 'reactions', 'direct_messages')"
                                 "   AND n_dead_tup > 0",
                                 0, WAIT_MS));
}

static void tables__that_hold_what_people_wrote__are_all_vacuumed_soon(void **state)
{
    (void)state;
    assert_int_equal(
        file_number(&talk.w,
                    "SELECT count(*) FROM pg_class"
                    " WHERE relnamespace = 'conclave'::regnamespace AND relkind = 'r'"
                    "   AND (relname ~ '^chunks' OR relname IN ('messages', 'reactions',"
                    "        'direct_messages', 'files', 'blobs', 'users', 'ring_keys'))"
                    "   AND NOT coalesce('autovacuum_vacuum_threshold=0' = ANY (reloptions)"
                    "        AND 'autovacuum_vacuum_scale_factor=0' = ANY (reloptions), false)"),
        0);
    assert_true(file_number(&talk.w, "SELECT count(*) FROM pg_class WHERE relname ~ '^chunks_d'") >
                0);
}

/* ---- in the memory of the server ---- */

static size_t count_marks(struct span window, const char *mark)
{
    size_t found = 0, len = strlen(mark);
    for (const uint8_t *at; (at = memmem(window.p, window.len, mark, len)) != NULL; found++)
        window = span_skip(window, (size_t)(at - window.p) + 1);
    return found;
}

/* How often a text stands in the writable memory of a process. */
static size_t in_memory(pid_t pid, const char *mark)
{
    static uint8_t window[WINDOW + 64];
    char path[64], line[300], rights[8];
    size_t found = 0;
    unsigned long from, to;
    (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    assert_non_null(maps);
    (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(mem >= 0);
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
            rights[1] != 'w')
            continue;
        for (unsigned long at = from; at < to; at += WINDOW) {
            /* A window overlaps the next, by less than the mark so that nothing counts twice. */
            size_t want = to - at < WINDOW ? to - at : WINDOW + strlen(mark) - 1;
            ssize_t n = pread(mem, window, want, (off_t)at);
            if (n > 0)
                found += count_marks(span_of(window, (size_t)n), mark);
        }
    }
    assert_int_equal(close(mem), 0);
    (void)fclose(maps);
    return found;
}

static size_t server_holds(const char *mark)
{
    return in_memory(talk.w.servers[0].process.pid, mark);
}

static bool wait_until_gone(const char *mark)
{
    int64_t began_ms = clock_mono_ms();
    while (server_holds(mark) > 0 && clock_mono_ms() - began_ms < WAIT_MS / 4)
        (void)usleep(200000);
    return server_holds(mark) == 0;
}

/*
 * The text goes up as base64 of its signed form, so marks of three aligned bytes are looked for: as
 * they were said, and as base64 writes them. (A text of the length of many marks makes one of them
 * aligned.)
 */
static const char mark_plain[] = "qzqMARKqzq9f31";

static void make_text(char *out, size_t size, const char *mark)
{
    size_t at = 0, len = strlen(mark);
    while (at + len + 1 < size) {
        memcpy(out + at, mark, len);
        at += len;
    }
    out[at] = '\0';
}

/*
 * Four characters of base64 for three bytes, at each of the three places that the mark may begin
 * at.
 */
static const char *const marks_base64[] = {"cXpxTUFSS3F6cTlmMz", "F6cU1BUktxenE5ZjMx",
                                           "xenFNQVJLcXpxOWYzM"};

static size_t all_marks(void)
{
    size_t found = server_holds(mark_plain);
    for (size_t i = 0; i < COUNT_OF(marks_base64); i++)
        found += server_holds(marks_base64[i]);
    return found;
}

static void deleted_message__leaves_the_memory_of_the_server(void **state)
{
    (void)state;
    char text[300];
    make_text(text, sizeof(text), mark_plain);
    int64_t id = talk_post(&talk, ANA, "lobby", text);
    json_auto_t *seen = talk_get(&talk, BEN, "/room/lobby/messages/recent?limit=10");
    assert_non_null(talk_row(seen, id));
    size_t before = all_marks();
    print_message("while it is there: %zu marks in the server's memory\n", before);
    assert_true(before > 0); /* the search finds what is there */
    talk_edit(&talk, ANA, "lobby", id, text);
    (void)talk_react(&talk, BEN, "lobby", id, "\xf0\x9f\x91\x8d");
    talk_delete(&talk, ANA, "lobby", id);
    bool gone = wait_until_gone(mark_plain);
    for (size_t i = 0; i < COUNT_OF(marks_base64); i++)
        gone = wait_until_gone(marks_base64[i]) && gone;
    print_message("after its deletion: %zu\n", all_marks());
    assert_true(gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deleted_message__leaves_its_table_within_minutes),
        cmocka_unit_test(tables__that_hold_what_people_wrote__are_all_vacuumed_soon),
        cmocka_unit_test(deleted_message__leaves_the_memory_of_the_server),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
