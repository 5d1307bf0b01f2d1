/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A world that was backed up, and looks at what became of it.
 */
#include "integration/dumped.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/pg_program.h"

enum { FILE_BYTES = 3000000, DUMP_MAX = 16 << 20 };

struct world dumped_world;
struct buf dumped;
struct said dumped_said;

struct dumped_path dumped_path(const char *name)
{
    struct dumped_path p;
    (void)snprintf(p.s, sizeof(p.s), "%.90s/%.60s", dumped_world.folder, name);
    return p;
}

bool dumped_exists(const char *name)
{
    return access(IN_FOLDER(name), F_OK) == 0;
}

void dumped_write(const char *name, struct span bytes)
{
    FILE *f = fopen(IN_FOLDER(name), "we");
    assert_non_null(f);
    if (bytes.len > 0)
        assert_int_equal(fwrite(bytes.p, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static void read_dump(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(&dumped, MIB(1));
        assert_non_null(to);
        n = read(fd, to, MIB(1));
        if (n > 0)
            buf_commit(&dumped, (size_t)n);
    }
    assert_int_equal(close(fd), 0);
}

const char *dumped_url(const char *name)
{
    static char line[DUMPED_URL_BYTES];
    const char *rest = strstr(dumped_world.database_url, "/conclave?");
    assert_non_null(rest);
    (void)snprintf(line, sizeof(line), "CONCLAVE_DATABASE_URL=postgresql:///%s?%s", name,
                   rest + strlen("/conclave?"));
    return line;
}

int64_t dumped_fingerprint(void)
{
    return file_number(&dumped_world,
                       "SELECT ('x' || substr(md5(schema_to_xml('conclave', true, false, "
                       "'')::text), 1, 15))::bit(60)::bigint");
}

void dumped_wait_for_silence(void)
{
    assert_true(file_wait_number(&dumped_world,
                                 "SELECT count(*) FROM pg_stat_activity"
                                 " WHERE application_name IN ('conclave', 'pg_dump')"
                                 "   AND pid <> pg_backend_pid()",
                                 0, DUMPED_WAIT_MS));
}

void dumped_expect(const char *more, const char *const *args, int status, const char *words)
{
    command_expect(&dumped_world, more ? ARGS(more) : NULL, args, status, words, &dumped_said);
}

void dumped_refused(const char *more, const char *const *args, int status, const char *words)
{
    int64_t before = dumped_fingerprint();
    dumped_expect(more, args, status, words);
    assert_int_equal(dumped_fingerprint(), before);
}

void dumped_copy(const char *name, const char *change)
{
    char sql[DUMPED_URL_BYTES];
    dumped_wait_for_silence(); /* the original of a copy must not be in use */
    struct world other = dumped_world;
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE conclave", name);
    char *in_url = strstr(other.database_url, "/conclave?");
    assert_non_null(in_url);
    memcpy(in_url, "/postgres?", strlen("/postgres?")); /* both have eight letters */
    file_sql(&other, sql);
    (void)snprintf(other.database_url, sizeof(other.database_url), "%s",
                   strchr(dumped_url(name), '=') + 1);
    file_sql(&other, change);
}

void dumped_raw(const char *file, const char *database)
{
    char name[DUMPED_PATH_BYTES];
    (void)snprintf(name, sizeof(name), "--dbname=%s", database);
    const char *const argv[] = {"", "--format=custom", "--schema=conclave", name, NULL};
    const char *const every[] = {"", "--format=custom", name, NULL};
    AUTO_BUF struct buf environment = buf_make(KIB(4));
    AUTO_BUF struct buf bytes = buf_make(DUMP_MAX);
    struct pg_program p;
    struct db *db = file_db(&dumped_world);
    assert_true(pg_program_find("pg_dump", db_server_major(db), &p));
    db_free(db);
    assert_int_equal(db_environment(dumped_world.database_url, &environment), OK);
    bool ours = strcmp(database, "template1") != 0;
    assert_true(pg_program_start(&p, ours ? argv : every, buf_span(&environment), -1));
    for (ssize_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(&bytes, KIB(64));
        assert_non_null(to);
        n = read(p.out, to, KIB(64));
        assert_true(n >= 0);
        buf_commit(&bytes, (size_t)n);
    }
    assert_true(pg_program_end(&p));
    dumped_write(file, buf_span(&bytes));
}

int dumped_open(void **state)
{
    (void)state;
    static const char *const settings[] = {"CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    const struct world_options options = {
        .servers = 1, .accounts = 1, .env = settings, .no_fsync = true};
    file_world_open(&dumped_world, &options);
    struct member ana = file_world_member(&dumped_world, 0);
    struct buf body = file_random(FILE_BYTES);
    struct file_ticket ticket;
    json_t *message = NULL;
    int64_t id = 0;
    int code = 0;
    assert_int_equal(community_post(&ana.community, "lobby", "words", &message), OK);
    assert_int_equal(room_file_put(&ana.community, "lobby", buf_span(&body), NULL, &id), OK);
    assert_int_equal(file_client_put(ana.link, buf_span(&body), &ticket, &code), OK);
    json_decref(message);
    member_close(&ana);
    buf_done(&body);
    assert_int_equal(world_stop_server(&dumped_world, 0), 0);
    dumped = buf_make(DUMP_MAX);
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("good")), 0, NULL);
    read_dump(IN_FOLDER("good"));
    return 0;
}

int dumped_close(void **state)
{
    (void)state;
    buf_done(&dumped);
    return world_close(&dumped_world) ? 0 : -1;
}
