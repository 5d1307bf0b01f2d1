/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk of the chunks is really full: PostgreSQL itself fails. A tablespace of 24 MB of memory,
 * mounted where only this program and its children see it, holds the partitions that uploads go to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "integration/file_fixture.h"
#include "integration/small_disk.h"

enum { FILE_BYTES = 3000000, FILES_MAX = 16, SQL_MAX = 512 };

static struct world world;
static struct member ana;
static struct small_disk disk;

static int open_all(void **state)
{
    (void)state;
    char sql[SQL_MAX];
    static const char *const settings[] = {"CONCLAVE_FILES_UPLOAD_LIMIT=off",
                                           "CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    struct world_options options = {.servers = 1, .accounts = 1, .env = settings};
    if (!small_disk_open(&disk, 24))
        return -1;
    file_world_open(&world, &options);
    ana = file_world_member(&world, 0);
    (void)snprintf(sql, sizeof(sql), "CREATE TABLESPACE small LOCATION '%s'", disk.path);
    file_sql(&world, sql);
    /* All partitions of chunks, so that it does not matter which day it is. */
    file_sql(&world, "DO $$ DECLARE t text; BEGIN"
                     "  FOR t IN SELECT relname FROM pg_class"
                     "            WHERE relname ~ '^chunks_d[0-9]+$' AND relkind = 'r' LOOP"
                     "    EXECUTE format('ALTER TABLE conclave.%I SET TABLESPACE small', t);"
                     "  END LOOP; END $$");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    member_close(&ana);
    bool closed = world_close(&world);
    small_disk_close(&disk);
    return closed ? 0 : -1;
}

static struct server_link *link_of_server(void)
{
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link = NULL;
    assert_int_equal(server_link_open(&route, &link), OK);
    return link;
}

/* The inner code of an upload. */
static int put(struct server_link *link, struct span body, struct file_ticket *ticket)
{
    int code = 0;
    enum err e = file_client_put(link, body, ticket, &code);
    assert_true(e == OK || e == ERR_DENIED);
    return code;
}

static void assert_readable(struct server_link *link, const char *id, struct span body)
{
    struct buf out AUTO_BUF = buf_make(FILE_BYTES + 1);
    int code = 0;
    assert_int_equal(file_client_get(link, id, &out, &code), OK);
    assert_true(span_eq(buf_span(&out), body));
}

static void poll_and_post(void)
{
    struct room_view view = {.token = "lobby"};
    json_t *batch = NULL, *message = NULL;
    assert_int_equal(community_poll(&ana.community, POLL_DESKTOP, &view, 1, &batch), OK);
    assert_int_equal(community_post(&ana.community, "lobby", "the disk is full", &message), OK);
    json_decref(batch);
    json_decref(message);
}

static void disk__that_is_full__refuses_uploads_and_nothing_else_until_there_is_space(void **state)
{
    (void)state;
    struct server_link *link AUTO_LINK = link_of_server();
    struct buf bodies[FILES_MAX];
    struct file_ticket tickets[FILES_MAX];
    size_t stored = 0;
    int code = 0;
    for (size_t i = 0; i < FILES_MAX; i++)
        bodies[i] = file_random(FILE_BYTES);
    while (stored < FILES_MAX &&
           (code = put(link, buf_span(&bodies[stored]), &tickets[stored])) == 200)
        stored++;
    assert_int_equal(code, 507);
    assert_in_range(stored, 4, 8);
    int64_t id = 0;
    assert_int_equal(room_file_put(&ana.community, "lobby", buf_span(&bodies[stored]), NULL, &id),
                     ERR_DENIED);
    assert_int_equal(ana.community.refusal.code, 507);
    assert_true(file_metric(&world, "conclave_uploads_refused_total{reason=\"disk_full\"}") >= 2);

    /* Nothing half stored, and the quota is right. */
    assert_int_equal(file_number(&world, "SELECT count(*) FROM files"), (int64_t)stored);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM blobs"), (int64_t)stored);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM chunks"), (int64_t)stored * 12);
    assert_int_equal(file_number(&world, "SELECT bytes FROM file_usage"),
                     (int64_t)stored * FILE_BYTES);

    /* Everything else goes on: downloads, renewals, duplicates, polls, posts. */
    for (size_t i = 0; i < stored; i++)
        assert_readable(link, tickets[i].id, buf_span(&bodies[i]));
    double expires = 0;
    assert_int_equal(file_client_extend(link, tickets[0].id, &expires, &code), OK);
    struct file_ticket again;
    assert_int_equal(put(link, buf_span(&bodies[0]), &again), 200);
    poll_and_post();
    assert_int_equal(put(link, buf_span(&bodies[stored]), &tickets[stored]), 507);
    assert_int_equal(world_wait_ready(&world, 0, 1000), OK);

    /* Space returns. */
    assert_true(small_disk_grow(&disk, 64));
    assert_int_equal(put(link, buf_span(&bodies[stored]), &tickets[stored]), 200);
    assert_readable(link, tickets[stored].id, buf_span(&bodies[stored]));
    assert_int_equal(room_file_put(&ana.community, "lobby", buf_span(&bodies[0]), NULL, &id), OK);
    for (size_t i = 0; i < FILES_MAX; i++)
        buf_done(&bodies[i]);
}

static void new_days__are_made_in_the_tablespace_of_their_parent(void **state)
{
    (void)state;
    file_sql(&world, "ALTER TABLE conclave.chunks SET TABLESPACE small");
    assert_int_equal(file_number(&world, "SELECT conclave.partitions_add('chunks', 30000, 30000)"),
                     1);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM pg_class c"
                                         "  JOIN pg_tablespace s ON s.oid = c.reltablespace"
                                         " WHERE c.relname = 'chunks_d30000'"
                                         "   AND s.spcname = 'small'"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk__that_is_full__refuses_uploads_and_nothing_else_until_there_is_space),
        cmocka_unit_test(new_days__are_made_in_the_tablespace_of_their_parent),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
