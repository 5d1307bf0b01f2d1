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

enum err bench_poll(const struct bench *b, bool desktop, int64_t behind, struct buf *body,
                    struct bench_request *ret_request)
{
    char path[BENCH_TARGET_MAX];
    *ret_request = (struct bench_request){.method = "POST",
                                          .target = "/batch",
                                          .content_type = "application/json",
                                          .is_signed = true};
    buf_put_byte(body, '[');
    put_get(body, "/capabilities");
    for (size_t i = 0; i < BENCH_ROOMS; i++) {
        const struct room_view *v = &b->rooms[i];
        (void)snprintf(path, sizeof(path), "/room/%s/pollInfo/%lld", v->token,
                       desktop ? 0 : (long long)v->info_updates);
        put_get(body, path);
        (void)snprintf(path, sizeof(path), "/room/%s/messages/since/%lld?t=r&reactors=5", v->token,
                       (long long)(i == 0 ? v->seqno - behind : v->seqno));
        put_get(body, path);
    }
    buf_put_byte(body, ']');
    ret_request->body = buf_span(body);
    return buf_verdict(body);
}

static enum err idle(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, false, 0, body, ret_request);
}

static enum err idle_desktop(const struct bench *b, const struct scenario *s, size_t n,
                             struct buf *body, struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, true, 0, body, ret_request);
}

static enum err news(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, false, 20, body, ret_request);
}

static enum err recent(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                       struct bench_request *ret_request)
{
    (void)s, (void)n;
    *ret_request = (struct bench_request){.method = "GET", .is_signed = true};
    (void)snprintf(ret_request->target, sizeof(ret_request->target),
                   "/room/%s/messages/recent?t=r&reactors=5&limit=100", b->rooms[0].token);
    return buf_verdict(body);
}

static enum err join(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)s, (void)n;
    *ret_request = (struct bench_request){.method = "GET", .is_signed = true};
    (void)snprintf(ret_request->target, sizeof(ret_request->target), "/room/%s", b->rooms[0].token);
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

static bool poll_idle(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    return poll_answered(reply, 0);
}

static bool poll_twenty(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    return poll_answered(reply, 20);
}

static bool hundred_rows(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    json_auto_t *rows = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_array_size(rows) == 100;
}

static bool is_room(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    json_auto_t *room = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_is_string(json_object_get(room, "token"));
}

const struct scenario bench_polls[] = {
    {.name = "idle",
     .what = "poll of two rooms, current counters, as the phones do",
     .requests = 4000,
     .connections = 32,
     .code = 200,
     .request = idle,
     .expected = poll_idle,
     .compare = COMPARE_EXCHANGE,
     .target = 1.15},
    {.name = "idle-desktop",
     .what = "poll of two rooms, pollInfo/0, as desktop does",
     .requests = 4000,
     .connections = 32,
     .code = 200,
     .request = idle_desktop,
     .expected = poll_idle,
     .compare = COMPARE_EXCHANGE,
     .target = 1.25},
    {.name = "news",
     .what = "poll with 20 new messages",
     .requests = 4000,
     .connections = 32,
     .code = 200,
     .request = news,
     .expected = poll_twenty,
     .compare = COMPARE_FLOOR,
     .target = 1.5},
    {.name = "recent",
     .what = "recent?limit=100",
     .requests = 3000,
     .connections = 32,
     .code = 200,
     .request = recent,
     .expected = hundred_rows,
     .compare = COMPARE_FLOOR,
     .target = 1.8},
    {.name = "join",
     .what = "the room object, signed",
     .requests = 4000,
     .connections = 32,
     .code = 200,
     .request = join,
     .expected = is_room,
     .compare = COMPARE_FLOOR},
    {0},
};
