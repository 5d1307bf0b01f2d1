/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a request through listener, lanes and back, with handlers made for it: answered from
 * memory, on a worker, later from another thread, or from a source of bytes that may break. The
 * listener runs in this process, so that the handlers can be ours; the database is a real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "integration/exchange_fixture.h"
#include "integration/raw.h"
#include "integration/usage.h"
#include "metrics/metrics.h"
#include "router/json_in.h"

enum { CHUNK_BYTES = 256 * 1024, WAIT_MS = 15 * SECOND_MS };
/*
 * Of those who wait with it, and what all of them may make of it: what the few threads hold that
 * work on it.
 */
enum { FAT_BYTES = 8 << 20, FAT_ONES = 24, FAT_GROWTH_MAX_KB = FAT_ONES * (FAT_BYTES >> 10) / 2 };

/* ---- handlers ---- */

static atomic_int sources_open; /* of all tests; each leaves it at 0 */
static atomic_bool pieces_may_come;
static atomic_int pieces_awaited; /* by workers that can do nothing else meanwhile */

static enum err answer_memory(struct call *call)
{
    reply_text(call->reply, 200, call->db == NULL ? "memory" : "worker");
    return OK;
}

static enum err answer_worker(struct call *call)
{
    return call->db == NULL ? ERR_RETRY : answer_memory(call);
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void *complete_later(void *arg)
{
    struct call *call = arg;
    pause_ms(call->params.number);
    call->later.complete(call);
    return NULL;
}

static void finish_later(struct call *call, void *arg)
{
    reply_text(call->reply, 200, arg);
}

/* {number}: milliseconds; with 0 it is often complete before the handler returns. */
static enum err answer_later(struct call *call)
{
    static char text[] = "later";
    if (!call->later.allowed)
        return ERR_RETRY;
    call->later.started = true;
    call->later.finish = finish_later;
    call->later.arg = text;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, complete_later, call), 0);
    return pthread_detach(thread) == 0 ? OK : ERR_DEFECT;
}

static enum err answer_length(struct call *call)
{
    char *text = arena_alloc(call->mem, 32);
    assert_non_null(text);
    (void)snprintf(text, 32, "%zu", call->req->body.len);
    reply_text(call->reply, 200, text);
    return OK;
}

struct test_source {
    struct body_source source; /* first */
    uint64_t at, breaks_at;
    bool slow; /* its first piece comes at once, the others when they may */
    uint8_t piece[CHUNK_BYTES];
};

static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i * 2654435761U >> 13);
}

static void await_pieces(void)
{
    atomic_fetch_add(&pieces_awaited, 1);
    while (!atomic_load(&pieces_may_come))
        pause_ms(5);
    atomic_fetch_sub(&pieces_awaited, 1);
}

static enum err source_next(struct body_source *source, struct db *db, struct span *ret_piece)
{
    struct test_source *s = (struct test_source *)(void *)source;
    uint64_t n = s->source.length - s->at;
    if (db == NULL || s->at >= s->breaks_at)
        return ERR_BUSY;
    if (s->slow && s->at > 0)
        await_pieces();
    if (n > CHUNK_BYTES)
        n = CHUNK_BYTES;
    for (uint64_t i = 0; i < n; i++)
        s->piece[i] = byte_at(s->at + i);
    s->at += n;
    *ret_piece = span_of(s->piece, n);
    return OK;
}

static void source_close(struct body_source *source)
{
    atomic_fetch_sub(&sources_open, 1);
    mem_free(source);
}

static enum err answer_source(struct call *call, uint64_t breaks_at)
{
    if (call->db == NULL)
        return ERR_RETRY;
    struct test_source *s = MEM_NEW(struct test_source);
    assert_non_null(s);
    atomic_fetch_add(&sources_open, 1);
    s->source = (struct body_source){(uint64_t)call->params.number, source_next, source_close};
    s->breaks_at = breaks_at;
    call->reply->status = 200;
    call->reply->content_type = CONTENT_BINARY;
    call->reply->source = &s->source;
    return OK;
}

