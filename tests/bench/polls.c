/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scenarios: what clients ask, in the form in which they ask it (protocol 02, section 6).
 */
#include <stdio.h>

#include "bench/bench.h"

static void put_get(struct buf *body, const char *path)
{
    buf_put_text(body, body->len > 1 ? "," : "");
    buf_put_text(body, "{\"method\":\"GET\",\"path\":\"");
    buf_put_text(body, path);
    buf_put_text(body, "\"}");
}

/* info_updates < 0: the room's own counter, as the phones send it. */
static enum err poll(const struct bench *b, int64_t info_updates, int64_t behind, struct buf *body,
                     struct bench_request *ret_request)
{
    char path[256];
    buf_put_byte(body, '[');
    put_get(body, "/capabilities");
    for (size_t i = 0; i < BENCH_ROOMS; i++) {
        const struct room_view *v = &b->rooms[i];
        long long known = info_updates < 0 ? (long long)v->info_updates : (long long)info_updates;
        (void)snprintf(path, sizeof(path), "/room/%s/pollInfo/%lld", v->token, known);
        put_get(body, path);
        (void)snprintf(path, sizeof(path), "/room/%s/messages/since/%lld?t=r&reactors=5", v->token,
                       (long long)(i == 0 ? v->seqno - behind : v->seqno));
        put_get(body, path);
    }
    buf_put_byte(body, ']');
    *ret_request = (struct bench_request){.method = "POST",
                                          .target = "/batch",
                                          .content_type = "application/json",
                                          .body = buf_span(body),
                                          .is_signed = true};
    return buf_verdict(body);
}

static enum err idle(const struct bench *b, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)n;
    return poll(b, -1, 0, body, ret_request);
}

static enum err idle_desktop(const struct bench *b, size_t n, struct buf *body,
                             struct bench_request *ret_request)
{
    (void)n;
    return poll(b, 0, 0, body, ret_request);
}

static enum err news(const struct bench *b, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)n;
    return poll(b, -1, 20, body, ret_request);
}

static enum err recent(const struct bench *b, size_t n, struct buf *body,
                       struct bench_request *ret_request)
{
    (void)n;
    buf_put_text(body, "/room/");
    buf_put_text(body, b->rooms[0].token);
    buf_put_text(body, "/messages/recent?t=r&reactors=5&limit=100");
    buf_put_byte(body, 0);
    *ret_request =
        (struct bench_request){.method = "GET", .target = (const char *)body->p, .is_signed = true};
    return buf_verdict(body);
}

/* Every element answered with 200, and that many message rows in the first room. */
static bool poll_answered(const struct onion_reply *reply, size_t rows)
{
    json_auto_t *all = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    bool fine = json_array_size(all) == 1 + 2 * BENCH_ROOMS;
    for (size_t i = 0; i < json_array_size(all); i++)
        fine = fine && json_integer_value(json_object_get(json_array_get(all, i), "code")) == 200;
    return fine && json_array_size(json_object_get(json_array_get(all, 2), "body")) == rows;
}

static bool poll_idle(const struct onion_reply *reply)
{
    return poll_answered(reply, 0);
}

static bool poll_twenty(const struct onion_reply *reply)
{
    return poll_answered(reply, 20);
}

static bool hundred_rows(const struct onion_reply *reply)
{
    json_auto_t *rows = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_array_size(rows) == 100;
}

const struct scenario bench_scenarios[] = {
    {"idle", "poll of two rooms, current counters (phones)", 4000, 32, 200, idle, poll_idle, 1.15,
     true},
    {"idle-desktop", "poll of two rooms, pollInfo/0 (desktop)", 4000, 32, 200, idle_desktop,
     poll_idle, 1.25, true},
    {"news", "poll with 20 new messages", 4000, 32, 200, news, poll_twenty, 1.5, false},
    {"recent", "recent?limit=100", 4000, 32, 200, recent, hundred_rows, 1.8, false},
};
const size_t bench_scenario_count = COUNT_OF(bench_scenarios);
