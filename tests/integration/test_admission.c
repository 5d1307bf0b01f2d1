/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Admission: a large body has its memory before it is read, a small one as it arrives. Without
 * memory a request waits unread and is then told `Bad Gateway`; what only announces a body reserves
 * nothing that others need, and small requests are not starved by large ones.
 *
 * test-waits: 19
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/group.h"
#include "integration/raw.h"
#include "integration/world.h"

/*
 * The server below has 1 MB, of which large bodies get three quarters; a body of LARGE takes a
 * third. The first is admitted on its word, the second once it arrives.
 */
enum {
    LARGE = 350 * 1024,
    SMALL = 65000,
    SMALL_HOLDERS = 40, /* all but the end of each is more than there is */
    ARRIVING = 40 * 1024,
    WAIT_MS = 30 * SECOND_MS,
};

static const char bad_gateway[] = "HTTP/1.1 502 Bad Gateway\r\n"
                                  "Connection: close\r\n"
                                  "Content-Type: text/plain\r\n"
                                  "Content-Length: 11\r\n"
                                  "\r\n"
                                  "Bad Gateway";

/* Announces a body and sends none of it. */
static int announce(const struct world *w, size_t bytes)
{
    AUTO_BUF struct buf head = buf_make(KIB(1));
    buf_put_text(&head, "POST /oxen/v4/lsrpc HTTP/1.1\r\nHost: x\r\nContent-Length: ");
    buf_put_u64(&head, bytes);
    buf_put_text(&head, "\r\n\r\n");
    int fd = raw_connect(&w->servers[0].at, 0);
    assert_true(fd >= 0);
    assert_true(raw_send(fd, buf_span(&head)));
    return fd;
}

static bool send_body(int fd, size_t bytes)
{
    static const uint8_t some[1000] = {1};
    for (size_t sent = 0; sent < bytes; sent += sizeof(some))
        if (!raw_send(fd, span_of(some, bytes - sent < sizeof(some) ? bytes - sent : sizeof(some))))
            return false;
    return true;
}

static double body_bytes(struct world *w)
{
    double value = -1;
    assert_int_equal(world_metric(w, 0, "conclave_body_bytes", &value), OK);
    return value;
}

static void wait_for_bytes(struct world *w, double at_least, double at_most)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    double value = body_bytes(w);
    while ((value < at_least || value > at_most) && clock_mono_ms() < until)
        value = body_bytes(w);
    assert_true(value >= at_least && value <= at_most);
}

static void assert_told(int fd, const char *expected, int64_t from_ms, int64_t to_ms, int64_t began)
{
    AUTO_BUF struct buf answer = buf_make(KIB(4));
    assert_int_equal(raw_read_to_end(fd, WAIT_MS, &answer), OK);
    buf_put_byte(&answer, '\0');
    assert_string_equal((const char *)answer.p, expected);
    assert_in_range(clock_mono_ms() - began, from_ms, to_ms);
    (void)close(fd);
}

static void assert_served(const struct world *w)
{
    struct server_link_options options = world_route(w, 0, false);
    struct server_link *link = NULL;
    assert_int_equal(server_link_open(&options, &link), OK);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    struct onion_request request = {.method = "GET", .endpoint = "/capabilities"};
    int64_t began = clock_mono_ms();
    assert_int_equal(server_link_call(link, &request, &reply), OK);
    assert_int_equal(reply.code, 200);
    assert_in_range(clock_mono_ms() - began, 0, 2 * SECOND_MS);
    server_link_close(link);
}

/* ---- holders: two large bodies that arrive just fast enough not to be cut off ---- */

enum { HOLDERS = 2, DRIP_BYTES = 4000, DRIP_EVERY_MS = 150 };

struct holders {
    int fds[HOLDERS];
    pthread_t thread;
    atomic_bool stopping;
};

