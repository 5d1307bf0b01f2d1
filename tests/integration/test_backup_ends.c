/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 180, test-seconds: 35
 *
 * Backups and restores that are interrupted, by a signal, kill -9, the end of the database or a
 * full disk; or that meet each other. There is never a half file, nor a database that is neither
 * the old one nor the restored one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integration/dumped.h"
#include "integration/small_disk.h"
#include "integration/world_settings.h"

enum { DISK_MB = 24 };

static struct small_disk disk;

static int open_all(void **state)
{
    return small_disk_open(&disk, DISK_MB) ? dumped_open(state) : -1;
}

static int close_all(void **state)
{
    int closed = dumped_close(state);
    small_disk_close(&disk);
    return closed;
}

static struct process begin(const char *more, const char *const *args)
{
    char program[512];
    const char *argv[16] = {program};
    struct dumped_path out = dumped_path("out"), err = dumped_path("err");
    struct world_settings settings;
    struct process p;
    (void)snprintf(program, sizeof(program), "%s/conclave", dumped_world.build);
    for (size_t n = 1; n < 15 && args[n - 1] != NULL; n++)
        argv[n] = args[n - 1];
    assert_int_equal(world_settings(&dumped_world, 0, more ? ARGS(more) : NULL, &settings), OK);
    const struct process_spec spec = {
        .argv = argv, .env = settings.env, .out_path = out.s, .err_path = err.s};
    assert_int_equal(process_start(&spec, &p), OK);
    return p;
}

static int end_of(struct process *p)
{
    int status = -1;
    assert_int_equal(process_wait(p, DUMPED_WAIT_MS, &status), OK);
    return status;
}

/*
 * A restore that has got so much of its dump, and waits for more. Whoever has the writer's end
 * feeds or ends it.
 */
static struct process restore_part(size_t bytes, int *ret_writer)
{
    struct dumped_path fifo = dumped_path("fifo");
    (void)unlink(fifo.s);
    assert_int_equal(mkfifo(fifo.s, 0600), 0);
    struct process p = begin(NULL, RESTORE(fifo.s));
    int writer = open(fifo.s, O_WRONLY | O_CLOEXEC); /* waits for the reader */
    assert_true(writer >= 0);
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(writer, dumped.p + done, bytes - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    /* The old tables are gone for it, and part of the new ones is filled. */
    assert_true(file_wait_number(&dumped_world,
                                 "SELECT count(*) FROM pg_stat_activity"
                                 " WHERE application_name = 'conclave' AND backend_xid IS NOT NULL"
                                 "   AND wait_event = 'ClientRead'",
                                 1, DUMPED_WAIT_MS));
    *ret_writer = writer;
    return p;
}

static void feed_rest(int writer, size_t done)
{
    const struct span rest = span_skip(buf_span(&dumped), done);
    assert_int_equal(write(writer, rest.p, rest.len), (ssize_t)rest.len);
    assert_int_equal(close(writer), 0);
}

static void restore__killed_in_the_middle__leaves_the_database_as_it_was(void **state)
{
    (void)state;
    int64_t before = dumped_fingerprint();
    const size_t parts[] = {dumped.len / 3, dumped.len / 2, dumped.len - dumped.len / 8};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        int writer;
        struct process p = restore_part(parts[i], &writer);
        process_kill(&p);
        assert_int_equal(close(writer), 0);
        dumped_wait_for_silence();
        assert_int_equal(dumped_fingerprint(), before);
    }
    /* And the same way, to its end: it would have succeeded. */
    int writer;
    struct process p = restore_part(dumped.len / 2, &writer);
    feed_rest(writer, dumped.len / 2);
    assert_int_equal(end_of(&p), 0);
    dumped_wait_for_silence();
    assert_int_not_equal(dumped_fingerprint(), before);
    assert_int_equal(world_restart_server(&dumped_world, 0, NULL), OK);
    assert_int_equal(world_stop_server(&dumped_world, 0), 0);
    dumped_wait_for_silence();
}

