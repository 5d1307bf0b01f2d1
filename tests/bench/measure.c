/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One scenario: rounds in which the floor, the bare exchange and the server take turns with the
 * same requests, so that a machine that slows down slows all three. The best round of each counts:
 * noise only ever adds.
 */
#include <stdio.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "bench/cage.h"
#include "bench/driver.h"
#include "bench/exchange.h"
#include "bench/family.h"
#include "bench/floor.h"
#include "integration/usage.h"

enum { CHECK_EVERY = 47, BODY_MAX_BYTES = 16 << 20, PLAIN_OVERHEAD = 28, UPLOAD_WORKERS = 2 };

/* CPU us per request, and what else a round told. */
struct round {
    double floor_us, exchange_us /* the floor in it */, server_us, postgres_us, statements;
    double bare_bytes_per_s;     /* of libpq alone, over as many connections as upload workers */
    double bare_one_bytes_per_s; /* over one */
    double postgres_bytes;       /* of memory, after the round */
    const char *failed_at;
    struct driver_result driver;
};

const struct bench_user *bench_user_of(const struct bench *b, size_t n)
{
    enum { APART = 977 };
    return &b->users[(n + n / 50 + APART * b->turn) % BENCH_USERS];
}

static bool make_requests(const struct bench *b, const struct scenario *s,
                          struct prepared *requests, size_t count)
{
    struct buf body AUTO_BUF = buf_make(BODY_MAX_BYTES);
    for (size_t i = 0; i < count; i++) {
        struct bench_request request;
        buf_reset(&body);
        if (s->request(b, s, i, &body, &request) != OK ||
            prepared_make(&b->target, bench_user_of(b, i), &request, &requests[i]) != OK)
            return false;
    }
    return true;
}

static bool check(const void *arg, const struct prepared *request, struct span body)
{
    const struct scenario *s = arg;
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    return onion_client_open(ONION_V4, &request->secret, body, &reply) == OK &&
           (reply.code == s->code || (s->code == 0 && reply.code < 300)) && s->expected(s, &reply);
}

static bool statements(struct bench *b, double *ret_count)
{
    double request = 0, writer = 0;
    if (world_metric(&b->world, 0, "conclave_sql_statements_total{origin=\"request\"}", &request) !=
            OK ||
        world_metric(&b->world, 0, "conclave_sql_statements_total{origin=\"writer\"}", &writer) !=
            OK)
        return false;
    *ret_count = request + writer;
    return true;
}

static bool run_server(struct bench *b, const struct scenario *s, const struct prepared *requests,
                       size_t count, struct round *r)
{
    struct driver_job job = {.at = b->target.url.at,
                             .requests = requests,
                             .count = count,
                             .connections = s->connections,
                             .rate_per_s = s->rate_per_s,
                             .check = check,
                             .arg = s,
                             .check_every = CHECK_EVERY};
    pid_t server = b->world.servers[0].process.pid;
    double before = 0, after = 0;
    if (!statements(b, &before))
        return false;
    double server_us = family_member_cpu_us(server);
    double postgres_us = family_cpu_us(b->postmaster);
    enum err e = driver_run(&job, &r->driver);
    r->server_us = (family_member_cpu_us(server) - server_us) / (double)count;
    r->postgres_us = (family_cpu_us(b->postmaster) - postgres_us) / (double)count;
    r->postgres_bytes = (double)family_bytes(b->postmaster);
    bool counted = statements(b, &after);
    r->statements = (after - before) / (double)count;
    return e == OK && r->driver.failed == 0 && counted;
}

static bool run_exchange(const struct scenario *s, const struct prepared *requests, size_t count,
                         size_t reply_bytes, struct round *r)
{
    struct process bare;
    struct driver_result result;
    struct driver_job job = {.at = {.host = "127.0.0.1"},
                             .requests = requests,
                             .count = count,
                             .connections = s->connections};
    struct exchange_sizes sizes = {requests[0].sealed.len, reply_bytes};
    if (exchange_start(&sizes, &bare, &job.at.port) != OK)
        return false;
    double before = family_member_cpu_us(bare.pid);
    enum err e = driver_run(&job, &result);
    r->exchange_us = (family_member_cpu_us(bare.pid) - before) / (double)count;
    (void)process_stop(&bare);
    return e == OK && result.failed == 0;
}

