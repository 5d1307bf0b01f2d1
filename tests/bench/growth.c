/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same requests to rooms of 100, 10,000 and 1,000,000 messages and to one of 900,000
 * tombstones, then among 1,000 rooms and 100,000 known people: instructions of the server, pages of
 * the database, and at the end memory.
 *
 * The old messages are put there by SQL with bodies that nobody could open; nobody asks for them.
 * Those that are read are posted as people post.
 */
#include "bench/growth.h"

#include <stdio.h>

#include "base/mem.h"
#include "bench/counted.h"
#include "bench/driver.h"
#include "integration/usage.h"

enum {
    NEW_MESSAGES = 1100, /* more than a room's window holds */
    CALLS = 100,
    POST_CONNECTIONS = 32,
    MANY_ROOMS = 1000,
    MANY_PEOPLE = 100000,
    PEOPLE_AT_ONCE = 2000,
};

/* A room of that many messages: old ones, some of them deleted, and what was posted lately. */
struct size {
    const char *token;
    long long old, tombstones;
    size_t posted;
};
static const struct size sizes[] = {
    {"hundred", 0, 0, 100},
    {"tenthousand", 10000 - NEW_MESSAGES, 0, NEW_MESSAGES},
    {"million", 1000000 - NEW_MESSAGES, 0, NEW_MESSAGES},
    {"tombstones", 1000000 - NEW_MESSAGES, 900000, NEW_MESSAGES},
};

/* Requests of one kind, by the bench's users or by people of their own. */
struct load {
    enum err (*make)(const struct bench *b, size_t n, struct buf *body,
                     struct bench_request *ret_request);
    size_t count, connections;
    const struct bench_user *people; /* one per request; NULL: the usual users */
};

/*
 * False: not every request was answered. The same people each time: a key first seen costs a check
 * of its own.
 */
static bool send_load(struct bench *b, const struct load *load)
{
    struct buf body AUTO_BUF = buf_make(KIB(64));
    struct prepared *requests = mem_alloc_zero(load->count, sizeof(*requests));
    struct driver_result result = {0};
    bool fine = requests != NULL;
    for (size_t i = 0; fine && i < load->count; i++) {
        struct bench_request request;
        const struct bench_user *user =
            load->people != NULL ? &load->people[i] : bench_user_of(b, i);
        buf_reset(&body);
        fine = load->make(b, i, &body, &request) == OK &&
               prepared_make(&b->target, user, &request, &requests[i]) == OK;
    }
    struct driver_job job = {.at = b->target.url.at,
                             .requests = requests,
                             .count = load->count,
                             .connections = load->connections};
    fine = fine && driver_run(&job, &result) == OK && result.failed == 0;
    for (size_t i = 0; requests != NULL && i < load->count; i++)
        prepared_done(&requests[i]);
    mem_free(requests);
    return fine;
}

/* ---- what is asked; the room is b->rooms[0] ---- */

static enum err post(const struct bench *b, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    return bench_post(b, n, b->rooms[0].token, body, ret_request);
}

static enum err poll(const struct bench *b, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)n;
    return bench_poll(b, PLAIN_PHONE, 0, body, ret_request);
}

static enum err since(const struct bench *b, size_t n, struct buf *body,
                      struct bench_request *ret_request)
{
    (void)n, (void)body;
    *ret_request = (struct bench_request){.method = "GET", .is_signed = true};
    (void)snprintf(ret_request->target, sizeof(ret_request->target),
                   "/room/%s/messages/since/%lld?t=r&reactors=5", b->rooms[0].token,
                   (long long)b->rooms[0].seqno - 100);
    return OK;
}

static enum err recent(const struct bench *b, size_t n, struct buf *body,
                       struct bench_request *ret_request)
{
    (void)n, (void)body;
    *ret_request = (struct bench_request){.method = "GET", .is_signed = true};
    (void)snprintf(ret_request->target, sizeof(ret_request->target),
                   "/room/%s/messages/recent?t=r&reactors=5&limit=100", b->rooms[0].token);
    return OK;
}

static const struct {
    const char *name, *handler;
    enum err (*make)(const struct bench *b, size_t n, struct buf *body,
                     struct bench_request *ret_request);
} kinds[] = {
    {"idle poll", "batch_run", poll},
    {"since", "messages_get_since", since},
    {"recent", "messages_get_recent", recent},
};

/* ---- filling ---- */

static bool restart(struct bench *b)
{
    return world_stop_server(&b->world, 0) == 0 && world_restart_server(&b->world, 0, NULL) == OK;
}

/* First all posts, then the deletions: number n dies at number all + n. */
static bool put_old(const struct bench *b, const struct size *s)
{
    char sql[1000];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.messages"
                   " (room, author, posted, seqno_creation, seqno_data, key_id, body)"
                   " SELECT r.id, u.id, n, n, n + CASE WHEN n <= %lld THEN %lld ELSE 0 END, 1,"
                   "        CASE WHEN n > %lld THEN decode(repeat('00', 104), 'hex') END"
                   "   FROM generate_series(1, %lld) n,"
                   "        (SELECT id FROM conclave.rooms WHERE token = '%s') r,"
                   "        (SELECT min(id) AS id FROM conclave.users) u;"
                   "UPDATE conclave.rooms SET message_sequence = %lld WHERE token = '%s'",
                   s->tombstones, s->old, s->tombstones, s->old, s->token, s->old + s->tombstones,
                   s->token);
    return growth_sql(b, sql);
}

