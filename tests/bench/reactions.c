/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scenarios of reactions: everybody has something to say on a few messages, which is when they are
 * costly.
 */
#include <stdio.h>

#include "bench/bench.h"

enum { MESSAGES = 16 };
#define ROOM "busy2"

static bool post_messages(struct bench *b, const struct scenario *s)
{
    (void)s;
    for (size_t i = 0; i < MESSAGES; i++) {
        json_t *posted = NULL;
        if (community_post(&b->admin.community, ROOM, "who likes this?", &posted) != OK)
            return false;
        b->reacted[i] = json_integer_value(json_object_get(posted, "id"));
        json_decref(posted);
    }
    return true;
}

/* Nobody twice with the same sign on the same message: users take turns, then the sign changes. */
static enum err react(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                      struct bench_request *ret_request)
{
    static const char *const signs[] = {"\xf0\x9f\x91\x8d", "\xe2\x9d\xa4", "\xf0\x9f\x98\x82"};
    (void)s, (void)body;
    *ret_request = (struct bench_request){.method = "PUT", .is_signed = true};
    (void)snprintf(ret_request->target, sizeof(ret_request->target),
                   "/room/" ROOM "/reaction/%lld/%s", (long long)b->reacted[n % MESSAGES],
                   signs[n / BENCH_USERS % COUNT_OF(signs)]);
    return OK;
}

static bool is_added(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    json_auto_t *answer = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_is_true(json_object_get(answer, "added"));
}

const struct scenario bench_reactions[] = {
    {.name = "react",
     .what = "reactions to 16 messages of one room, 64 at a time",
     .requests = 4000,
     .connections = 64,
     .code = 200,
     .prepare = post_messages,
     .request = react,
     .expected = is_added,
     .compare = COMPARE_RATE},
    {0},
};