static enum err answer_file(struct call *call)
{
    return answer_source(call, UINT64_MAX);
}

static enum err answer_broken_file(struct call *call)
{
    return answer_source(call, 4 * CHUNK_BYTES);
}

static enum err answer_missing_file(struct call *call)
{
    return answer_source(call, 0);
}

/* Whoever asks for it is a stranger. */
static enum err answer_slow_file(struct call *call)
{
    call->stranger = true;
    enum err e = answer_file(call);
    if (e == OK)
        ((struct test_source *)(void *)call->reply->source)->slow = true;
    return e;
}

/* The same after work that took much memory of its own. */
static enum err answer_fat_file(struct call *call)
{
    if (call->db != NULL)
        assert_non_null(arena_alloc(call->mem, FAT_BYTES));
    return answer_file(call);
}

static atomic_bool workers_may_go;

/* Memory gives half of a large reply; then it takes a worker, who is not to be had. */
static enum err answer_half(struct call *call)
{
    if (call->db == NULL) {
        uint8_t *half = buf_reserve(&call->reply->body, FAT_BYTES);
        assert_non_null(half);
        memset(half, 'x', FAT_BYTES);
        buf_commit(&call->reply->body, FAT_BYTES);
        return ERR_RETRY;
    }
    while (!atomic_load(&workers_may_go))
        pause_ms(5);
    return answer_memory(call);
}

static const struct route routes[] = {
    {"GET", "/half", ACCESS_PUBLIC, EFFECT_READS, 0, answer_half},
    {"GET", "/fat/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, answer_fat_file},
    {"GET", "/memory", ACCESS_PUBLIC, EFFECT_READS, 0, answer_memory},
    {"GET", "/worker", ACCESS_PUBLIC, EFFECT_READS, 0, answer_worker},
    {"GET", "/later/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, answer_later},
    {"POST", "/length", ACCESS_PUBLIC, EFFECT_READS, MIB(12), answer_length},
    {"GET", "/file/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, answer_file},
    {"GET", "/slow/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, answer_slow_file},
    {"GET", "/broken/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, answer_broken_file},
    {"GET", "/missing/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, answer_missing_file},
};

/* ---- asking ---- */

static const struct way v4_gcm = {ONION_V4, LAYER_AES_GCM};
static const struct way ways[] = {{ONION_V4, LAYER_AES_GCM},
                                  {ONION_V4, LAYER_XCHACHA20},
                                  {ONION_V3, LAYER_AES_GCM},
                                  {ONION_V3, LAYER_XCHACHA20}};

static enum err get(struct server_link *link, const char *endpoint, struct onion_reply *ret_reply)
{
    struct onion_request request = {.method = "GET", .endpoint = endpoint};
    return server_link_call(link, &request, ret_reply);
}

static void assert_text(struct server_link *link, const char *endpoint, const char *text)
{
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(get(link, endpoint, &reply), OK);
    assert_true(span_eq_text(reply.body, text));
}

static void assert_file(struct server_link *link, uint64_t length)
{
    char endpoint[64];
    (void)snprintf(endpoint, sizeof(endpoint), "/file/%llu", (unsigned long long)length);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(get(link, endpoint, &reply), OK);
    assert_int_equal(reply.body.len, length);
    for (uint64_t i = 0; i < length; i++)
        if (reply.body.p[i] != byte_at(i))
            fail_msg("byte %llu differs", (unsigned long long)i);
}

/* Sources are closed by whoever ends last; that may be a moment after the client has its answer. */
static void wait_for_end(const struct exchange_fixture *f)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while ((atomic_load(&sources_open) > 0 || metrics_get(f->metrics, METRIC_BODY_BYTES) > 0) &&
           clock_mono_ms() < until)
        pause_ms(5);
    assert_int_equal(atomic_load(&sources_open), 0);
    assert_int_equal(metrics_get(f->metrics, METRIC_BODY_BYTES), 0);
}

/* ---- tests ---- */

static void exchange__from_memory_worker_and_later__is_answered_in_every_form(void **state)
{
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        AUTO_LINK struct server_link *link = exchange_link(*state, ways[i]);
        assert_text(link, "/memory", "memory");
        assert_text(link, "/worker", "worker");
        assert_text(link, "/later/20", "later");
        for (int n = 0; n < 100; n++)
            assert_text(link, "/later/0", "later");
    }
    wait_for_end(*state);
}

static void exchange__bodies_around_64_kb_and_above__arrive_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 65000, 65535, 65536, 65537, 66000, 1000000, 10000000};
    AUTO_BUF struct buf body = buf_make(MIB(10));
    uint8_t *p = buf_reserve(&body, MIB(10));
    assert_non_null(p);
    memset(p, 'b', MIB(10));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        AUTO_LINK struct server_link *link = exchange_link(*state, v4_gcm);
        AUTO_ONION_REPLY struct onion_reply reply = {0};
        struct onion_request request = {
            .method = "POST", .endpoint = "/length", .body = {p, sizes[i]}, .has_body = true};
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "%zu", sizes[i]);
        assert_int_equal(server_link_call(link, &request, &reply), OK);
        assert_true(span_eq_text(reply.body, expected));
    }
    wait_for_end(*state);
}