/*
 * Makes the room, and makes it b->rooms[0] with the counters of somebody who has seen everything.
 */
static bool fill(struct bench *b, const struct size *s)
{
    const char *const add[] = {"room", "add", s->token, "--name", s->token, NULL};
    struct load posts = {.make = post, .count = s->posted, .connections = POST_CONNECTIONS};
    struct buf out AUTO_BUF = buf_make(KIB(16));
    int status = -1;
    if (world_conclave(&b->world, 0, add, &out, &status) != OK || status != 0)
        return false;
    b->rooms[0] = (struct room_view){.seqno = 0};
    (void)snprintf(b->rooms[0].token, sizeof(b->rooms[0].token), "%s", s->token);
    if ((s->old > 0 && !put_old(b, s)) || !restart(b) || !send_load(b, &posts) ||
        !growth_sql(b, "VACUUM ANALYZE conclave.messages"))
        return false;
    for (int i = 0; i < 3; i++) {
        json_t *batch = NULL;
        if (community_poll(&b->admin.community, POLL_IOS, b->rooms, BENCH_ROOMS, &batch) != OK)
            return false;
        json_decref(batch);
    }
    return b->rooms[0].seqno >= (int64_t)s->posted;
}

/* ---- measuring ---- */

/* One row: instructions of the handler and of the whole request, for each kind. */
static bool count(struct bench *b, const char *what)
{
    if (world_stop_server(&b->world, 0) != 0 || counted_start(&b->world, NULL) != OK)
        return false;
    (void)printf("%-34s", what);
    bool fine = true;
    for (size_t k = 0; fine && k < COUNT_OF(kinds); k++) {
        const char *const functions[] = {kinds[k].handler, "exchange_work"};
        struct load calls = {.make = kinds[k].make, .count = CALLS, .connections = 1};
        double counts[COUNT_OF(functions)] = {0};
        fine = send_load(b, &calls) && counted_begin(&b->world) == OK && send_load(b, &calls) &&
               counted_end(&b->world, functions, COUNT_OF(functions), counts) == OK &&
               counts[0] > 0;
        (void)printf(" %10.0f %10.0f", counts[0] / CALLS, counts[1] / CALLS);
    }
    (void)printf("\n");
    (void)fflush(stdout);
    counted_stop(&b->world);
    return world_restart_server(&b->world, 0, NULL) == OK && fine;
}

static void print_head(void)
{
    (void)printf("\nInstructions per request: handler, and all from peeling to sealing\n%-34s", "");
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        (void)printf(" %21s", kinds[k].name);
    (void)printf("\n");
}

/* Everybody polls once, over as many connections as there are at a time. */
static bool let_people_poll(struct bench *b)
{
    struct bench_user *people = mem_alloc_zero(PEOPLE_AT_ONCE, sizeof(*people));
    bool fine = people != NULL;
    for (size_t done = 0; fine && done < MANY_PEOPLE; done += PEOPLE_AT_ONCE) {
        struct load polls = {
            .make = poll, .count = PEOPLE_AT_ONCE, .connections = PEOPLE_AT_ONCE, .people = people};
        for (size_t i = 0; fine && i < PEOPLE_AT_ONCE; i++)
            fine = bench_user_make(&b->target.server, &people[i]) == OK;
        fine = fine && send_load(b, &polls);
    }
    mem_free(people);
    return fine;
}

static bool measure_people(struct bench *b)
{
    if (!let_people_poll(b))
        return false;
    pid_t server = b->world.servers[0].process.pid;
    (void)printf("\nMemory: the server's most after %d people polled over %d connections: %.1f MB"
                 " (at most 128)\n",
                 MANY_PEOPLE, PEOPLE_AT_ONCE, (double)usage_peak_kb(server) / 1e3);
    return true;
}

bool growth_run(struct bench *b)
{
    bool fine = true;
    for (size_t i = 0; fine && i < COUNT_OF(sizes); i++) {
        fine = fill(b, &sizes[i]);
        if (i == 0)
            print_head();
        fine = fine && count(b, sizes[i].token) &&
               growth_explain(b, sizes[i].token, b->rooms[0].seqno);
    }
    char sql[300];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.rooms (token, name, created)"
                   " SELECT 'g' || n, 'g' || n, 0 FROM generate_series(1, %d) n",
                   MANY_ROOMS);
    fine = fine && growth_sql(b, sql) && restart(b) && count(b, "tombstones, among 1,000 rooms");
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                   " SELECT '\\x15' || sha256(int8send(n)), 0, 0 FROM generate_series(1, %d) n",
                   MANY_PEOPLE);
    return fine && growth_sql(b, sql) && restart(b) && count(b, "and among 100,000 people") &&
           measure_people(b);
}
