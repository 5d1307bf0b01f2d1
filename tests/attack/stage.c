/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rooms are filled by a server without limits, which then starts again with them.
 */
#include "attack/stage.h"

#include <dirent.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/driver.h"
#include "client/room_file.h"

enum {
    POSTS = 1300, /* more than the 1,024 messages of a room that memory holds */
    POSTERS = 20,
    CONNECTIONS = 16,
    ROOM_FILE_BYTES = 100 * 1000,
    PUBLIC_FILE_BYTES = 1000 * 1000,
    FIRST_NICE = 10,
    AGE_MS = STAGE_KNOWN_AFTER_MS + 500,
};

#define TOGETHER "CONCLAVE_LIMITS_STRANGERS_TOGETHER=100/60s"
static const char *const filling[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                      "CONCLAVE_LIMITS_KNOWN_AFTER=0s", NULL};
/* The defaults, but for the time after which somebody is known, and what world.c sets for tests. */
static const char *const serving[] = {TOGETHER, "CONCLAVE_LIMITS_KNOWN_AFTER=2s",
                                      "CONCLAVE_LOG_LEVEL=info", NULL};

static bool complain(const struct stage *s, const char *what)
{
    (void)fprintf(stderr, "attack: %s %s\n", what, s->world.trouble);
    return false;
}

bool stage_sql(const struct stage *s, const char *sql)
{
    PGconn *c = PQconnectdb(s->world.database_url);
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!fine)
        (void)fprintf(stderr, "attack: %s", PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
    return fine;
}

int stage_ask(const struct stage *s, const struct bench_user *user,
              const struct bench_request *request, struct buf *ret_body)
{
    struct server_link_options options = world_route(&s->world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    if (server_link_open(&options, &link) != OK)
        return 0;
    struct community as = {.link = link};
    if (user != NULL) {
        as.account = user->account;
        as.blinded = user->blinded;
    }
    struct community_request ask = {.method = request->method,
                                    .target = request->target,
                                    .body = request->body,
                                    .content_type = request->content_type,
                                    .signing = user != NULL ? SIGNED_BLINDED : UNSIGNED};
    if (community_call(&as, &ask, &reply) != OK)
        return 0;
    if (ret_body != NULL)
        buf_put(ret_body, reply.body);
    return reply.code;
}

/* ---- filling ---- */

static int append_text(const char *text, size_t len, void *out)
{
    buf_put(out, span_of(text, len));
    return 0;
}

static bool make_post(const struct stage *s, size_t n, struct prepared *ret)
{
    const struct bench_user *user = &s->aged[n % POSTERS];
    struct community as = {.account = user->account, .blinded = user->blinded};
    struct buf body AUTO_BUF = buf_make(KIB(16));
    char text[64];
    (void)snprintf(text, sizeof(text), "message %zu: the weather stays as it is", n);
    json_auto_t *post = community_post_body(&as, text);
    if (post == NULL || json_dump_callback(post, append_text, &body, JSON_COMPACT) != 0)
        return false;
    struct bench_request request = {.method = "POST",
                                    .target = "/room/lobby/message",
                                    .content_type = "application/json",
                                    .body = buf_span(&body),
                                    .is_signed = true};
    return prepared_make(&s->target, user, &request, ret) == OK;
}

bool stage_send(const struct stage *s, const struct prepared *requests, size_t count,
                size_t connections)
{
    struct driver_result result;
    struct driver_job job = {
        .at = s->target.url.at, .requests = requests, .count = count, .connections = connections};
    return driver_run(&job, &result) == OK && result.failed == 0;
}

static bool fill_lobby(const struct stage *s)
{
    struct prepared *posts = mem_alloc_zero(POSTS, sizeof(*posts));
    bool fine = posts != NULL;
    for (size_t i = 0; fine && i < POSTS; i++)
        fine = make_post(s, i, &posts[i]);
    fine = fine && stage_send(s, posts, POSTS, CONNECTIONS);
    for (size_t i = 0; posts != NULL && i < POSTS; i++)
        prepared_done(&posts[i]);
    mem_free(posts);
    return fine;
}

/* The oldest message that the lobby still tells of. */
static bool find_oldest(struct stage *s, struct community *c)
{
    json_auto_t *rows = NULL;
    if (community_since(c, "lobby", 1, 1, &rows) != OK || json_array_size(rows) == 0)
        return false;
    s->oldest = json_integer_value(json_object_get(json_array_get(rows, 0), "id"));
    return s->oldest > 0;
}

static bool put_files(struct stage *s, struct community *c)
{
    struct buf bytes AUTO_BUF = buf_make(PUBLIC_FILE_BYTES);
    struct file_ticket ticket = {.id = ""};
    int code = 0;
    uint8_t *p = buf_reserve(&bytes, PUBLIC_FILE_BYTES);
    if (p == NULL)
        return false;
    randombytes_buf(p, PUBLIC_FILE_BYTES);
    if (file_client_put(c->link, span_of(p, PUBLIC_FILE_BYTES), &ticket, &code) != OK ||
        room_file_put(c, "lobby", span_of(p, ROOM_FILE_BYTES), NULL, &s->room_file) != OK)
        return false;
    memcpy(s->public_file, ticket.id, sizeof(s->public_file));
    return true;
}

static bool fill(struct stage *s)
{
    char sql[200];
    struct member m = {0};
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.rooms (token, name, created)"
                   " SELECT 'r' || n, 'r' || n, 0 FROM generate_series(1, %d) n",
                   STAGE_ROOMS - 1);
    if (!stage_sql(s, sql) || !fill_lobby(s) || member_open(&s->world, 0, 0, false, &m) != OK)
        return false;
    bool fine = find_oldest(s, &m.community) && put_files(s, &m.community);
    member_close(&m);
    return fine && stage_sql(s, "ANALYZE");
}