static void restore__whose_database_ends__leaves_it_as_it_was(void **state)
{
    (void)state;
    int64_t before = dumped_fingerprint();
    int writer;
    struct process p = restore_part(dumped.len / 2, &writer);
    assert_int_equal(world_crash_database(&dumped_world), OK);
    assert_int_equal(world_restart_database(&dumped_world), OK);
    assert_int_equal(close(writer), 0);
    assert_int_equal(end_of(&p), 4);
    assert_int_equal(dumped_fingerprint(), before);
}

static void second_restore_and_backup__during_a_restore__are_refused(void **state)
{
    (void)state;
    int writer;
    struct process p = restore_part(dumped.len / 2, &writer);
    dumped_expect(NULL, RESTORE(IN_FOLDER("good")), 1, "another restore is under way");
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("none")), 1, "a restore is under way");
    process_kill(&p);
    assert_int_equal(close(writer), 0);
    dumped_wait_for_silence();
    assert_false(dumped_exists("none"));
}

/*
 * It finds the database only when that is whole. A server takes SIGTERM when it has opened
 * everything, and ends with 0.
 */
static void server__started_during_a_restore__waits_and_serves_what_was_restored(void **state)
{
    (void)state;
    int writer;
    struct process p = restore_part(dumped.len / 2, &writer);
    struct process server = begin(NULL, ARGS("serve", "--init"));
    assert_true(file_wait_number(&dumped_world,
                                 "SELECT count(*) - 1 FROM pg_stat_activity" /* not us */
                                 " WHERE application_name = 'conclave'",
                                 2, DUMPED_WAIT_MS));
    feed_rest(writer, dumped.len / 2);
    assert_int_equal(end_of(&p), 0);
    assert_int_equal(kill(server.pid, SIGTERM), 0);
    assert_int_equal(end_of(&server), 0);
    dumped_wait_for_silence();
}

/* A backup that has begun, and waits for a table that we hold. */
static struct process backup_held(const char *more, const char *name, struct db **ret_holder)
{
    struct dumped_path path = dumped_path(name);
    *ret_holder = file_db(&dumped_world);
    assert_int_equal(db_begin(*ret_holder), OK);
    assert_int_equal(db_script(*ret_holder, "LOCK TABLE conclave.rooms IN ACCESS EXCLUSIVE MODE"),
                     OK);
    struct process p = begin(more, ARGS("backup", "--output", path.s));
    assert_true(file_wait_number(&dumped_world, "SELECT count(*) FROM pg_locks WHERE NOT granted",
                                 1, DUMPED_WAIT_MS));
    return p;
}

static void let_go(struct db *holder)
{
    db_rollback(holder);
    db_free(holder);
    dumped_wait_for_silence();
}

static void backup__that_is_ended__leaves_nothing(void **state)
{
    (void)state;
    struct db *holder;
    struct process p = backup_held(NULL, "held", &holder);
    assert_true(dumped_exists("held.part"));
    assert_int_equal(kill(p.pid, SIGTERM), 0);
    assert_int_equal(end_of(&p), 1);
    let_go(holder);
    assert_false(dumped_exists("held"));
    assert_false(dumped_exists("held.part"));
}

static void backup__that_is_killed__leaves_no_half_file_and_the_next_one_succeeds(void **state)
{
    (void)state;
    struct db *holder;
    struct process p = backup_held(NULL, "held", &holder);
    process_kill(&p);
    let_go(holder);
    assert_false(dumped_exists("held"));
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("held")), 0, "complete");
    assert_false(dumped_exists("held.part"));
    dumped_expect(NULL, RESTORE(IN_FOLDER("held")), 0, "Restored");
}

