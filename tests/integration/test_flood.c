/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 600, test-alone: it measures times.
 *
 * Floods: full-size uploads all at once, and identities without end while members go on reading.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/file_client.h"
#include "integration/flood.h"
#include "integration/raw.h"

enum {
    UPLOADS = 32,
    UPLOADS_SHORT = 8, /* the sanitizers seal and open ten times slower */
    UPLOAD_BYTES = 10223616,
    UPLOAD_PATIENCE_MS = 120 * SECOND_MS,
    STALLED = 60,
    STALLED_AT_BYTES = 5000000,
    STALLED_PARTS = 50,
    STALLED_ROUNDS = 3,
    BACK_WITHIN_MS = 60 * SECOND_MS,
    KEPT_MAX_KB = 64 * 1024,
    ABOVE_CEILINGS_KB = 64 * 1024,
    CEILINGS_KB = (256 + 64) * 1024, /* [memory] bodies and state */
    MEMBERS = 4,
    MEMBER_PAUSE_MS = 25,
    SAMPLES_MAX = 20000,
    KNOWN_AFTER_MS = 2 * SECOND_MS,
    QUIET_MS = 2 * SECOND_MS,
    FLOOD_CONNECTIONS = 256,
    FRESH_KEYS = 4000,
    FRESH_KEYS_FULL = 100000,
    FRESH_KEYS_AT_ONCE = 4000,
    GROWTH_MAX_KB = 48 * 1024,
};

static void open_world(struct world *w, const char *const *env, size_t accounts)
{
    const struct world_options options = {
        .servers = 1, .accounts = accounts, .env = env, .no_fsync = true};
    if (world_open(w, &options) != OK)
        fail_msg("%s", w->trouble);
}

/* A line of /proc/PID/status, in KB. */
static long memory_kb(const struct world *w, const char *name)
{
    char path[64], line[256];
    size_t n = strlen(name);
    long kb = -1;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)w->servers[0].process.pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, name, n) == 0)
            kb = strtol(line + n, NULL, 10);
    (void)fclose(f);
    return kb;
}

static void assert_memory_goes_back(const struct world *w, long idle_kb)
{
    int64_t until = clock_mono_ms() + BACK_WITHIN_MS;
    while (memory_kb(w, "VmRSS:") > idle_kb + KEPT_MAX_KB && clock_mono_ms() < until)
        (void)poll(NULL, 0, 100);
    print_message("resident: idle %ld KB, at most %ld KB, afterwards %ld KB\n", idle_kb,
                  memory_kb(w, "VmHWM:"), memory_kb(w, "VmRSS:"));
    if (getenv("CONCLAVE_TEST_SHORT") != NULL)
        return; /* the sanitizers keep what is freed */
    assert_true(memory_kb(w, "VmHWM:") < idle_kb + CEILINGS_KB + ABOVE_CEILINGS_KB);
    assert_true(memory_kb(w, "VmRSS:") <= idle_kb + KEPT_MAX_KB);
}

/* ---- full-size bodies ---- */

struct uploader {
    pthread_t thread;
    struct server_link *link;
    uint8_t fill;
    enum err e;
    int code;
};

static void *upload_main(void *arg)
{
    struct uploader *u = arg;
    struct file_ticket ticket;
    uint8_t *content = mem_alloc(UPLOAD_BYTES);
    if (content == NULL)
        return NULL;
    memset(content, 0x80 + u->fill, UPLOAD_BYTES);
    u->e = file_client_put(u->link, span_of(content, UPLOAD_BYTES), &ticket, &u->code);
    mem_free(content);
    return NULL;
}

