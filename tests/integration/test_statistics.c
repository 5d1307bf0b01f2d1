/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `conclave room show --stats` and `conclave status --stats` count, and that they name nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/room_file.h"
#include "integration/database.h"
#include "integration/talk.h"

enum { ANA, BEN, CARL, PEOPLE, OUT_MAX = 8192 };

static struct talk t;

static int open_talk(void **state)
{
    (void)state;
    talk_open(&t, 1, PEOPLE, NULL);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&t);
    return 0;
}

static void print(const char *const *args, char out[static OUT_MAX])
{
    struct buf text AUTO_BUF = buf_make(KIB(16));
    int status = -1;
    assert_int_equal(world_conclave(&t.w, 0, args, &text, &status), OK);
    assert_int_equal(status, 0);
    (void)snprintf(out, OUT_MAX, "%.*s", (int)text.len, (const char *)text.p);
}

/* The rest of the output from a line that begins so; must be there. */
static const char *line_of(const char *out, const char *beginning)
{
    const char *line = strstr(out, beginning);
    if (line == NULL)
        fail_msg("no \"%s\" in: %s", beginning, out);
    return line;
}

static void assert_line(const char *out, const char *line)
{
    if (strncmp(line_of(out, line), line, strlen(line)) != 0 ||
        line_of(out, line)[strlen(line)] != '\n')
        fail_msg("not \"%s\" in: %s", line, out);
}

/* So many people were last seen so many hours ago. */
static void seen(struct db *db, const char *room, int first, int count, int hours_ago)
{
    char sql[640];
    (void)snprintf(sql, sizeof(sql),
                   "WITH p AS (INSERT INTO conclave.users"
                   "           (session_id, created_hour, last_active_hour)"
                   "           SELECT decode('15' || lpad(to_hex(g), 64, '0'), 'hex'), 1, 1"
                   "             FROM generate_series(%d, %d) g RETURNING id)"
                   " INSERT INTO conclave.room_users"
                   " SELECT (SELECT id FROM conclave.rooms WHERE token = '%s'), id, %lld FROM p",
                   first, first + count - 1, room,
                   (long long)(clock_wall_ms() / HOUR_MS - hours_ago));
    database_run(db, sql);
}

static void room__with_some_of_everything__is_counted(void **state)
{
    (void)state;
    char out[OUT_MAX], expected[128];
    uint8_t bytes[777] = {1};
    int64_t file = 0;
    talk_room(&t, "counted");
    int64_t first = talk_post(&t, ANA, "counted", "one");
    int64_t second = talk_post(&t, ANA, "counted", "two");
    talk_delete(&t, ANA, "counted", talk_post(&t, ANA, "counted", "gone"));
    for (size_t member = ANA; member < PEOPLE; member++)
        talk_react(&t, member, "counted", first, "👍");
    talk_react(&t, BEN, "counted", second, "👍");
    talk_react(&t, BEN, "counted", second, "\x1b[2J");
    talk_react(&t, CARL, "counted", second, "b");
    talk_react(&t, BEN, "counted", second, "b");
    assert_int_equal(room_file_put(&t.members[ANA].community, "counted",
                                   span_of(bytes, sizeof(bytes)), "a.bin", &file),
                     OK);
    struct db *db = talk_database(&t);
    database_run(db, "DELETE FROM conclave.room_users");
    seen(db, "counted", 1, 2, 3);
    seen(db, "counted", 10, 4, 5 * 24);
    seen(db, "counted", 20, 8, 10 * 24);
    seen(db, "counted", 30, 16, 20 * 24);
    int64_t size = database_number(db, "SELECT sum(octet_length(body))::bigint"
                                       "  FROM conclave.messages m, conclave.rooms r"
                                       " WHERE m.room = r.id AND r.token = 'counted'");
    const char *const show[] = {"room", "show", "counted", "--stats", NULL};
    print(show, out);
    (void)snprintf(expected, sizeof(expected), "messages\t2\tbytes %lld\tdeleted 1",
                   (long long)size);
    assert_line(out, expected);
    assert_line(out, "files\t1\tbytes 777");
    assert_line(out, "active\t1d 2\t7d 6\t14d 14\t30d 30");
    assert_line(out, "reactions\t👍 4\tb 2\t\\u{1b}[2J 1");
    for (size_t member = ANA; member < PEOPLE; member++) {
        struct id_text id;
        assert_null(strstr(out, talk_id(&t, member, &id) + 2));
    }
    db_free(db);
}

static void server__with_two_rooms__counts_people_once(void **state)
{
    (void)state;
    char out[OUT_MAX];
    talk_room(&t, "left");
    talk_room(&t, "right");
    struct db *db = talk_database(&t);
    database_run(db, "DELETE FROM conclave.room_users");
    seen(db, "left", 100, 3, 1);
    database_run(db, "INSERT INTO conclave.room_users"
                     " SELECT (SELECT id FROM conclave.rooms WHERE token = 'right'), user_id,"
                     "        last_active_hour FROM conclave.room_users");
    const char *const status[] = {"status", "--stats", NULL};
    print(status, out);
    assert_line(out, "active\t1d 3\t7d 3\t14d 3\t30d 3");
    (void)line_of(out, "messages\t2\t");
    assert_null(strstr(out, "left"));
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room__with_some_of_everything__is_counted),
        cmocka_unit_test(server__with_two_rooms__counts_people_once),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
