/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nobody holds a connection, memory or a worker for long (docs/design.md, D14): who sends slowly or
 * not at all, who reads not at all, and who is unclear about lengths. The limits are no settings,
 * so the slow ones run in real time, all at once, each in a thread of its own; the tests then look
 * at what became of them. So do the two who keep a connection open for their next request.
 *
 * test-alone: it measures times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/file_client.h"
#include "integration/group.h"
#include "integration/raw.h"
#include "integration/world.h"

enum {
    FIRST_HEADERS_S = 10, /* from connecting to the end of the first header block */
    ARRIVAL_S = 20,       /* a later request, from its first byte to its last */
    TIMER_S = 4,          /* its resolution, and a loaded machine */
    IDLE_S = 22,          /* longer than any request may take */
    LATER_S = 3,          /* a second request comes so long after the first */
    NO_READ_S = 16,       /* longer than a reader may pause */
    WATCH_MS = 40 * SECOND_MS,
    FILE_BYTES = 8000000,
    PIPELINED = 50,
};

#define POST_HEAD "POST /oxen/v4/lsrpc HTTP/1.1\r\nHost: x\r\n"

/*
 * What one slow client does: `first`, `bulk` bytes of body, then `drip` every `every_ms` until it
 * is cut off.
 */
struct slow {
    const char *first;
    size_t bulk;
    const char *drip;
    long every_ms;
    /* For the reader: the request it sends instead, and how long it reads nothing. */
    struct span request;
    int64_t no_read_ms;

    pthread_t thread;
    struct address at;
    enum err end; /* ERR_BUSY: never cut off */
    int64_t lasted_ms;
    size_t received;
};

static struct slow silent = {.first = ""};
static struct slow headers_slow = {.first = "POST /oxen", .drip = "a", .every_ms = 1000};
static struct slow headers_endless = {
    .first = POST_HEAD, .drip = "X-Header: value\r\n", .every_ms = 500};
static struct slow headers_stalled = {.first = POST_HEAD "Content-Le"};
static struct slow body_slow = {
    .first = POST_HEAD "Content-Length: 100\r\n\r\n", .drip = "a", .every_ms = 1000};
static struct slow body_stalled = {.first = POST_HEAD "Content-Length: 100\r\n\r\nabc"};
static struct slow upload_slow = {.first = POST_HEAD "Content-Length: 1000000\r\n\r\n",
                                  .bulk = 70000,
                                  .drip = "0123456789012345678901234567890123456789",
                                  .every_ms = 10};
static struct slow upload_stalled = {.first = POST_HEAD "Content-Length: 1000000\r\n\r\n",
                                     .bulk = 100000};
static struct slow reader_stalled = {.no_read_ms = NO_READ_S * SECOND_MS};
static struct slow *const all_slow[] = {&silent,          &headers_slow,   &headers_endless,
                                        &headers_stalled, &body_slow,      &body_stalled,
                                        &upload_slow,     &upload_stalled, &reader_stalled};

/* ---- clients ---- */

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static bool send_bulk(int fd, size_t bytes)
{
    static const char some[1000] = {'a'};
    for (size_t sent = 0; sent < bytes; sent += sizeof(some))
        if (!raw_send(fd, span_of(some, sizeof(some))))
            return false;
    return true;
}

static void drip(struct slow *s, int fd, struct buf *answer)
{
    int64_t until = clock_mono_ms() + WATCH_MS;
    while (clock_mono_ms() < until && raw_send(fd, span_of_text(s->drip)))
        if (raw_read_to_end(fd, (int)s->every_ms, answer) == OK)
            return;
    s->end = clock_mono_ms() < until ? OK : ERR_BUSY;
}

static void *slow_main(void *arg)
{
    struct slow *s = arg;
    AUTO_BUF struct buf answer = buf_make(MIB(16));
    int64_t began = clock_mono_ms();
    int fd = raw_connect(&s->at, s->no_read_ms > 0 ? 4096 : 0);
    if (fd < 0) {
        s->end = ERR_MISSING;
        return NULL;
    }
    if (s->first != NULL)
        (void)raw_send(fd, span_of_text(s->first));
    (void)raw_send(fd, s->request);
    (void)send_bulk(fd, s->bulk);
    pause_ms(s->no_read_ms);
    if (s->drip != NULL)
        drip(s, fd, &answer);
    else
        s->end = raw_read_to_end(fd, WATCH_MS, &answer);
    s->lasted_ms = clock_mono_ms() - began;
    s->received = answer.len;
    (void)close(fd);
    return NULL;
}

static void assert_cut_off(struct slow *s, int64_t from_s, int64_t to_s)
{
    pthread_join(s->thread, NULL);
    assert_int_equal(s->end, OK);
    assert_in_range(s->lasted_ms, from_s * SECOND_MS, to_s * SECOND_MS);
    assert_int_equal(s->received, 0);
}

