/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scenarios that write messages, alone and among polls.
 */
#include <stdio.h>

#include "bench/bench.h"

/*
 * A room takes 2,000 posts at once and then 1,000 a second (docs/decisions/0014-one-clock.md): the
 * next one in time.
 */
enum { ONE_ROOM_POSTS = 1000 };

static int append_text(const char *text, size_t len, void *out)
{
    buf_put(out, span_of(text, len));
    return 0;
}

enum err bench_post(const struct bench *b, size_t n, const char *room, struct buf *body,
                    struct bench_request *ret_request)
{
    const struct bench_user *u = bench_user_of(b, n);
    struct community as = {.account = u->account, .blinded = u->blinded};
    json_auto_t *post = community_post_body(&as, "a message of ordinary length, as people write");
    if (post == NULL || json_dump_callback(post, append_text, body, JSON_COMPACT) != 0)
        return ERR_NO_MEMORY;
    *ret_request = (struct bench_request){.method = "POST",
                                          .content_type = "application/json",
                                          .body = buf_span(body),
                                          .is_signed = true};
    (void)snprintf(ret_request->target, sizeof(ret_request->target), "/room/%s/message", room);
    return buf_verdict(body);
}

static enum err post_one(const struct bench *b, const struct scenario *s, size_t n,
                         struct buf *body, struct bench_request *ret_request)
{
    (void)s;
    char room[32];
    (void)snprintf(room, sizeof(room), "busy%zu", n / ONE_ROOM_POSTS % BENCH_MANY_ROOMS);
    return bench_post(b, n, room, body, ret_request);
}

static enum err post_many(const struct bench *b, const struct scenario *s, size_t n,
                          struct buf *body, struct bench_request *ret_request)
{
    (void)s;
    char room[32];
    (void)snprintf(room, sizeof(room), "busy%zu", n % BENCH_MANY_ROOMS);
    return bench_post(b, n, room, body, ret_request);
}

/* 90 idle polls, 8 with news, 2 posts in a hundred. */
static enum err mixed(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                      struct bench_request *ret_request)
{
    (void)s;
    size_t kind = n % 50;
    if (kind == 0)
        return bench_post(b, n, "busy1", body, ret_request);
    return bench_poll(b, n % 2 == 0 ? CLIENT_DESKTOP : CLIENT_IOS, kind <= 4 ? 20 : 0, body,
                      ret_request);
}

static bool is_posted(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    json_auto_t *row = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_is_integer(json_object_get(row, "seqno"));
}

static bool is_answer(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    return reply->body.len > 2;
}

const struct scenario bench_posts[] = {
    {.name = "post",
     .what = "posts to one room after the other, 64 at a time, answered when durable",
     .requests = 6000,
     .connections = 64,
     .code = 201,
     .request = post_one,
     .expected = is_posted,
     .compare = COMPARE_RATE,
     .target = 5000},
    {.name = "post-50",
     .what = "posts to 50 rooms, 64 at a time",
     .requests = 6000,
     .connections = 64,
     .code = 201,
     .request = post_many,
     .expected = is_posted,
     .compare = COMPARE_RATE},
    {.name = "mixed",
     .what = "90 % idle polls, 8 % with 20 new messages, 2 % posts",
     .requests = 5000,
     .connections = 32,
     .code = 0,
     .request = mixed,
     .expected = is_answer,
     .compare = COMPARE_FLOOR},
    {.name = "defaults",
     .what = "the same with the limits as they come: post_limit=5/16s, known_after=10m",
     .requests = 5000,
     .connections = 32,
     .code = 0,
     .limits = LIMITS_DEFAULT,
     .request = mixed,
     .expected = is_answer,
     .compare = COMPARE_FLOOR},
    {.name = "online",
     .what = "mixed at 3,000 requests a second (30,000 people who poll every 10 s), all cores",
     .requests = 15000,
     .connections = 256,
     .code = 0,
     .rate_per_s = 3000,
     .request = mixed,
     .expected = is_answer,
     .compare = COMPARE_LATENCY,
     .target = 200},
    {.name = "online-1",
     .what = "the same with server and PostgreSQL on one core together",
     .requests = 15000,
     .connections = 256,
     .code = 0,
     .rate_per_s = 3000,
     .one_core = true,
     .request = mixed,
     .expected = is_answer,
     .compare = COMPARE_LATENCY,
     .target = 200},
    {.name = "most-1",
     .what = "the same mix as fast as that one core answers",
     .requests = 15000,
     .connections = 64,
     .code = 0,
     .one_core = true,
     .request = mixed,
     .expected = is_answer,
     .compare = COMPARE_RATE},
    {0},
};