static void others__during_a_backup__are_refused_or_do_not_disturb(void **state)
{
    (void)state;
    struct db *holder;
    struct process p = backup_held(NULL, "long", &holder);
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("long")), 1,
                  "another backup is writing it right now");
    dumped_expect(NULL, RESTORE(IN_FOLDER("good")), 1, "a backup of this database");
    /* A second backup is none of its business; and partitions stay. */
    struct process second = begin(NULL, ARGS("backup", "--output", IN_FOLDER("beside")));
    assert_true(file_wait_number(&dumped_world, "SELECT count(*) FROM pg_locks WHERE NOT granted",
                                 2, DUMPED_WAIT_MS));
    assert_int_equal(file_number(&dumped_world, "SELECT conclave.chunks_drop(20000)::int::bigint"),
                     0);
    db_rollback(holder);
    assert_int_equal(end_of(&p), 0);
    assert_int_equal(end_of(&second), 0);
    db_free(holder);
    assert_true(dumped_exists("long") && dumped_exists("beside"));
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("long")), 1,
                  "it exists already, and is kept");
    dumped_wait_for_silence();
}

static void backup__whose_database_ends__leaves_nothing(void **state)
{
    (void)state;
    struct db *holder;
    struct process p = backup_held(NULL, "ended", &holder);
    assert_int_equal(world_crash_database(&dumped_world), OK);
    assert_int_equal(end_of(&p), 4);
    assert_int_equal(world_restart_database(&dumped_world), OK);
    db_free(holder);
    assert_false(dumped_exists("ended") || dumped_exists("ended.part"));
}

/* ---- secrets, terminals, disks ---- */

/* What the list of processes shows of the children of a process. */
static void read_children(pid_t pid, struct buf *out)
{
    char path[64], list[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(list, sizeof(list), f));
    (void)fclose(f);
    char *at = list;
    for (long child = strtol(at, &at, 10); child > 0; child = strtol(at, &at, 10)) {
        char line[4096];
        (void)snprintf(path, sizeof(path), "/proc/%ld/cmdline", child);
        f = fopen(path, "re");
        assert_non_null(f);
        size_t n = fread(line, 1, sizeof(line), f);
        (void)fclose(f);
        buf_put(out, span_of(line, n));
    }
}

static void password__of_the_database__is_not_in_the_list_of_processes(void **state)
{
    (void)state;
    char url[DUMPED_URL_BYTES];
    AUTO_BUF struct buf shown = buf_make(KIB(64));
    struct db *holder;
    (void)snprintf(url, sizeof(url), "%s&password=marked-secret", dumped_url("conclave"));
    struct process p = backup_held(url, "secret", &holder);
    read_children(p.pid, &shown);
    assert_non_null(memmem(shown.p, shown.len, "pg_dump", 7));
    assert_null(memmem(shown.p, shown.len, "marked", 6));
    db_rollback(holder);
    assert_int_equal(end_of(&p), 0);
    db_free(holder);
    dumped_wait_for_silence();
}

static bool terminal_open(int *terminal)
{
    *terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    return *terminal >= 0 && grantpt(*terminal) == 0 && unlockpt(*terminal) == 0;
}

static void backup__to_a_terminal_or_where_nobody_may_write__is_refused(void **state)
{
    (void)state;
    struct dumped_path err = dumped_path("err");
    struct world_settings settings;
    char program[512];
    int status = -1;
    int terminal = -1;
    /* A chroot may lack pseudo terminals; the mounts of this program are its own (small_disk). */
    if (!terminal_open(&terminal)) {
        assert_int_equal(mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666"), 0);
        assert_true(terminal_open(&terminal));
    }
    (void)snprintf(program, sizeof(program), "%s/conclave", dumped_world.build);
    const char *argv[] = {program, "backup", "--output", "-", NULL};
    assert_int_equal(world_settings(&dumped_world, 0, NULL, &settings), OK);
    const struct process_spec spec = {
        .argv = argv, .env = settings.env, .out_path = ptsname(terminal), .err_path = err.s};
    struct process p;
    assert_int_equal(process_start(&spec, &p), OK);
    assert_int_equal(process_wait(&p, DUMPED_WAIT_MS, &status), OK);
    assert_int_equal(status, 2);
    struct pollfd said_there = {.fd = terminal, .events = POLLIN};
    assert_true(poll(&said_there, 1, 0) <= 0 || (said_there.revents & POLLIN) == 0);
    assert_int_equal(close(terminal), 0);
    dumped_refused(NULL, ARGS("backup", "--output", IN_FOLDER("no/where")), 1, "no such folder");
    dumped_refused(NULL, ARGS("backup", "--output", "/proc/none"), 1, "conclave: /proc/none");
    dumped_refused(NULL, ARGS("backup", IN_FOLDER("none")), 2, "unexpected argument");
}

static void backup__beyond_the_allowed_size_of_files__leaves_nothing(void **state)
{
    (void)state;
    struct rlimit before, small = {.rlim_cur = MIB(1)};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("none")), 1, "larger than is allowed");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(dumped_exists("none") || dumped_exists("none.part"));
}