static void stream__of_any_length__is_what_the_source_gave(void **state)
{
    static const uint64_t lengths[] = {0,
                                       1,
                                       CHUNK_BYTES - 1,
                                       CHUNK_BYTES,
                                       CHUNK_BYTES + 1,
                                       2 * CHUNK_BYTES,
                                       3 * CHUNK_BYTES + 7,
                                       10223616};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        AUTO_LINK struct server_link *gcm = exchange_link(*state, ways[0]);
        AUTO_LINK struct server_link *chacha = exchange_link(*state, ways[1]);
        assert_file(gcm, lengths[i]);
        assert_file(chacha, lengths[i]);
    }
    AUTO_LINK struct server_link *v3 = exchange_link(*state, ways[2]);
    assert_file(v3, 600000);
    wait_for_end(*state);
}

static void stream__longer_than_a_node_carries__is_a_sealed_413(void **state)
{
    AUTO_LINK struct server_link *link = exchange_link(*state, v4_gcm);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(get(link, "/file/10485760", &reply), OK);
    assert_int_equal(reply.code, 413);
    wait_for_end(*state);
}

static void file__whose_source_fails_before_the_answer__is_a_sealed_503(void **state)
{
    for (size_t i = 0; i < COUNT_OF(ways); i++) { /* the last, v3, reads all of it before */
        AUTO_LINK struct server_link *link = exchange_link(*state, ways[i]);
        AUTO_ONION_REPLY struct onion_reply reply = {0};
        assert_int_equal(get(link, i == 2 ? "/broken/2000000" : "/missing/1000", &reply), OK);
        assert_int_equal(reply.code, 503);
    }
    wait_for_end(*state);
}

static void stream__whose_source_fails_midway__is_cut_off(void **state)
{
    AUTO_LINK struct server_link *link = exchange_link(*state, v4_gcm);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(get(link, "/broken/9000000", &reply), ERR_MALFORMED);
    wait_for_end(*state);
    assert_text(link, "/memory", "memory"); /* on a new connection */
}

static void stream__whose_client_leaves__is_released(void **state)
{
    struct exchange_fixture *f = *state;
    AUTO_LINK struct server_link *link = exchange_link(f, v4_gcm);
    struct onion_request request = {.method = "GET", .endpoint = "/file/10000000"};
    for (int i = 0; i < 20; i++) {
        struct onion_secret secret;
        AUTO_BUF struct buf frame = buf_make(KIB(8));
        AUTO_BUF struct buf post = buf_make(KIB(16));
        assert_int_equal(server_link_wrap(link, &request, &frame, &secret), OK);
        onion_client_done(&secret);
        raw_put_post(&post, "/oxen/v4/lsrpc", buf_span(&frame), "");
        int fd = raw_connect(&server_link_options(link)->url.at, 4096);
        assert_true(fd >= 0 && raw_send(fd, buf_span(&post)));
        pause_ms(i); /* before, during and after the first pieces */
        (void)close(fd);
    }
    wait_for_end(f);
}