/* ---- the slow ones ---- */

static void deadline__a_silent_connection__ends_after_10_s(void **state)
{
    (void)state;
    assert_cut_off(&silent, FIRST_HEADERS_S, FIRST_HEADERS_S + TIMER_S);
}

static void deadline__headers_at_one_byte_a_second__end_after_10_s(void **state)
{
    (void)state;
    assert_cut_off(&headers_slow, FIRST_HEADERS_S, FIRST_HEADERS_S + TIMER_S);
}

static void deadline__headers_without_an_end__end_after_10_s(void **state)
{
    (void)state;
    assert_cut_off(&headers_endless, FIRST_HEADERS_S, FIRST_HEADERS_S + TIMER_S);
}

static void deadline__headers_that_stop__end_after_10_s(void **state)
{
    (void)state;
    assert_cut_off(&headers_stalled, FIRST_HEADERS_S, FIRST_HEADERS_S + TIMER_S);
}

static void deadline__a_body_at_one_byte_a_second__ends_after_a_second(void **state)
{
    (void)state;
    assert_cut_off(&body_slow, 1, 1 + TIMER_S);
}

static void deadline__a_body_that_stops__ends_after_a_second(void **state)
{
    (void)state;
    assert_cut_off(&body_stalled, 1, 1 + TIMER_S);
}

static void deadline__an_upload_below_the_least_rate__ends_sooner(void **state)
{
    (void)state;
    assert_cut_off(&upload_slow, 4, 4 + TIMER_S);
}

static void deadline__an_upload_that_stops__ends_sooner(void **state)
{
    (void)state;
    assert_cut_off(&upload_stalled, 5, 5 + TIMER_S);
}

static void deadline__a_reader_that_never_reads__loses_the_rest(void **state)
{
    (void)state;
    struct slow *s = &reader_stalled;
    pthread_join(s->thread, NULL);
    assert_int_equal(s->end, OK);
    assert_in_range(s->received, 1, FILE_BYTES - 1); /* what lay in the kernel's buffers */
}

/* ---- those who are unclear ---- */

static void assert_status(void **state, const char *request, const char *status_line)
{
    const struct world *w = *state;
    AUTO_BUF struct buf answer = buf_make(KIB(4));
    assert_int_equal(raw_ask(&w->servers[0].at, span_of_text(request), WATCH_MS, &answer), OK);
    assert_true(span_starts_with(buf_span(&answer), span_of_text(status_line)));
}

static void length__none__is_411(void **state)
{
    assert_status(state, POST_HEAD "\r\n", "HTTP/1.1 411 ");
    assert_status(state, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                  "HTTP/1.1 411 ");
}