/* What the server is held against, with the same bytes. */
static bool run_others(struct bench *b, const struct scenario *s, const struct prepared *requests,
                       size_t count, struct round *r)
{
    size_t sealed = r->driver.reply_bytes / count;
    size_t plain = sealed > PLAIN_OVERHEAD ? sealed - PLAIN_OVERHEAD : 0;
    if (floor_run(&b->server_secret, requests, count, plain, &r->floor_us) != OK)
        return false;
    if (s->compare == COMPARE_EXCHANGE)
        return run_exchange(s, requests, count, sealed, r);
    if (s->compare != COMPARE_INSERT && s->compare != COMPARE_SELECT)
        return true;
    struct bench_chunks_job job = {s->compare == COMPARE_INSERT, s->file_bytes, count,
                                   UPLOAD_WORKERS};
    r->bare_bytes_per_s = bench_chunks(b, &job);
    job.connections = 1;
    r->bare_one_bytes_per_s = bench_chunks(b, &job);
    return r->bare_bytes_per_s > 0 && r->bare_one_bytes_per_s > 0;
}

static bool run_round(struct bench *b, const struct scenario *s, size_t count, struct round *r)
{
    struct prepared *requests = mem_alloc_zero(count, sizeof(*requests));
    b->turn++;
    r->failed_at = "no memory";
    bool fine = requests != NULL;
    if (fine && !(fine = s->prepare == NULL || s->prepare(b, s)))
        r->failed_at = "what it asks for could not be put there";
    if (fine && !(fine = make_requests(b, s, requests, count)))
        r->failed_at = "requests could not be made";
    if (fine && !(fine = run_server(b, s, requests, count, r)))
        r->failed_at = "the server did not answer all as expected";
    if (fine && !(fine = run_others(b, s, requests, count, r)))
        r->failed_at = "floor, exchange or libpq did not run";
    for (size_t i = 0; requests != NULL && i < count; i++)
        prepared_done(&requests[i]);
    mem_free(requests);
    return fine;
}

static double least(double a, double b)
{
    return a <= 0 || b < a ? b : a;
}

static void keep_best(struct round *best, const struct round *r)
{
    if (best->driver.answered == 0 || r->driver.seconds < best->driver.seconds)
        best->driver = r->driver;
    best->floor_us = least(best->floor_us, r->floor_us);
    best->exchange_us = least(best->exchange_us, r->exchange_us);
    best->server_us = least(best->server_us, r->server_us);
    best->postgres_us = least(best->postgres_us, r->postgres_us);
    if (r->bare_bytes_per_s > best->bare_bytes_per_s)
        best->bare_bytes_per_s = r->bare_bytes_per_s;
    if (r->bare_one_bytes_per_s > best->bare_one_bytes_per_s)
        best->bare_one_bytes_per_s = r->bare_one_bytes_per_s;
    best->postgres_bytes =
        r->postgres_bytes > best->postgres_bytes ? r->postgres_bytes : best->postgres_bytes;
    best->statements = r->statements > best->statements ? r->statements : best->statements;
}

void bench_print_head(const struct bench *b)
{
    (void)printf(
        "%d users, %d rooms of %d messages, %d busy rooms; best of %zu rounds. CPU is in us "
        "per request.\n\n"
        "%-14s %7s %7s %7s %7s %8s %8s %8s %8s %7s %6s  %s\n",
        BENCH_USERS, BENCH_ROOMS, BENCH_MESSAGES, BENCH_MANY_ROOMS, b->rounds, "scenario", "req/s",
        "p50 ms", "p99 ms", "p99.9", "server", "postgres", "floor", "exchange", "SQL/req", "RSS MB",
        "against");
}

