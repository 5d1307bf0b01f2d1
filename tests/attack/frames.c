/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames that are none, or none any more.
 */
#include <sodium.h>
#include <stdio.h>

#include "attack/attack.h"

enum { CONNECTIONS = 64, MANY = 400000, DIFFERENT = 64, GARBAGE_BYTES = 2000 };

/* What looks like a request at the last hop: a whole HTTP request around noise. */
static bool noise(struct stage *s, struct weapon *w)
{
    const struct bench_request request = {.method = "GET", .target = "/rooms"};
    bool fine = weapon_reserve(w, DIFFERENT);
    for (size_t i = 0; fine && i < DIFFERENT; i++) {
        fine = weapon_add(s, w, NULL, &request);
        if (fine)
            randombytes_buf(w->requests[i].http.p + w->requests[i].http.len -
                                w->requests[i].sealed.len,
                            w->requests[i].sealed.len);
    }
    w->connections = CONNECTIONS;
    return fine && weapon_repeat(w, MANY);
}

/* The onion opens, and what it holds is noise. */
static bool noise_inside(struct stage *s, struct weapon *w)
{
    struct buf body AUTO_BUF = buf_make(GARBAGE_BYTES);
    uint8_t *p = buf_reserve(&body, GARBAGE_BYTES);
    if (p == NULL)
        return false;
    randombytes_buf(p, GARBAGE_BYTES);
    buf_commit(&body, GARBAGE_BYTES);
    const struct bench_request request = {.method = "POST",
                                          .target = "/batch",
                                          .content_type = "application/json",
                                          .body = buf_span(&body)};
    bool fine = weapon_reserve(w, 1) && weapon_add(s, w, NULL, &request);
    w->connections = CONNECTIONS;
    return fine && weapon_repeat(w, MANY);
}

/* Requests of known people, each signed once and sent for ever. */
static bool replays(struct stage *s, struct weapon *w)
{
    struct bench_request request = {
        .method = "POST", .target = "/room/r40/message", .content_type = "application/json"};
    request.body = span_of_text("{\"data\":\"AAAA\",\"signature\":\"AAAA\"}");
    bool fine = weapon_reserve(w, DIFFERENT);
    for (size_t i = 0; fine && i < DIFFERENT; i++)
        fine = weapon_add(s, w, &s->aged[i], &request);
    w->connections = CONNECTIONS;
    return fine && weapon_repeat(w, MANY);
}

const struct attack attack_frames[] = {
    {"X3", "frames of noise, 64 at a time", false, false, noise, NULL},
    {"X4", "frames that open and hold noise, 64 at a time", false, false, noise_inside, NULL},
    {"X5", "members' requests that are sent again, 64 at a time", false, false, replays, NULL},
    {0},
};
