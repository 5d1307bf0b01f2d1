/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tests/cluster.sh as functions.
 */
#include "integration/database.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "store/server.h"

extern char **environ;

/* Runs the script with these words; its first line of output goes to out. */
static void script(const char *const *words, char *out, size_t size)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    char *argv[8];
    size_t n = 0;
    for (; n < 7 && words[n] != NULL; n++)
        argv[n] = (char *)(uintptr_t)words[n];
    argv[n] = NULL;
    pid_t pid;
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ), 0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got; len < size - 1 && (got = read(ends[0], out + len, size - 1 - len)) > 0;)
        len += (size_t)got;
    close(ends[0]);
    while (len > 0 && out[len - 1] == '\n')
        len--;
    out[len] = '\0';
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void database_start(struct database *d)
{
    char owner[16];
    (void)snprintf(d->folder, sizeof d->folder, "/tmp/conclave-db-%ld", (long)getpid());
    (void)snprintf(owner, sizeof owner, "%ld", (long)getpid());
    script((const char *[]){"tests/cluster.sh", "start", d->folder, "--no-fsync", "--owner", owner,
                            NULL},
           d->url, sizeof d->url);
}

void database_stop(struct database *d)
{
    char nothing[64];
    script((const char *[]){"tests/cluster.sh", "stop", d->folder, NULL}, nothing, sizeof nothing);
}

static struct db *open_with(const struct database *d, bool statements)
{
    const struct db_options options = {.url = d->url,
                                       .origin = DB_COMMAND,
                                       .tables = statements ? store_statements : NULL,
                                       .table_count = statements ? store_statement_count : 0,
                                       .statement_timeout_ms = 20000,
                                       .lock_timeout_ms = 5000};
    struct db *db;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    return db;
}

struct db *database_connect(const struct database *d)
{
    return open_with(d, true);
}

struct db *database_connect_bare(const struct database *d)
{
    return open_with(d, false);
}

void database_renew(const struct database *d)
{
    struct db *db = database_connect_bare(d);
    AUTO_BUF struct buf progress = buf_make(KIB(4));
    database_run(db, "DROP SCHEMA IF EXISTS conclave CASCADE");
    assert_int_equal(schema_migrate(db, clock_wall_ms(), &progress), OK);
    db_free(db);
}

void database_run(struct db *db, const char *sql)
{
    assert_int_equal(db_script(db, sql), OK);
}

int64_t database_number(struct db *db, const char *sql)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(db_query(db, sql, NULL, 0, &rows), OK);
    assert_true(rows_next(&rows, &row));
    int64_t number = row_i64(&row, 0);
    assert_true(rows_ok(&rows));
    return number;
}
