/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The old database is one file, so that a copy of it brings it back.
 */
#include "integration/old_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

void old_copy(const char *from, const char *to, off_t limit)
{
    char bytes[8192];
    int in = open(from, O_RDONLY | O_CLOEXEC),
        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t n; limit > 0 && (n = read(in, bytes, sizeof(bytes))) > 0; limit -= n)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    assert_int_equal(close(in) | close(out), 0);
}

void old_stage_open(struct old_stage *s)
{
    s->c = (struct cast){.count = 0};
    old_open(&s->old, &s->c.w, 1, false);
    old_user(&s->old, &s->c.w, STAGE_USER, STAGE_ACCOUNT, true);
    old_sql(&s->old,
            "INSERT INTO rooms (id, token, name, message_sequence) VALUES (%d, 'fish', 'F', 9)",
            STAGE_ROOM);
    old_post(&s->old, &s->c.w,
             &(struct old_post){STAGE_MESSAGE, STAGE_ROOM, STAGE_USER, STAGE_ACCOUNT, "hello", 3});
    old_file(&s->old,
             &(struct old_file){STAGE_FILE, STAGE_ROOM, STAGE_USER, "5", "4000000000", "'a'", 100});
    (void)snprintf(s->pristine, sizeof(s->pristine), "%s/pristine", s->c.w.folder);
    old_copy(s->old.database, s->pristine, INT64_MAX);
    const struct db_options db = {.url = s->c.w.database_url};
    assert_int_equal(db_new(&db, &s->c.db), OK);
    assert_int_equal(db_ensure(s->c.db), OK);
}

void old_stage_close(struct old_stage *s)
{
    db_free(s->c.db);
    old_close(&s->old, &s->c.w);
}

void old_stage_reset(struct old_stage *s)
{
    assert_int_equal(sqlite3_close(s->old.file), SQLITE_OK);
    old_copy(s->pristine, s->old.database, INT64_MAX);
    assert_int_equal(sqlite3_open(s->old.database, &s->old.file), SQLITE_OK);
    sql(&s->c, "TRUNCATE conclave.rooms, conclave.users, conclave.files, conclave.blobs,"
               " conclave.chunks, conclave.ring_keys, conclave.server CASCADE;"
               "DELETE FROM conclave.versions WHERE scope IN (2, 3);"
               "UPDATE conclave.file_usage SET bytes = 0");
}

void old_stage_empty(struct old_stage *s)
{
    static const char *const tables[] = {"server", "rooms",     "users", "messages",
                                         "files",  "ring_keys", "blobs", "chunks"};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        assert_int_equal(sql_number(&s->c, "SELECT count(*) FROM conclave.%s", tables[i]), 0);
    assert_int_equal(sql_number(&s->c, "SELECT bytes FROM conclave.file_usage"), 0);
}

void old_stage_refused(struct old_stage *s, const char *words)
{
    old_import(&s->old, &s->c.w, NULL, 1, words, &s->said);
    assert_non_null(strstr(s->said.err, "nothing was imported"));
    old_stage_empty(s);
}

void old_stage_works(struct old_stage *s)
{
    old_import(&s->old, &s->c.w, NULL, 0, "came:", &s->said);
    assert_int_equal(
        sql_number(&s->c, "SELECT count(*) FROM conclave.messages WHERE id = %d", STAGE_MESSAGE),
        1);
    assert_int_equal(sql_number(&s->c, "SELECT count(*) FROM conclave.chunks"), 1);
}
