/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave status [--live|--ready]: asks the operator listener; the health check of containers.
 * --stats: counts.
 */
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/statistics.h"

enum { ANSWER_MAX = 4096, TIMEOUT_S = 5 };

struct status_options {
    bool live, ready, stats;
};

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static int connect_tcp(const struct conf_address *to)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", (unsigned)to->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(to->host, port, &hints, &list) != 0)
        return -1;
    int fd = -1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

/* The whole answer, status line and all. False: none came. */
static bool ask(int fd, const char *path, struct buf *out)
{
    char request[128], part[512];
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n", path);
    if (len <= 0 || send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        return false;
    for (ssize_t n; (n = recv(fd, part, sizeof(part), 0)) > 0;)
        buf_put(out, span_of(part, (size_t)n));
    return buf_verdict(out) == OK && out->len > 0;
}

/* What stands behind the empty line: "not ready: ..."; ends with a newline of its own. */
static struct span body_of(struct span answer)
{
    while (answer.len > 0 && !span_starts_with(answer, SPAN("\r\n\r\n")))
        answer = span_skip(answer, 1);
    return answer.len > 0 ? span_skip(answer, 4) : answer;
}

static int report(struct span answer)
{
    struct span body = body_of(answer);
    if (span_starts_with(answer, SPAN("HTTP/1.1 200"))) { /* with a line for each doubt */
        (void)puts("ok");
        struct span lines = span_skip(body, span_find(body, '\n') + 1);
        terminal_put_lines(stdout, lines);
        return CLI_OK;
    }
    if (body.len == 0)
        body = SPAN("not ready: no answer\n");
    terminal_put_lines(stdout, body);
    return CLI_FAILED;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct status_options o = {0};
    (void)command_read(&cli_status, argc, argv, &cli, &o);
    if (o.stats) {
        int opened = cli_open_db(&cli, true);
        return opened == CLI_OK ? statistics_print(&cli, 0) : opened;
    }
    int code = cli_open_conf(&cli);
    if (code != CLI_OK)
        return code;
    const struct conf_address *to = &cli.conf->operators.listen;
    if (to->kind == CONF_ADDRESS_OFF)
        return cli_fail(CLI_CONFIGURATION, "[operator] listen is off: there is nobody to ask");
    int fd = to->kind == CONF_ADDRESS_UNIX ? connect_unix(to->path) : connect_tcp(to);
    if (fd < 0)
        return cli_fail(CLI_FAILED, "no server answers at [operator] listen");
    AUTO_BUF struct buf answer = buf_make(ANSWER_MAX);
    bool answered = ask(fd, o.live ? "/health/live" : "/health/ready", &answer);
    (void)close(fd);
    return report(answered ? buf_span(&answer) : (struct span){0});
}

static const char *check(const void *options, size_t argument_count)
{
    const struct status_options *o = options;
    (void)argument_count;
    return o->live + o->ready + o->stats > 1 ? "--live, --ready and --stats exclude each other"
                                             : NULL;
}

static const struct command_verb verbs[] = {
    {.summary = "Asks a running server through [operator] listen. Exit code 0: yes, 1: no.",
     .check = check},
};
static const struct command_option options[] = {
    {"live", EVERY_VERB, NULL, "is the process there?", MEMBER(struct status_options, live)},
    {"ready", EVERY_VERB, NULL, "does it serve, with its database? (the default)",
     MEMBER(struct status_options, ready)},
    {"stats", EVERY_VERB, NULL, "asks the database instead: counts over all rooms",
     MEMBER(struct status_options, stats)},
};
const struct command cli_status = {
    .name = "status",
    .summary = "ask a running server whether it is alive and ready",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