static void bodies__of_full_size_all_at_once__wait_and_all_succeed(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    struct world w = {0};
    struct uploader uploaders[UPLOADS] = {{.fill = 0}};
    const size_t count = getenv("CONCLAVE_TEST_SHORT") != NULL ? UPLOADS_SHORT : UPLOADS;
    open_world(&w, env, 0);
    struct server_link_options options = world_route(&w, 0, false);
    options.timeout_ms = UPLOAD_PATIENCE_MS;
    for (uint8_t i = 0; i < count; i++) {
        uploaders[i] = (struct uploader){.fill = i, .e = ERR_DEFECT};
        assert_int_equal(server_link_open(&options, &uploaders[i].link), OK);
    }
    long idle_kb = memory_kb(&w, "VmRSS:");
    int64_t began_ms = clock_mono_ms();
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&uploaders[i].thread, NULL, upload_main, &uploaders[i]), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(uploaders[i].thread, NULL), 0);
    print_message("%zu bodies in %lld ms\n", count, (long long)(clock_mono_ms() - began_ms));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(uploaders[i].e, OK);
        assert_int_equal(uploaders[i].code, 200);
        server_link_close(uploaders[i].link);
    }
    double refused = 0;
    assert_int_equal(
        world_metric(&w, 0, "conclave_requests_refused_total{reason=\"busy\"}", &refused), OK);
    assert_true(refused < 1);
    assert_memory_goes_back(&w, idle_kb);
    assert_true(world_close(&w));
}

/* ---- bodies that stop on their way ---- */

