/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scenarios: what clients ask, in the form in which they ask it (docs/protocol/community.md,
 * 6).
 */
#include <stdio.h>

#include "bench/bench.h"

enum { BOXES = 2 };

static void put_get(struct buf *body, enum poll_form form, const char *path)
{
    buf_put_text(body, body->len > 1 ? "," : "");
    buf_put_text(body, "{\"method\":\"GET\",\"path\":\"");
    for (; *path != '\0'; path++) {
        if (*path == '/' && form == CLIENT_IOS)
            buf_put_byte(body, '\\');
        buf_put_byte(body, (uint8_t)*path);
    }
    buf_put_text(body, "\"}");
}

enum err bench_poll(const struct bench *b, enum poll_form form, int64_t behind, struct buf *body,
                    struct bench_request *ret_request)
{
    char path[BENCH_TARGET_MAX];
    bool desktop = form == PLAIN_DESKTOP || form == CLIENT_DESKTOP;
    *ret_request = (struct bench_request){.method = "POST",
                                          .target = "/batch",
                                          .content_type = "application/json",
                                          .is_signed = true};
    buf_put_byte(body, '[');
    put_get(body, form, "/capabilities");
    for (size_t i = 0; i < BENCH_ROOMS; i++) {
        const struct room_view *v = &b->rooms[i];
        (void)snprintf(path, sizeof(path), "/room/%s/pollInfo/%lld", v->token,
                       desktop ? 0 : (long long)v->info_updates);
        put_get(body, form, path);
        (void)snprintf(path, sizeof(path), "/room/%s/messages/since/%lld?t=r&reactors=5%s",
                       v->token, (long long)(i == 0 ? v->seqno - behind : v->seqno),
                       form == CLIENT_IOS ? "&limit=100" : "");
        put_get(body, form, path);
    }
    if (form == CLIENT_IOS || form == CLIENT_DESKTOP) {
        put_get(body, form, "/inbox");
        put_get(body, form, "/outbox");
    }
    buf_put_byte(body, ']');
    ret_request->body = buf_span(body);
    return buf_verdict(body);
}

static enum err idle(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, PLAIN_PHONE, 0, body, ret_request);
}

static enum err idle_desktop(const struct bench *b, const struct scenario *s, size_t n,
                             struct buf *body, struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, PLAIN_DESKTOP, 0, body, ret_request);
}

static enum err client_ios(const struct bench *b, const struct scenario *s, size_t n,
                           struct buf *body, struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, CLIENT_IOS, 0, body, ret_request);
}

static enum err client_desktop(const struct bench *b, const struct scenario *s, size_t n,
                               struct buf *body, struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, CLIENT_DESKTOP, 0, body, ret_request);
}

static enum err news(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                     struct bench_request *ret_request)
{
    (void)s, (void)n;
    return bench_poll(b, PLAIN_PHONE, 20, body, ret_request);
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
static bool poll_answered(const struct onion_reply *reply, size_t boxes, size_t rows)
{
    json_auto_t *all = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    bool fine = json_array_size(all) == 1 + 2 * BENCH_ROOMS + boxes;
    for (size_t i = 0; i < json_array_size(all); i++)
        fine = fine && json_integer_value(json_object_get(json_array_get(all, i), "code")) == 200;
    return fine && json_array_size(json_object_get(json_array_get(all, 2), "body")) == rows;
}

static bool poll_idle(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    return poll_answered(reply, 0, 0);
}

static bool poll_with_boxes(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    return poll_answered(reply, BOXES, 0);
}

static bool poll_twenty(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    return poll_answered(reply, 0, 20);
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

#define POLL(text, line, ask, fits, against, most)                                                 \
    {                                                                                              \
        .name = (text), .what = (line), .requests = 4000, .connections = 32, .code = 200,          \
        .no_sql = true, .request = (ask), .expected = (fits), .compare = (against),                \
        .target = (most)                                                                           \
    }

const struct scenario bench_polls[] = {
    POLL("idle", "poll of two rooms, current counters, as the phones do", idle, poll_idle,
         COMPARE_EXCHANGE, 1.15),
    POLL("idle-desktop", "poll of two rooms, pollInfo/0, as desktop does", idle_desktop, poll_idle,
         COMPARE_EXCHANGE, 1.25),
    {.name = "idle-2000",
     .what = "the first one over 2,000 connections",
     .requests = 8000,
     .connections = 2000,
     .code = 200,
     .no_sql = true,
     .request = idle,
     .expected = poll_idle,
     .compare = COMPARE_EXCHANGE,
     .target = 1.15},
    POLL("client-ios", "all that iOS asks: escaped slashes, limit, inbox and outbox too",
         client_ios, poll_with_boxes, COMPARE_EXCHANGE, 0),
    POLL("client-desktop", "all that desktop asks: inbox and outbox too", client_desktop,
         poll_with_boxes, COMPARE_EXCHANGE, 0),
    POLL("news", "poll with 20 new messages", news, poll_twenty, COMPARE_FLOOR, 1.5),
    POLL("recent", "recent?limit=100", recent, hundred_rows, COMPARE_FLOOR, 1.8),
    POLL("join", "the room object, signed", join, is_room, COMPARE_FLOOR, 0),
    {0},
};
