/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an attacker sends: requests made beforehand, so that sending them costs next to nothing, or
 * connections that hold on to the server and say little. One thread.
 */
#ifndef CONCLAVE_TESTS_ATTACK_WEAPON_H
#define CONCLAVE_TESTS_ATTACK_WEAPON_H

#include "attack/hold.h"
#include "attack/stage.h"

struct weapon {
    /* Requests that wait for their answers. */
    struct prepared *requests;
    size_t count, made; /* the others are copies of those */
    size_t connections; /* 0: none of them */
    double rate_per_s;  /* 0: as fast as answers come */
    /* Connections that hold; connections 0: none. */
    struct hold_plan hold;
    struct buf head; /* what hold.head points into */
};

void weapon_done(struct weapon *w);

/* Room for so many requests. */
bool weapon_reserve(struct weapon *w, size_t count);
/* Makes one more; user NULL: unsigned. The request's body must live until it returns. */
bool weapon_add(const struct stage *s, struct weapon *w, const struct bench_user *user,
                const struct bench_request *request);
/*
 * Repeats those that are there, byte by byte, until there are so many. For unsigned ones, as a
 * nonce is accepted once, and for replays.
 */
bool weapon_repeat(struct weapon *w, size_t count);
/* Sends as many a second as make that many bytes. */
void weapon_pace(struct weapon *w, double bytes_per_s);
double weapon_request_bytes(const struct weapon *w);

/*
 * The head of a POST that announces so many bytes, for hold; on some connections other_bytes,
 * unless that is 0.
 */
void weapon_announce(struct weapon *w, size_t bytes, size_t other_bytes);

/* A batch: as many elements as put writes, and so many blanks behind it. */
struct weapon_batch {
    size_t elements;
    void (*put)(const struct stage *s, const struct bench_user *user, size_t n, struct buf *out);
    size_t padded_to; /* bytes; 0: not padded */
};
bool weapon_add_batch(const struct stage *s, struct weapon *w, const struct bench_user *user,
                      const struct weapon_batch *batch);

#endif