/* FAT_ONES connections with that request, which do not read. */
static void send_all(const struct exchange_fixture *f, const char *endpoint, int fds[FAT_ONES])
{
    AUTO_LINK struct server_link *link = exchange_link(f, v4_gcm);
    struct onion_request request = {.method = "GET", .endpoint = endpoint};
    for (int i = 0; i < FAT_ONES; i++) {
        struct onion_secret secret;
        AUTO_BUF struct buf frame = buf_make(KIB(8));
        AUTO_BUF struct buf post = buf_make(KIB(16));
        assert_int_equal(server_link_wrap(link, &request, &frame, &secret), OK);
        onion_client_done(&secret);
        raw_put_post(&post, "/oxen/v4/lsrpc", buf_span(&frame), "");
        fds[i] = raw_connect(&server_link_options(link)->url.at, 4096);
        assert_true(fds[i] >= 0 && raw_send(fds[i], buf_span(&post)));
    }
}

static void expect_growth(int64_t before_kb)
{
    int64_t grown_kb = usage_peak_kb(getpid()) - before_kb;
    print_message("%lld KB more\n", (long long)grown_kb);
    assert_true(!usage_is_ours() || grown_kb < FAT_GROWTH_MAX_KB);
}

static void exchange__whose_reply_is_not_read__keeps_no_memory_of_the_request(void **state)
{
    struct exchange_fixture *f = *state;
    int fds[FAT_ONES];
    int64_t until = clock_mono_ms() + WAIT_MS;
    usage_forget_peak(getpid());
    int64_t before_kb = usage_peak_kb(getpid());
    send_all(f, "/fat/10000000", fds);
    while (atomic_load(&sources_open) < FAT_ONES && clock_mono_ms() < until)
        pause_ms(5);
    assert_int_equal(atomic_load(&sources_open), FAT_ONES);
    expect_growth(before_kb);
    for (int i = 0; i < FAT_ONES; i++)
        (void)close(fds[i]);
    wait_for_end(f);
}

static void exchange__that_waits_for_a_worker__keeps_no_half_of_a_reply(void **state)
{
    struct exchange_fixture *f = *state;
    int fds[FAT_ONES];
    int64_t until = clock_mono_ms() + WAIT_MS;
    usage_forget_peak(getpid());
    int64_t before_kb = usage_peak_kb(getpid());
    send_all(f, "/half", fds);
    while (metrics_get(f->metrics, METRIC_QUEUE_GENERAL) < FAT_ONES - EXCHANGE_WORKERS &&
           clock_mono_ms() < until)
        pause_ms(5);
    assert_int_equal(metrics_get(f->metrics, METRIC_QUEUE_GENERAL), FAT_ONES - EXCHANGE_WORKERS);
    expect_growth(before_kb);
    atomic_store(&workers_may_go, true);
    for (int i = 0; i < FAT_ONES; i++)
        (void)close(fds[i]);
    wait_for_end(f);
}

/* However many download, one worker is kept from strangers, and members have it. */
static void stream__of_strangers__leaves_a_worker_to_members(void **state)
{
    struct exchange_fixture *f = *state;
    int fds[FAT_ONES];
    AUTO_LINK struct server_link *link = exchange_link(f, v4_gcm);
    int64_t until = clock_mono_ms() + WAIT_MS;
    send_all(f, "/slow/10000000", fds);
    while ((metrics_get(f->metrics, METRIC_QUEUE_GENERAL) < FAT_ONES - EXCHANGE_WORKERS ||
            atomic_load(&pieces_awaited) < EXCHANGE_WORKERS - 1) &&
           clock_mono_ms() < until)
        pause_ms(5);
    for (int i = 0; i < 10; i++) {
        int64_t began_ms = clock_mono_ms();
        assert_text(link, "/worker", "worker");
        assert_in_range(clock_mono_ms() - began_ms, 0, SECOND_MS);
    }
    assert_int_equal(atomic_load(&pieces_awaited), EXCHANGE_WORKERS - 1);
    atomic_store(&pieces_may_come, true);
    for (int i = 0; i < FAT_ONES; i++)
        (void)close(fds[i]);
    wait_for_end(f);
}