static void backup__to_a_full_disk__leaves_nothing(void **state)
{
    (void)state;
    char path[DUMPED_PATH_BYTES], command[DUMPED_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/there.dump", disk.path);
    (void)snprintf(command, sizeof(command), "%s/fill", disk.path);
    /* All but two megabytes are taken. */
    int fd = open(command, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)MIB(DISK_MB - 2)), 0);
    assert_int_equal(close(fd), 0);
    dumped_refused(NULL, ARGS("backup", "--output", path), 1, "the disk is full; nothing was kept");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(unlink(command), 0);
    dumped_expect(NULL, ARGS("backup", "--output", path), 0, "complete");
    assert_int_equal(unlink(path), 0);
}

static void restore__to_a_full_disk__changes_nothing(void **state)
{
    (void)state;
    char sql[DUMPED_URL_BYTES];
    (void)snprintf(sql, sizeof(sql), "CREATE TABLESPACE small LOCATION '%s'", disk.path);
    file_sql(&dumped_world, sql);
    /* What is stored takes 6 MB, and its log goes elsewhere. */
    file_sql(&dumped_world, "CREATE DATABASE small TABLESPACE small");
    char fill[DUMPED_PATH_BYTES];
    (void)snprintf(fill, sizeof(fill), "%s/fill", disk.path);
    int fd = open(fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)MIB(DISK_MB - 6)), 0);
    assert_int_equal(close(fd), 0);
    dumped_expect(dumped_url("small"), ARGS("restore", IN_FOLDER("good")), 4,
                  "the database's disk is full; nothing was changed");
    assert_int_equal(unlink(fill), 0);
    /* It is still empty, so the same command does. */
    dumped_expect(dumped_url("small"), ARGS("restore", IN_FOLDER("good")), 0, "Restored");
    dumped_wait_for_silence();
    file_sql(&dumped_world, "DROP DATABASE small");
    file_sql(&dumped_world, "DROP TABLESPACE small");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restore__killed_in_the_middle__leaves_the_database_as_it_was),
        cmocka_unit_test(restore__whose_database_ends__leaves_it_as_it_was),
        cmocka_unit_test(server__started_during_a_restore__waits_and_serves_what_was_restored),
        cmocka_unit_test(second_restore_and_backup__during_a_restore__are_refused),
        cmocka_unit_test(backup__that_is_ended__leaves_nothing),
        cmocka_unit_test(backup__that_is_killed__leaves_no_half_file_and_the_next_one_succeeds),
        cmocka_unit_test(others__during_a_backup__are_refused_or_do_not_disturb),
        cmocka_unit_test(backup__whose_database_ends__leaves_nothing),
        cmocka_unit_test(password__of_the_database__is_not_in_the_list_of_processes),
        cmocka_unit_test(backup__to_a_terminal_or_where_nobody_may_write__is_refused),
        cmocka_unit_test(backup__beyond_the_allowed_size_of_files__leaves_nothing),
        cmocka_unit_test(backup__to_a_full_disk__leaves_nothing),
        cmocka_unit_test(restore__to_a_full_disk__changes_nothing),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
