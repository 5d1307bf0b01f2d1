/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Odd databases: rows that PySOGS itself has made over the years and that are no reason to stop,
 * and files that somebody has made to harm whoever imports them.
 *
 * test-timeout-s: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/content.h"
#include "integration/old_stage.h"

enum { FAST_MS = 20000 };

static struct old_stage s;

static int open_stage(void **state)
{
    (void)state;
    old_stage_open(&s);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    old_stage_close(&s);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    old_stage_reset(&s);
    return 0;
}

static int64_t of_message(const char *column)
{
    return sql_number(&s.c, "SELECT %s FROM conclave.messages WHERE id = %d", column,
                      STAGE_MESSAGE);
}

/* ---- what PySOGS has made ---- */

/* Imports of PySOGS 0.1 drew numbers and put them back, but not everywhere. */
static void numbers_above_those_that_clients_saw__become_these(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t seqno, data, creation;
    } cases[] = {
        {"UPDATE messages SET seqno = 0, seqno_data = 0, seqno_creation = 12", 0, 0, 0},
        {"UPDATE messages SET seqno = 1, seqno_data = 12, seqno_creation = 12", 1, 1, 1},
        {"UPDATE messages SET seqno = 7, seqno_data = 3, seqno_reactions = 7", 7, 3, 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        old_stage_reset(&s);
        old_sql(&s.old, "%s", cases[i].sql);
        old_stage_works(&s);
        assert_int_equal(of_message("seqno"), cases[i].seqno);
        assert_int_equal(of_message("seqno_data"), cases[i].data);
        assert_int_equal(of_message("seqno_creation"), cases[i].creation);
    }
}

/* A body is sealed for its number. */
static void a_message_whose_numbers_were_mended__can_be_read(void **state)
{
    (void)state;
    static const char *const no_room[] = {"CONCLAVE_SERVER_FIRST_ROOM=", NULL};
    struct member ana;
    old_sql(&s.old, "UPDATE messages SET seqno = 1, seqno_data = 12, seqno_creation = 12");
    old_stage_works(&s);
    if (world_start_server(&s.c.w, no_room, NULL) != OK)
        fail_msg("%s", s.c.w.trouble);
    assert_int_equal(member_open(&s.c.w, STAGE_ACCOUNT, 0, false, &ana), OK);
    json_t *rows = must(&ana, "GET", NULL, "/room/fish/messages/since/0");
    struct message m AUTO_MESSAGE = {0};
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(message_read(json_array_get(rows, 0), &m), OK);
    assert_true(m.verified);
    assert_int_equal(m.seqno, 1);
    json_decref(rows);
    member_close(&ana);
    assert_int_equal(world_stop_server(&s.c.w, 0), 0);
}

/*
 * In PySOGS it had no effect to ban a moderator by his id in capitals, and anybody who moderates
 * could.
 */
static void a_ban_of_a_second_spelling__takes_no_role_away(void **state)
{
    (void)state;
    old_sql(&s.old,
            "INSERT INTO users (id, session_id)"
            " SELECT 2, upper(session_id) FROM users WHERE id = 1;"
            "INSERT INTO user_permission_overrides (room, \"user\", banned) VALUES (1, 2, 1);"
            "INSERT INTO user_permission_overrides (room, \"user\", moderator, admin, write)"
            " VALUES (1, 1, 1, 1, 0)");
    old_stage_works(&s);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.permissions"
                                      " WHERE user_id = 1 AND admin AND moderator AND NOT banned"
                                      "   AND NOT write"),
                     1);
    old_stage_reset(&s);
    old_sql(&s.old,
            "INSERT INTO users (id, session_id)"
            " SELECT 2, upper(session_id) FROM users WHERE id = 1;"
            "INSERT INTO user_permission_overrides (room, \"user\", moderator) VALUES (1, 2, 1);"
            "INSERT INTO user_permission_overrides (room, \"user\", banned) VALUES (1, 1, 1)");
    old_stage_works(&s);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.permissions"
                                      " WHERE user_id = 1 AND banned AND NOT moderator"),
                     1);
}

/* bunsogs writes milliseconds. */
static void a_direct_message_that_would_stay_for_ever__goes_after_the_usual_time(void **state)
{
    (void)state;
    double now = (double)clock_wall_ms() / SECOND_MS;
    old_sql(&s.old,
            "INSERT INTO inbox VALUES (3, 1, 1, x'00', %.0f, 1767225600000),"
            " (4, 1, 1, x'00', 1700000000, 1767225600000), (5, 1, 1, x'00', %.0f, %.0f)",
            now, now, now + 3600);
    old_stage_works(&s);
    assert_int_equal(sql_number(&s.c, "SELECT (expires_at - posted_at)::bigint"
                                      "  FROM conclave.direct_messages WHERE id = 3"),
                     15 * 86400);
    assert_int_equal(sql_number(&s.c, "SELECT (expires_at - posted_at)::bigint"
                                      "  FROM conclave.direct_messages WHERE id = 5"),
                     3600);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.direct_messages"), 2);
}