struct verdict {
    double value;
    const char *unit;
    bool at_least; /* else at most */
};

static struct verdict judge(const struct scenario *s, const struct round *r)
{
    double rate = (double)r->driver.answered / r->driver.seconds;
    double bare = r->bare_bytes_per_s > 0 ? r->bare_bytes_per_s : 1;
    switch (s->compare) {
    case COMPARE_FLOOR:
        return (struct verdict){r->server_us / r->floor_us, "x floor", false};
    case COMPARE_EXCHANGE:
        return (struct verdict){r->server_us / r->exchange_us, "x (floor + exchange)", false};
    case COMPARE_RATE:
        return (struct verdict){rate, "/s", true};
    case COMPARE_INSERT:
        return (struct verdict){rate * (double)s->file_bytes / bare, "x libpq inserting over two",
                                true};
    case COMPARE_SELECT:
        return (struct verdict){rate * (double)s->file_bytes / bare, "x libpq selecting over two",
                                true};
    case COMPARE_LATENCY:
        break;
    }
    return (struct verdict){r->driver.p99_ms, "ms p99", false};
}

static void print_row(const struct bench *b, const struct scenario *s, const struct round *r)
{
    struct verdict v = judge(s, r);
    bool met = v.at_least ? v.value >= s->target : v.value <= s->target;
    (void)printf("%-14s %7.0f %7.2f %7.2f %7.2f %8.1f %8.1f %8.1f %8.1f %7.3f %6.1f  %.2f %s",
                 s->name, (double)r->driver.answered / r->driver.seconds, r->driver.p50_ms,
                 r->driver.p99_ms, r->driver.p999_ms, r->server_us, r->postgres_us, r->floor_us,
                 r->exchange_us > 0 ? r->exchange_us - r->floor_us : 0, r->statements,
                 (double)usage_peak_kb(b->world.servers[0].process.pid) / 1e3, v.value, v.unit);
    if (s->target > 0)
        (void)printf(" (%s %.2f: %s)", v.at_least ? "at least" : "at most", s->target,
                     met ? "met" : "missed");
    if (s->no_sql)
        (void)printf(" (no SQL: %s)", r->statements > 0 ? "missed" : "met");
    if (r->bare_one_bytes_per_s > 0)
        (void)printf(" (%.2f x over one connection)",
                     (double)r->driver.answered / r->driver.seconds * (double)s->file_bytes /
                         r->bare_one_bytes_per_s);
    if (s->one_core)
        (void)printf(" (PostgreSQL: %.0f MB)", r->postgres_bytes / 1e6);
    if (s->one_core && cage_peak_bytes() > 0)
        (void)printf(" (within a limit of 768 MB: at most %.0f MB, files that PostgreSQL "
                     "cached included)",
                     (double)cage_peak_bytes() / 1e6);
    (void)printf("\n");
    (void)fflush(stdout);
}

bool bench_measure(struct bench *b, const struct scenario *s)
{
    struct round best = {0}, r = {0};
    size_t count = s->requests * b->scale_percent / 100;
    if (count < 4)
        count = 4;
    if (!bench_arrange(b, s)) {
        (void)printf("%-14s cannot be measured here: it takes two cores\n", s->name);
        return true;
    }
    /* To warm up: everybody has asked before, so what memory can know it knows. */
    size_t warm = s->no_sql && count < 2 * (size_t)BENCH_USERS ? 2 * (size_t)BENCH_USERS : count;
    bool fine = run_round(b, s, warm, &r);
    usage_forget_peak(b->world.servers[0].process.pid);
    for (size_t i = 0; fine && i < b->rounds; i++) {
        r = (struct round){0};
        fine = run_round(b, s, count, &r);
        keep_best(&best, &r);
    }
    if (fine)
        print_row(b, s, &best);
    else
        (void)fprintf(stderr, "%s: not measured: %s (%zu answered, %zu failed)\n", s->name,
                      r.failed_at, r.driver.answered, r.driver.failed);
    return fine && !(s->no_sql && best.statements > 0);
}
