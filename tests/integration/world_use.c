/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests do with an open world: settings and commands of its servers, metrics, logs, members.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "integration/world_settings.h"

enum { METRICS_MAX_BYTES = 1 << 20, COMMAND_WORDS_MAX = 32, NUMBER_TEXT_MAX = 40 };

static size_t name_length(const char *line)
{
    return strcspn(line, "=");
}

/* Puts a line in the place of one with the same name, or behind the others. */
static bool set(struct world_settings *s, size_t *count, const char *line)
{
    for (size_t i = 0; i < *count; i++) {
        size_t n = name_length(line);
        if (name_length(s->env[i]) == n && strncmp(s->env[i], line, n) == 0) {
            s->env[i] = line;
            return true;
        }
    }
    if (*count == SETTINGS_MAX)
        return false;
    s->env[(*count)++] = line;
    return true;
}

enum err world_settings(const struct world *w, size_t server, const char *const *more,
                        struct world_settings *ret_settings)
{
    const struct world_server *at = &w->servers[server];
    struct world_settings *s = ret_settings;
    size_t count = 0;
    *s = (struct world_settings){0};
    (void)snprintf(s->text[0], SETTING_TEXT_MAX, "CONCLAVE_DATABASE_URL=%s", w->database_url);
    (void)snprintf(s->text[1], SETTING_TEXT_MAX, "CONCLAVE_SERVER_LISTEN=%.64s:%u", at->at.host,
                   (unsigned)at->at.port);
    (void)snprintf(s->text[2], SETTING_TEXT_MAX, "CONCLAVE_SERVER_KEY_FILE=%s/server.key",
                   w->folder);
    (void)snprintf(s->text[3], SETTING_TEXT_MAX, "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s/storage.key",
                   w->folder);
    (void)snprintf(s->text[4], SETTING_TEXT_MAX, "CONCLAVE_SERVER_FIRST_ROOM=%s",
                   w->options.room != NULL ? w->options.room : "lobby");
    (void)snprintf(s->text[5], SETTING_TEXT_MAX, "CONCLAVE_OPERATOR_LISTEN=unix:%s",
                   at->operator_path);
    bool fits = true;
    (void)snprintf(s->text[6], SETTING_TEXT_MAX, "CONCLAVE_LOG_LEVEL=debug");
    for (size_t i = 0; i < 7; i++)
        fits = set(s, &count, s->text[i]) && fits;
    /* Everybody in a test is new, and some of them do a lot; tests of limits set their own. */
    fits = set(s, &count, "CONCLAVE_LIMITS_STRANGERS_TOGETHER=off") && fits;
    for (const char *const *e = w->options.env; e != NULL && *e != NULL; e++)
        fits = set(s, &count, *e) && fits;
    for (const char *const *e = more; e != NULL && *e != NULL; e++)
        fits = set(s, &count, *e) && fits;
    return fits ? OK : ERR_TOO_LARGE;
}

void world_program(const struct world *w, char out[static WORLD_PROGRAM_MAX])
{
    (void)snprintf(out, WORLD_PROGRAM_MAX, "%s/%s", w->build,
                   w->program != NULL ? w->program : "conclave");
}

enum err world_conclave(struct world *w, size_t server, const char *const *args, struct buf *out,
                        int *ret_status)
{
    struct world_settings settings;
    char program[WORLD_PROGRAM_MAX];
    const char *argv[COMMAND_WORDS_MAX + 1] = {program};
    size_t n = 1;
    world_program(w, program);
    for (; *args != NULL && n < COMMAND_WORDS_MAX; args++)
        argv[n++] = *args;
    enum err e = world_settings(w, server, NULL, &settings);
    if (e != OK)
        return e;
    struct process_spec spec = {
        .argv = argv, .env = settings.env, .err_path = w->servers[server].log_path};
    return process_run(&spec, WORLD_COMMAND_MS, out, ret_status);
}

int world_ask_ready(struct world *w, size_t server, struct buf *ret_says)
{
    struct http_target target = {.timeout_ms = 5000, .max_reply_bytes = KIB(64)};
    struct http_reply reply;
    memcpy(target.unix_path, w->servers[server].operator_path,
           sizeof(w->servers[server].operator_path));
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    if (c == NULL ||
        http_client_call(c, "GET", "/health/ready", NULL, (struct span){0}, &reply) != OK)
        return 0;
    buf_reset(ret_says);
    buf_put(ret_says, reply.body);
    return reply.status;
}

enum err world_metrics(struct world *w, size_t server, struct buf *out)
{
    struct http_target target = {.timeout_ms = WORLD_COMMAND_MS,
                                 .max_reply_bytes = METRICS_MAX_BYTES};
    struct http_reply reply;
    memcpy(target.unix_path, w->servers[server].operator_path,
           sizeof(w->servers[server].operator_path));
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    if (c == NULL)
        return ERR_NO_MEMORY;
    enum err e = http_client_call(c, "GET", "/metrics", NULL, (struct span){0}, &reply);
    if (e != OK)
        return e;
    if (reply.status != 200)
        return ERR_DENIED;
    buf_put(out, reply.body);
    return buf_verdict(out);
}

enum err world_metric(struct world *w, size_t server, const char *name, double *ret_value)
{
    struct buf text AUTO_BUF = buf_make(METRICS_MAX_BYTES);
    enum err e = world_metrics(w, server, &text);
    if (e != OK)
        return e;
    for (struct span rest = buf_span(&text); rest.len > 0;) {
        size_t n = span_find(rest, '\n');
        struct span line = span_first(rest, n);
        struct span wanted = span_of_text(name);
        rest = span_skip(rest, n + 1);
        if (!span_starts_with(line, wanted) || line.len <= wanted.len || line.p[wanted.len] != ' ')
            continue;
        char number[NUMBER_TEXT_MAX] = {0};
        struct span value = span_first(span_skip(line, wanted.len + 1), sizeof(number) - 1);
        memcpy(number, value.p, value.len);
        char *end = NULL;
        double read = strtod(number, &end);
        if (end == number)
            return ERR_MALFORMED;
        *ret_value = read;
        return OK;
    }
    return ERR_MISSING;
}

enum err world_log(const struct world *w, size_t server, struct buf *out)
{
    int fd = open(w->servers[server].log_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_MISSING;
    for (ssize_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(out, KIB(16));
        n = to != NULL ? read(fd, to, KIB(16)) : 0;
        if (n > 0)
            buf_commit(out, (size_t)n);
    }
    (void)close(fd);
    return buf_verdict(out);
}

struct server_link_options world_route(const struct world *w, size_t server, bool through_relays)
{
    struct server_link_options o = {
        .url = {.at = w->servers[server].at},
        .key = w->key,
        .style = {LAYER_XCHACHA20, "xchacha20"},
        .version = ONION_V4,
    };
    if (through_relays) {
        o.hop_count = w->relay_count;
        memcpy(o.hops, w->nodes, w->relay_count * sizeof(w->nodes[0]));
    }
    return o;
}

enum err member_open(const struct world *w, size_t account, size_t server, bool through_relays,
                     struct member *ret_member)
{
    struct server_link_options options = world_route(w, server, through_relays);
    struct member m = {0};
    enum err e = server_link_open(&options, &m.link);
    if (e == OK)
        e = community_open(m.link, &w->accounts[account], &m.community);
    if (e != OK) {
        server_link_close(m.link);
        return e;
    }
    *ret_member = m;
    return OK;
}

void member_close(struct member *m)
{
    community_close(&m->community);
    server_link_close(m->link);
    *m = (struct member){0};
}