struct crowd {
    const struct exchange_fixture *f;
    struct way way;
    pthread_t thread;
};

static void *visit(void *arg)
{
    const struct crowd *c = arg;
    AUTO_LINK struct server_link *link = exchange_link(c->f, c->way);
    for (int i = 0; i < 50; i++) {
        assert_text(link, "/memory", "memory");
        assert_text(link, "/worker", "worker");
        assert_text(link, "/later/0", "later");
        if (i % 10 == 0 && c->way.version == ONION_V4)
            assert_file(link, 700000);
    }
    return NULL;
}

static void exchange__many_at_once__do_not_mix(void **state)
{
    struct crowd crowd[8];
    for (size_t i = 0; i < COUNT_OF(crowd); i++) {
        crowd[i] = (struct crowd){.f = *state, .way = ways[i % COUNT_OF(ways)]};
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, visit, &crowd[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(crowd); i++)
        pthread_join(crowd[i].thread, NULL);
    wait_for_end(*state);
}

static void *ask_slowly(void *arg)
{
    const struct exchange_fixture *f = arg;
    AUTO_LINK struct server_link *link = exchange_link(f, v4_gcm);
    assert_text(link, "/later/700", "later");
    return NULL;
}

/* The last test: the listener is closed and opened again. */
static void listener__closing__answers_what_is_under_way(void **state)
{
    struct exchange_fixture *f = *state;
    AUTO_LINK struct server_link *idle = exchange_link(f, v4_gcm);
    assert_text(idle, "/memory", "memory"); /* stays connected */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_slowly, f), 0);
    pause_ms(200);
    int64_t began = clock_mono_ms();
    listener_close(f->listener);
    assert_in_range(clock_mono_ms() - began, 300, 3000);
    pthread_join(thread, NULL);
    assert_int_equal(metrics_get(f->metrics, METRIC_CONNECTIONS), 0);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(get(idle, "/memory", &reply), ERR_MISSING);
    assert_true(exchange_fixture_listen(f));
}

static int open_fixture(void **state)
{
    static struct exchange_fixture f = {.routes = routes, .route_count = COUNT_OF(routes)};
    *state = &f;
    return exchange_fixture_open(&f) ? 0 : -1;
}

static int close_fixture(void **state)
{
    return exchange_fixture_close(*state) ? 0 : -1;
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    json_in_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange__from_memory_worker_and_later__is_answered_in_every_form),
        cmocka_unit_test(exchange__bodies_around_64_kb_and_above__arrive_whole),
        cmocka_unit_test(stream__of_any_length__is_what_the_source_gave),
        cmocka_unit_test(stream__longer_than_a_node_carries__is_a_sealed_413),
        cmocka_unit_test(file__whose_source_fails_before_the_answer__is_a_sealed_503),
        cmocka_unit_test(stream__whose_source_fails_midway__is_cut_off),
        cmocka_unit_test(stream__whose_client_leaves__is_released),
        cmocka_unit_test(exchange__whose_reply_is_not_read__keeps_no_memory_of_the_request),
        cmocka_unit_test(exchange__that_waits_for_a_worker__keeps_no_half_of_a_reply),
        cmocka_unit_test(stream__of_strangers__leaves_a_worker_to_members),
        cmocka_unit_test(exchange__many_at_once__do_not_mix),
        cmocka_unit_test(listener__closing__answers_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