int stage_nice(void)
{
    return getpriority(PRIO_PROCESS, (id_t)getpid()) - FIRST_NICE;
}

/* Relays stand for other machines: they do not wait until a busy server leaves them a core. */
static void let_relays_precede(const struct stage *s)
{
    for (size_t i = 0; i < s->world.relay_count; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)s->world.relays[i].pid);
        DIR *d = opendir(path);
        for (const struct dirent *t = d != NULL ? readdir(d) : NULL; t != NULL; t = readdir(d))
            if (t->d_name[0] != '.')
                (void)setpriority(PRIO_PROCESS, (id_t)strtoul(t->d_name, NULL, 10), stage_nice());
        if (d != NULL)
            (void)closedir(d);
    }
}

/* ---- the public side ---- */

bool stage_settle(struct stage *s)
{
    struct prepared asks[STAGE_AGED] = {{.is_signed = false}};
    struct bench_request request = {.method = "GET", .target = "/rooms", .is_signed = true};
    bool fine = true;
    for (size_t i = 0; fine && i < STAGE_AGED; i++)
        fine = prepared_make(&s->target, &s->aged[i], &request, &asks[i]) == OK;
    fine = fine && stage_send(s, asks, STAGE_AGED, CONNECTIONS);
    for (size_t i = 0; i < STAGE_AGED; i++)
        prepared_done(&asks[i]);
    for (size_t i = 0; fine && i < STAGE_MEMBERS; i++) {
        struct member m = {0};
        json_t *room = NULL;
        fine = member_open(&s->world, i, 0, false, &m) == OK &&
               community_join(&m.community, "lobby", &room) == OK;
        json_decref(room);
        member_close(&m);
    }
    if (!fine)
        return complain(s, "somebody is not answered");
    (void)poll(NULL, 0, AGE_MS);
    return true;
}

bool stage_renew(struct stage *s)
{
    /*
     * One that is still busy with an attack is killed after a while, and the next attack goes on.
     */
    if (world_stop_server(&s->world, 0) != 0)
        (void)complain(s, "the server did not end when it was told to");
    int64_t began_ms = clock_mono_ms();
    if (world_restart_server(&s->world, 0, serving) != OK)
        return complain(s, "the server does not start again");
    s->start_took_ms = clock_mono_ms() - began_ms;
    return stage_settle(s);
}

bool stage_open(struct stage *s, bool is_short)
{
    static const struct world_options options = {
        .servers = 1, .relays = 3, .accounts = STAGE_MEMBERS, .env = filling};
    *s = (struct stage){.is_short = is_short};
    if (world_open(&s->world, &options) != OK)
        return complain(s, "the world did not open:");
    let_relays_precede(s);
    struct server_link_options link = world_route(&s->world, 0, false);
    s->target = (struct bench_target){.server = link.key, .url = link.url, .style = link.style};
    bool fine = true;
    for (size_t i = 0; fine && i < STAGE_AGED; i++)
        fine = bench_user_make(&s->target.server, &s->aged[i]) == OK;
    return ((fine && fill(s)) || complain(s, "the rooms could not be filled")) && stage_renew(s);
}

bool stage_close(struct stage *s)
{
    for (size_t i = 0; i < STAGE_AGED; i++)
        account_done(&s->aged[i].account);
    return world_close(&s->world);
}