/* Connections that announce a full-size upload, send half of it, and then nothing. */
static void stall_uploads(const struct world *w, int fds[static STALLED])
{
    static const char head[] = "POST /oxen/v4/lsrpc HTTP/1.1\r\nHost: x\r\n"
                               "Content-Length: 10000000\r\n\r\n";
    static uint8_t some[STALLED_AT_BYTES / STALLED_PARTS];
    for (size_t i = 0; i < STALLED; i++) {
        fds[i] = raw_connect(&w->servers[0].at, 0);
        assert_true(fds[i] >= 0);
        assert_true(raw_send(fds[i], span_of_text(head)));
    }
    /* In turns, so that all of them grow together. */
    for (size_t part = 0; part < STALLED_PARTS; part++)
        for (size_t i = 0; i < STALLED; i++)
            (void)send(fds[i], some, sizeof(some), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void memory__after_the_heaviest_load__goes_back_to_the_system(void **state)
{
    (void)state;
    struct world w = {0};
    int fds[STALLED];
    open_world(&w, NULL, 0);
    long idle_kb = memory_kb(&w, "VmRSS:");
    for (int round = 0; round < STALLED_ROUNDS; round++) {
        stall_uploads(&w, fds);
        (void)poll(NULL, 0, 3 * SECOND_MS);
        for (size_t i = 0; i < STALLED; i++)
            (void)close(fds[i]);
    }
    assert_memory_goes_back(&w, idle_kb);
    assert_true(world_close(&w));
}

/* ---- members ---- */

struct reader {
    pthread_t thread;
    struct member m;
    const atomic_bool *stopping;
    double ms[SAMPLES_MAX];
    size_t count, failed;
};

/* One read that needs the database, so that it also has to find a worker. */
static void *reader_main(void *arg)
{
    struct reader *r = arg;
    const struct community_request request = {
        .method = "GET", .target = "/room/lobby/message/999999999", .signing = SIGNED_BLINDED};
    while (!atomic_load(r->stopping) && r->count < SAMPLES_MAX) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        int64_t began_us = clock_mono_us();
        enum err e = community_call(&r->m.community, &request, &reply);
        r->ms[r->count++] = (double)(clock_mono_us() - began_us) / 1000;
        r->failed += e != OK || reply.code != 404;
        (void)poll(NULL, 0, MEMBER_PAUSE_MS);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct latency {
    double median_ms, p99_ms;
    size_t count, failed;
};

struct readers {
    atomic_bool stopping;
    struct reader all[MEMBERS];
};

static void readers_start(struct readers *r)
{
    atomic_store(&r->stopping, false);
    for (size_t i = 0; i < MEMBERS; i++) {
        r->all[i].stopping = &r->stopping;
        r->all[i].count = r->all[i].failed = 0;
        assert_int_equal(pthread_create(&r->all[i].thread, NULL, reader_main, &r->all[i]), 0);
    }
}

static struct latency readers_stop(struct readers *r)
{
    static double all[MEMBERS * SAMPLES_MAX];
    struct latency l = {.count = 0};
    atomic_store(&r->stopping, true);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_int_equal(pthread_join(r->all[i].thread, NULL), 0);
        memcpy(all + l.count, r->all[i].ms, r->all[i].count * sizeof(double));
        l.count += r->all[i].count;
        l.failed += r->all[i].failed;
    }
    assert_true(l.count > 0);
    qsort(all, l.count, sizeof(double), compare);
    l.median_ms = all[l.count / 2];
    l.p99_ms = all[l.count * 99 / 100];
    return l;
}

static struct latency read_for(struct readers *r, int64_t ms)
{
    readers_start(r);
    (void)poll(NULL, 0, (int)ms);
    return readers_stop(r);
}

/* ---- fresh keys ---- */

struct outcome {
    struct latency quiet, flooded;
    struct flood_sums sums;
    long before_kb, after_kb;
};

static size_t fresh_keys(void)
{
    return getenv("CONCLAVE_TEST_FULL") != NULL ? FRESH_KEYS_FULL : FRESH_KEYS;
}

static void flood_members(const char *share, size_t keys, struct outcome *ret_outcome)
{
    static struct readers readers;
    const char *const env[] = {"CONCLAVE_LIMITS_KNOWN_AFTER=2s", share, NULL};
    struct world w = {0};
    struct outcome o = {.before_kb = 0};
    open_world(&w, env, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++)
        assert_int_equal(member_open(&w, i, 0, false, &readers.all[i].m), OK);
    (void)read_for(&readers, KNOWN_AFTER_MS + SECOND_MS); /* they become members */
    o.quiet = read_for(&readers, QUIET_MS);
    o.before_kb = memory_kb(&w, "VmRSS:");
    for (size_t sent = 0; sent < keys; sent += FRESH_KEYS_AT_ONCE) {
        struct flood_frames frames;
        struct flood *flood = NULL;
        size_t count = keys - sent < FRESH_KEYS_AT_ONCE ? keys - sent : FRESH_KEYS_AT_ONCE;
        assert_int_equal(flood_frames_make(&w, 0, "/room/lobby/message/999999999", count, &frames),
                         OK);
        assert_int_equal(flood_start(&w, 0, &frames, FLOOD_CONNECTIONS, &flood), OK);
        readers_start(&readers);
        while (!flood_is_over(flood))
            (void)poll(NULL, 0, 10);
        struct latency l = readers_stop(&readers);
        o.flooded.count += l.count;
        o.flooded.failed += l.failed;
        /* The mean of the rounds' medians, and the worst of their tails. */
        o.flooded.median_ms += l.median_ms * (double)count / (double)keys;
        if (l.p99_ms > o.flooded.p99_ms)
            o.flooded.p99_ms = l.p99_ms;
        struct flood_sums sums = flood_stop(flood);
        o.sums.answered += sums.answered;
        o.sums.refused += sums.refused;
        o.sums.failed += sums.failed;
        flood_frames_done(&frames);
    }
    o.after_kb = memory_kb(&w, "VmRSS:");
    print_message("%s: quiet %.1f ms (p99 %.1f), flooded %.1f ms (p99 %.1f, %zu requests, %zu "
                  "failed); strangers: %zu answered, %zu refused, %zu broken; resident %ld to %ld "
                  "KB\n",
                  share, o.quiet.median_ms, o.quiet.p99_ms, o.flooded.median_ms, o.flooded.p99_ms,
                  o.flooded.count, o.flooded.failed, o.sums.answered, o.sums.refused, o.sums.failed,
                  o.before_kb, o.after_kb);
    for (size_t i = 0; i < MEMBERS; i++)
        member_close(&readers.all[i].m);
    assert_true(world_close(&w));
    *ret_outcome = o;
}

static void members__while_fresh_keys_flood__are_answered_first(void **state)
{
    (void)state;
    struct outcome with, without;
    flood_members("CONCLAVE_LIMITS_STRANGERS_SHARE=25", fresh_keys(), &with);
    flood_members("CONCLAVE_LIMITS_STRANGERS_SHARE=100", FRESH_KEYS, &without);
    assert_int_equal(with.flooded.failed, 0);
    assert_true(with.sums.answered > 0);
    if (getenv("CONCLAVE_TEST_SHORT") == NULL)
        assert_true(with.after_kb - with.before_kb < GROWTH_MAX_KB);
    assert_true(with.flooded.median_ms < without.flooded.median_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies__of_full_size_all_at_once__wait_and_all_succeed),
        cmocka_unit_test(memory__after_the_heaviest_load__goes_back_to_the_system),
        cmocka_unit_test(members__while_fresh_keys_flood__are_answered_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