static void the_only_file__lost_from_its_folder__is_left_out(void **state)
{
    (void)state;
    char path[2 * WORLD_PATH_MAX], away[2 * WORLD_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/uploads/8_x", s.old.folder);
    (void)snprintf(away, sizeof(away), "%s/away", s.old.folder);
    assert_int_equal(rename(path, away), 0);
    old_stage_refused(&s, "files: of 1, 1 are not in the folder and 0 have another size");
    old_import(&s.old, &s.c.w, "--skip-missing-files", 0, "files that are not in the folder",
               &s.said);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.files"), 0);
    assert_int_equal(of_message("1"), 1);
    assert_int_equal(rename(away, path), 0);
}

/* ---- what somebody has made ---- */

static void values_that_no_pysogs_has_written__are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE messages SET posted = 9e999", "messages, id 5: a column"},
        {"UPDATE messages SET edited = 1e300", "messages, id 5: a column"},
        {"UPDATE rooms SET created = -9e999", "rooms, id 1: a column"},
        {"UPDATE files SET expiry = 9e999", "files, id 8: a column"},
        {"INSERT INTO user_ban_futures VALUES (1, 1, 9e999, 1)",
         "user_ban_futures, id 1: a column"},
        {"UPDATE users SET id = 9223372036854775807 WHERE id = 1", "users: an id is too large"},
        {"UPDATE messages SET id = 9007199254740993", "messages: an id is too large"},
        {"INSERT INTO reactions VALUES (4, 5, CAST(x'c3' AS TEXT));"
         "INSERT INTO user_reactions VALUES (4, 1, 1)",
         "reactions, id 4: its text"},
        {"ALTER TABLE messages RENAME TO m; CREATE VIEW messages AS SELECT id, room, \"user\", "
         "posted,"
         " edited, seqno, seqno_data, seqno_reactions, seqno_creation, zeroblob(9e8 + id) AS data,"
         " data_size, signature, filtered, whisper, whisper_mods FROM m",
         "messages: it cannot be read further"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        old_stage_reset(&s);
        old_sql(&s.old, "%s", cases[i].sql);
        int64_t began = clock_mono_ms();
        old_stage_refused(&s, cases[i].words);
        assert_in_range(clock_mono_ms() - began, 0, FAST_MS);
    }
}

static void point_file_at(const char *path)
{
    old_stage_reset(&s);
    old_sql(&s.old, "UPDATE files SET path = '%s'", path);
}

static void a_path_that_leads_out_of_the_folder__is_refused_unless_allowed(void **state)
{
    (void)state;
    static const char outside[] = "files, id 8: it lies neither below --folder nor --uploads";
    char link[2 * WORLD_PATH_MAX], path[2 * WORLD_PATH_MAX];
    char above[4 * WORLD_PATH_MAX];
    /* Whoever imports may read these: they are the keys of this server. */
    (void)snprintf(path, sizeof(path), "%s/server.key", s.c.w.folder);
    (void)snprintf(link, sizeof(link), "%s/uploads/link", s.old.folder);
    (void)snprintf(above, sizeof(above), "%s/uploads/../../server.key", s.old.folder);
    assert_int_equal(symlink(path, link), 0);
    const char *const paths[] = {path, above, "uploads/../../server.key", "uploads/link"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        point_file_at(paths[i]);
        old_stage_refused(&s, outside);
    }
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--database", s.old.database, "--folder", s.old.folder,
                        "--uploads", s.c.w.folder, "--skip-missing-files"),
                   0, "came:", &s.said);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.chunks"), 1);
    assert_int_equal(unlink(link), 0);
}

static void a_path_to_what_is_no_file__is_left_out_without_touching_it(void **state)
{
    (void)state;
    char fifo[2 * WORLD_PATH_MAX];
    static const char *const paths[] = {"uploads/fifo", "uploads", "/dev/zero", "", "uploads/."};
    (void)snprintf(fifo, sizeof(fifo), "%s/uploads/fifo", s.old.folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        point_file_at(paths[i]);
        old_import(&s.old, &s.c.w, "--skip-missing-files", 0, "files that are not in the folder",
                   &s.said);
        assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.files"), 0);
    }
    assert_int_equal(unlink(fifo), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_above_those_that_clients_saw__become_these, begin),
        cmocka_unit_test_setup(a_message_whose_numbers_were_mended__can_be_read, begin),
        cmocka_unit_test_setup(a_ban_of_a_second_spelling__takes_no_role_away, begin),
        cmocka_unit_test_setup(a_direct_message_that_would_stay_for_ever__goes_after_the_usual_time,
                               begin),
        cmocka_unit_test_setup(the_only_file__lost_from_its_folder__is_left_out, begin),
        cmocka_unit_test_setup(values_that_no_pysogs_has_written__are_refused, begin),
        cmocka_unit_test_setup(a_path_that_leads_out_of_the_folder__is_refused_unless_allowed,
                               begin),
        cmocka_unit_test_setup(a_path_to_what_is_no_file__is_left_out_without_touching_it, begin),
    };
    return cmocka_run_group_tests_name("odd imports", tests, open_stage, close_stage);
}
