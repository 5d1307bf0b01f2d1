/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator listener in this process: what it answers, and that it never takes a socket from a
 * living server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/http_client.h"
#include "http/operator.h"
#include "metrics/metrics.h"

struct place {
    char folder[32];
    char listen[64]; /* unix:<folder>/s */
    const char *path;
    struct metrics *metrics;
    bool ready;
    const char *reasons;
};

static bool is_ready(void *arg, struct operator_unready *ret_unready, struct buf *reasons)
{
    const struct place *place = arg;
    if (!place->ready)
        *ret_unready = (struct operator_unready){"database", "refused"};
    if (place->reasons != NULL)
        buf_put_text(reasons, place->reasons);
    return place->ready;
}

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    (void)snprintf(place->folder, sizeof(place->folder), "/tmp/conclave-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    (void)snprintf(place->listen, sizeof(place->listen), "unix:%s/s", place->folder);
    place->path = place->listen + strlen("unix:");
    place->metrics = metrics_new();
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    (void)unlink(place->path);
    metrics_free(place->metrics);
    int failed = rmdir(place->folder);
    free(place);
    return failed;
}

static enum err open_at(struct place *place, const char *listen, struct operator_listener **ret)
{
    const struct operator_options options = {
        .listen = listen, .metrics = place->metrics, .ready = is_ready, .arg = place};
    return operator_open(&options, ret);
}

static void assert_answer(const struct place *place, const char *method, const char *path,
                          int status, const char *part)
{
    struct http_target target = {.timeout_ms = 5000, .max_reply_bytes = 1 << 20};
    (void)snprintf(target.unix_path, sizeof(target.unix_path), "%s", place->path);
    AUTO_HTTP struct http_client *client = http_client_new(&target);
    assert_non_null(client);
    struct http_reply reply;
    assert_int_equal(http_client_call(client, method, path, NULL, (struct span){NULL, 0}, &reply),
                     OK);
    assert_int_equal(reply.status, status);
    struct span rest = reply.body;
    while (rest.len > 0 && !span_starts_with(rest, span_of_text(part)))
        rest = span_skip(rest, 1);
    assert_true(rest.len > 0);
}

static void operator__on_a_unix_socket__answers_health_and_metrics(void **state)
{
    struct place *place = *state;
    struct operator_listener *op = NULL;
    assert_int_equal(open_at(place, place->listen, &op), OK);
    struct stat st;
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    metrics_add(place->metrics, METRIC_POSTS, 7);
    assert_answer(place, "GET", "/health/live", 200, "ok");
    assert_answer(place, "GET", "/health/ready", 503, "not ready");
    place->ready = true;
    assert_answer(place, "GET", "/health/ready", 200, "ready");
    place->reasons = "something is wrong\n";
    assert_answer(place, "GET", "/health/ready", 200, "ready\nsomething is wrong\n");
    assert_answer(place, "GET", "/metrics", 200, "conclave_posts_total 7\n");
    assert_answer(place, "GET", "/", 404, "not found");
    assert_answer(place, "POST", "/metrics", 404, "not found");
    assert_answer(place, "POST", "/oxen/v4/lsrpc", 404, "not found");
    operator_close(op);
    assert_int_not_equal(stat(place->path, &st), 0); /* removed */
}

static void operator__a_socket_in_use__is_left_alone(void **state)
{
    struct place *place = *state;
    struct operator_listener *first = NULL, *second = NULL;
    assert_int_equal(open_at(place, place->listen, &first), OK);
    assert_int_equal(open_at(place, place->listen, &second), ERR_BUSY);
    assert_answer(place, "GET", "/health/live", 200, "ok");
    operator_close(first);
}

static void operator__a_stale_socket__is_replaced(void **state)
{
    struct place *place = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(close(fd), 0); /* as a killed server leaves it */
    struct operator_listener *op = NULL;
    assert_int_equal(open_at(place, place->listen, &op), OK);
    assert_answer(place, "GET", "/health/live", 200, "ok");
    operator_close(op);
}

static void operator__a_file_in_its_place__is_left_alone(void **state)
{
    struct place *place = *state;
    FILE *file = fopen(place->path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    struct operator_listener *op = NULL;
    assert_int_equal(open_at(place, place->listen, &op), ERR_BUSY);
    assert_int_equal(access(place->path, F_OK), 0);
}

static void operator__unusable_addresses__are_refused(void **state)
{
    struct place *place = *state;
    struct operator_listener *op = NULL;
    char too_long[160] = "unix:/tmp/";
    memset(too_long + strlen(too_long), 'a', 120);
    assert_int_equal(open_at(place, too_long, &op), ERR_TOO_LARGE);
    assert_int_equal(open_at(place, "unix:", &op), ERR_TOO_LARGE);
    assert_int_equal(open_at(place, "127.0.0.1", &op), ERR_MALFORMED);
    assert_int_equal(open_at(place, "127.0.0.1:65536", &op), ERR_MALFORMED);
    assert_int_equal(open_at(place, ":80", &op), ERR_MALFORMED);
    assert_int_equal(open_at(place, "unix:/nonexistent/s", &op), ERR_BUSY);
    assert_null(op);
    assert_int_equal(open_at(place, "off", &op), OK);
    assert_null(op);
    operator_close(op);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(operator__on_a_unix_socket__answers_health_and_metrics),
        IN_PLACE(operator__a_socket_in_use__is_left_alone),
        IN_PLACE(operator__a_stale_socket__is_replaced),
        IN_PLACE(operator__a_file_in_its_place__is_left_alone),
        IN_PLACE(operator__unusable_addresses__are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