static void *drip(void *arg)
{
    struct holders *h = arg;
    const struct timespec pause = {.tv_nsec = DRIP_EVERY_MS * 1000000L};
    while (!atomic_load(&h->stopping)) {
        for (size_t i = 0; i < HOLDERS; i++)
            if (h->fds[i] >= 0)
                (void)send_body(h->fds[i], DRIP_BYTES);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static void hold(struct world *w, struct holders *ret)
{
    atomic_init(&ret->stopping, false);
    for (size_t i = 0; i < HOLDERS; i++) {
        ret->fds[i] = announce(w, LARGE);
        assert_true(send_body(ret->fds[i], ARRIVING));
    }
    assert_int_equal(pthread_create(&ret->thread, NULL, drip, ret), 0);
    wait_for_bytes(w, 2 * LARGE, MIB(1));
}

static void let_go(struct world *w, struct holders *h)
{
    atomic_store(&h->stopping, true);
    pthread_join(h->thread, NULL);
    for (size_t i = 0; i < HOLDERS; i++)
        (void)close(h->fds[i]);
    wait_for_bytes(w, 0, 0);
}

/* ---- tests ---- */

static void
admission__a_large_body_without_memory__waits_10_s_while_small_ones_are_served(void **state)
{
    struct world *w = *state;
    struct holders holders;
    hold(w, &holders);
    int64_t began = clock_mono_ms();
    int third = announce(w, LARGE);
    assert_true(send_body(third, ARRIVING));
    for (int i = 0; i < 20; i++)
        assert_served(w);
    assert_told(third, bad_gateway, 10 * SECOND_MS, 13 * SECOND_MS, began);
    let_go(w, &holders);
}

static void admission__a_large_body_that_does_not_arrive__is_refused_soon(void **state)
{
    struct world *w = *state;
    struct holders holders;
    hold(w, &holders);
    int64_t began = clock_mono_ms();
    assert_told(announce(w, LARGE), bad_gateway, SECOND_MS, 4 * SECOND_MS, began);
    let_go(w, &holders);
}

static void admission__a_large_body__is_read_when_memory_comes_back(void **state)
{
    static const char bad_request[] = "HTTP/1.1 400 Bad Request\r\n"
                                      "Connection: close\r\n"
                                      "Content-Length: 0\r\n"
                                      "\r\n";
    struct world *w = *state;
    struct holders holders;
    hold(w, &holders);
    int64_t began = clock_mono_ms();
    int third = announce(w, LARGE);
    assert_true(send_body(third, ARRIVING));
    (void)shutdown(holders.fds[0], SHUT_RDWR);
    assert_true(send_body(third, LARGE - ARRIVING)); /* read whole; it is no onion request */
    assert_told(third, bad_request, 0, 5 * SECOND_MS, began);
    let_go(w, &holders);
}

/* What takes no memory holds none: a flood of headers is cut off and stops nobody. */
static void admission__announced_bodies__leave_room_for_those_that_arrive(void **state)
{
    struct world *w = *state;
    int silent[200];
    int64_t began = clock_mono_ms();
    for (size_t i = 0; i < COUNT_OF(silent); i++)
        silent[i] = announce(w, i % 2 == 0 ? LARGE : SMALL);
    int upload = announce(w, LARGE);
    assert_true(send_body(upload, LARGE));
    AUTO_BUF struct buf answer = buf_make(KIB(4));
    assert_int_equal(raw_read_to_end(upload, WAIT_MS, &answer), OK);
    assert_true(span_starts_with(buf_span(&answer), SPAN("HTTP/1.1 400 ")));
    assert_served(w);
    assert_in_range(clock_mono_ms() - began, 0, 3 * SECOND_MS);
    (void)close(upload);
    for (size_t i = 0; i < COUNT_OF(silent); i++) {
        buf_reset(&answer);
        assert_int_equal(raw_read_to_end(silent[i], 6 * SECOND_MS, &answer), OK); /* cut off */
        (void)close(silent[i]);
    }
    assert_in_range(clock_mono_ms() - began, 0, 6 * SECOND_MS);
    wait_for_bytes(w, 0, 0);
}

/* Each holds a part and waits for the rest. */
static void admission__small_bodies_that_wait_for_each_other__are_refused_after_5_s(void **state)
{
    struct world *w = *state;
    int holders[SMALL_HOLDERS];
    for (size_t i = 0; i < COUNT_OF(holders); i++) {
        holders[i] = announce(w, SMALL);
        assert_true(send_body(holders[i], SMALL - 1000));
    }
    wait_for_bytes(w, MIB(1) - 32 * 1024, MIB(1));
    int64_t began = clock_mono_ms();
    size_t refused = 0;
    for (size_t i = 0; i < COUNT_OF(holders); i++)
        (void)send_body(holders[i], 1000);
    for (size_t i = 0; i < COUNT_OF(holders); i++) {
        AUTO_BUF struct buf answer = buf_make(KIB(4));
        assert_int_equal(raw_read_to_end(holders[i], WAIT_MS, &answer), OK);
        buf_put_byte(&answer, '\0');
        refused += strcmp((const char *)answer.p, bad_gateway) == 0;
        (void)close(holders[i]);
    }
    assert_in_range(refused, 1, SMALL_HOLDERS); /* what some held may have let others through */
    assert_in_range(clock_mono_ms() - began, 4 * SECOND_MS, 9 * SECOND_MS);
    wait_for_bytes(w, 0, 0);
    assert_served(w);
}

static int open_world(void **state)
{
    static const char *const env[] = {"CONCLAVE_MEMORY_BODIES=1M", "CONCLAVE_SERVER_MAX_BODY=1M",
                                      "CONCLAVE_FILES_MAX_BYTES=900K", NULL};
    const struct world_options options = {.servers = 1, .no_fsync = true, .env = env};
    return group_open(state, &options);
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            admission__a_large_body_without_memory__waits_10_s_while_small_ones_are_served),
        cmocka_unit_test(admission__a_large_body_that_does_not_arrive__is_refused_soon),
        cmocka_unit_test(admission__a_large_body__is_read_when_memory_comes_back),
        cmocka_unit_test(admission__announced_bodies__leave_room_for_those_that_arrive),
        cmocka_unit_test(admission__small_bodies_that_wait_for_each_other__are_refused_after_5_s),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