static void length__two_of_them__is_400(void **state)
{
    assert_status(state, POST_HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
                  "HTTP/1.1 400 ");
    assert_status(state, POST_HEAD "Content-Length: 3\r\ncontent-length: 4\r\n\r\nabcd",
                  "HTTP/1.1 400 ");
    assert_status(state,
                  POST_HEAD
                  "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                  "HTTP/1.1 400 ");
    assert_status(state,
                  POST_HEAD
                  "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\na\r\n0\r\n\r\n",
                  "HTTP/1.1 400 ");
}

static void length__not_a_number__is_400(void **state)
{
    static const char *const bad[] = {"-1", "+3", "0x3", "3 3", "3,3", "abc", ""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_BUF struct buf request = buf_make(KIB(1));
        buf_put_text(&request, POST_HEAD "Content-Length: ");
        buf_put_text(&request, bad[i]);
        buf_put(&request, span_of("\r\n\r\nabc", sizeof("\r\n\r\nabc"))); /* with its NUL */
        assert_status(state, (const char *)request.p, "HTTP/1.1 400 ");
    }
}

static void length__zero__is_400(void **state)
{
    assert_status(state, POST_HEAD "Content-Length: 0\r\n\r\n", "HTTP/1.1 400 ");
}

static void length__above_max_body__is_413(void **state)
{
    assert_status(state, POST_HEAD "Content-Length: 16777217\r\n\r\n", "HTTP/1.1 413 ");
    assert_status(state, POST_HEAD "Content-Length: 9223372036854775807\r\n\r\n", "HTTP/1.1 413 ");
    assert_status(state, POST_HEAD "Content-Length: 99999999999999999999999\r\n\r\n",
                  "HTTP/1.1 413 ");
}

/* ---- those who are well behaved, meanwhile ---- */

static void wrap(const struct world *w, const char *endpoint, const char *more_headers,
                 struct buf *out)
{
    struct server_link_options options = world_route(w, 0, false);
    struct server_link *link = NULL;
    assert_int_equal(server_link_open(&options, &link), OK);
    struct onion_request request = {.method = "GET", .endpoint = endpoint};
    struct onion_secret secret;
    AUTO_BUF struct buf frame = buf_make(KIB(8));
    assert_int_equal(server_link_wrap(link, &request, &frame, &secret), OK);
    raw_put_post(out, "/oxen/v4/lsrpc", buf_span(&frame), more_headers);
    onion_client_done(&secret);
    server_link_close(link);
}

static size_t count(struct span in, const char *what)
{
    size_t n = 0;
    for (; in.len > 0; in = span_skip(in, 1))
        if (span_starts_with(in, span_of_text(what)))
            n++;
    return n;
}

static void request__pipelined__are_all_answered(void **state)
{
    const struct world *w = *state;
    AUTO_BUF struct buf requests = buf_make(MIB(1));
    for (int i = 1; i < PIPELINED; i++)
        wrap(w, "/capabilities", "", &requests);
    wrap(w, "/capabilities", "Connection: close\r\n", &requests);
    AUTO_BUF struct buf answers = buf_make(MIB(1));
    assert_int_equal(raw_ask(&w->servers[0].at, buf_span(&requests), WATCH_MS, &answers), OK);
    assert_int_equal(count(buf_span(&answers), "HTTP/1.1 200 OK\r\n"), PIPELINED);
}

static void request__in_single_bytes__is_answered(void **state)
{
    const struct world *w = *state;
    AUTO_BUF struct buf request = buf_make(KIB(16));
    wrap(w, "/capabilities", "Connection: close\r\n", &request);
    int fd = raw_connect(&w->servers[0].at, 0);
    assert_true(fd >= 0);
    for (size_t i = 0; i < request.len; i++)
        assert_true(raw_send(fd, span_of(request.p + i, 1)));
    AUTO_BUF struct buf answer = buf_make(KIB(16));
    assert_int_equal(raw_read_to_end(fd, WATCH_MS, &answer), OK);
    assert_int_equal(count(buf_span(&answer), "HTTP/1.1 200 OK\r\n"), 1);
    (void)close(fd);
}

/* ---- those who keep a connection open ---- */

/*
 * A client that is answered once, pauses, and sends a second request, whole or only its beginning.
 * Its thread must not assert: the tests do, when it has ended.
 */
struct keeper {
    int64_t pause_ms;
    struct buf first, second;

    pthread_t thread;
    struct address at;
    bool sent;
    enum err paused, end; /* how reading ended in the pause (ERR_BUSY: still open), and at last */
    size_t answered_first, answered;
    int64_t second_lasted_ms;
};

static struct keeper idle = {.pause_ms = IDLE_S * SECOND_MS};
static struct keeper stalls_later = {.pause_ms = LATER_S * SECOND_MS};
static struct keeper *const all_keepers[] = {&idle, &stalls_later};

static void *keeper_main(void *arg)
{
    struct keeper *k = arg;
    AUTO_BUF struct buf answers = buf_make(KIB(16));
    int fd = raw_connect(&k->at, 0);
    k->sent = fd >= 0 && raw_send(fd, buf_span(&k->first));
    if (k->sent) {
        k->paused = raw_read_to_end(fd, (int)k->pause_ms, &answers);
        k->answered_first = count(buf_span(&answers), "HTTP/1.1 200 OK\r\n");
        int64_t began_ms = clock_mono_ms();
        k->sent = raw_send(fd, buf_span(&k->second));
        k->end = raw_read_to_end(fd, WATCH_MS, &answers);
        k->second_lasted_ms = clock_mono_ms() - began_ms;
        k->answered = count(buf_span(&answers), "HTTP/1.1 200 OK\r\n");
    }
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

static void wait_for_keeper(struct keeper *k)
{
    pthread_join(k->thread, NULL);
    assert_true(k->sent);
    assert_int_equal(k->paused, ERR_BUSY);
    assert_int_equal(k->answered_first, 1);
    assert_int_equal(k->end, OK);
}

/*
 * Storage nodes keep connections open between requests; the deadline is one of requests, not of
 * connections.
 */
static void connection__idle_for_long__still_serves(void **state)
{
    (void)state;
    wait_for_keeper(&idle);
    assert_int_equal(idle.answered, 2);
}

static void deadline__headers_of_a_later_request__end_after_20_s(void **state)
{
    (void)state;
    wait_for_keeper(&stalls_later);
    assert_in_range(stalls_later.second_lasted_ms, ARRIVAL_S * SECOND_MS,
                    (ARRIVAL_S + TIMER_S) * SECOND_MS);
    assert_int_equal(stalls_later.answered, 1);
}

/* ---- afterwards ---- */

static double metric(struct world *w, const char *name)
{
    double value = -1;
    assert_int_equal(world_metric(w, 0, name, &value), OK);
    return value;
}

static void afterwards__nothing_is_held(void **state)
{
    struct world *w = *state;
    int64_t until = clock_mono_ms() + WATCH_MS;
    while (metric(w, "conclave_connections") > 0 && clock_mono_ms() < until)
        pause_ms(50);
    assert_true(metric(w, "conclave_connections") < 1);
    assert_true(metric(w, "conclave_body_bytes") < 1);
    assert_true(metric(w, "conclave_requests_refused_total{reason=\"deadline\"}") >=
                (double)COUNT_OF(all_slow));
}

/* ---- the world ---- */

/* A file of FILE_BYTES, and in out the request for it. */
static bool upload(const struct world *w, struct buf *out)
{
    struct server_link_options options = world_route(w, 0, false);
    struct server_link *link = NULL;
    if (server_link_open(&options, &link) != OK)
        return false;
    AUTO_BUF struct buf file = buf_make(FILE_BYTES);
    uint8_t *p = buf_reserve(&file, FILE_BYTES);
    struct file_ticket ticket = {.id = ""};
    int code = 0;
    bool ok = p != NULL;
    if (ok) {
        crypto_random(p, FILE_BYTES);
        buf_commit(&file, FILE_BYTES);
        ok = file_client_put(link, buf_span(&file), &ticket, &code) == OK;
    }
    server_link_close(link);
    if (!ok) {
        print_error("the upload failed with code %d\n", code);
        return false;
    }
    char endpoint[FILE_ID_MAX + 16];
    (void)snprintf(endpoint, sizeof(endpoint), "/file/%s", ticket.id);
    wrap(w, endpoint, "", out);
    return true;
}

static bool start_keepers(const struct world *w)
{
    for (size_t i = 0; i < COUNT_OF(all_keepers); i++) {
        struct keeper *k = all_keepers[i];
        k->at = w->servers[0].at;
        k->first = buf_make(KIB(16));
        k->second = buf_make(KIB(16));
        wrap(w, "/capabilities", "", &k->first);
        if (k == &stalls_later)
            buf_put_text(&k->second, POST_HEAD "Content-Le");
        else
            wrap(w, "/capabilities", "Connection: close\r\n", &k->second);
        if (pthread_create(&k->thread, NULL, keeper_main, k) != 0)
            return false;
    }
    return true;
}

static int close_world(void **state)
{
    for (size_t i = 0; i < COUNT_OF(all_keepers); i++) {
        buf_done(&all_keepers[i]->first);
        buf_done(&all_keepers[i]->second);
    }
    return group_close(state);
}

static int open_world(void **state)
{
    static uint8_t request[KIB(16)];
    const struct world_options options = {.servers = 1, .no_fsync = true};
    if (group_open(state, &options) != 0)
        return -1;
    struct world *w = *state;
    AUTO_BUF struct buf download = buf_make(sizeof(request));
    if (!upload(w, &download))
        return -1;
    memcpy(request, download.p, download.len);
    reader_stalled.request = span_of(request, download.len);
    for (size_t i = 0; i < COUNT_OF(all_slow); i++) {
        all_slow[i]->at = w->servers[0].at;
        if (pthread_create(&all_slow[i]->thread, NULL, slow_main, all_slow[i]) != 0)
            return -1;
    }
    return start_keepers(w) ? 0 : -1;
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length__none__is_411),
        cmocka_unit_test(length__two_of_them__is_400),
        cmocka_unit_test(length__not_a_number__is_400),
        cmocka_unit_test(length__zero__is_400),
        cmocka_unit_test(length__above_max_body__is_413),
        cmocka_unit_test(request__pipelined__are_all_answered),
        cmocka_unit_test(request__in_single_bytes__is_answered),
        cmocka_unit_test(deadline__an_upload_below_the_least_rate__ends_sooner),
        cmocka_unit_test(deadline__an_upload_that_stops__ends_sooner),
        cmocka_unit_test(deadline__a_reader_that_never_reads__loses_the_rest),
        cmocka_unit_test(deadline__a_silent_connection__ends_after_10_s),
        cmocka_unit_test(deadline__headers_at_one_byte_a_second__end_after_10_s),
        cmocka_unit_test(deadline__headers_without_an_end__end_after_10_s),
        cmocka_unit_test(deadline__headers_that_stop__end_after_10_s),
        cmocka_unit_test(deadline__a_body_at_one_byte_a_second__ends_after_a_second),
        cmocka_unit_test(deadline__a_body_that_stops__ends_after_a_second),
        cmocka_unit_test(connection__idle_for_long__still_serves),
        cmocka_unit_test(deadline__headers_of_a_later_request__end_after_20_s),
        cmocka_unit_test(afterwards__nothing_is_held),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
