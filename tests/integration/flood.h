/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many requests of identities that were never seen before, each signed by a key of its own, made
 * beforehand so that sending them costs next to nothing; and a thread that sends them over many
 * connections at once.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_FLOOD_H
#define CONCLAVE_TESTS_INTEGRATION_FLOOD_H

#include "integration/world.h"

enum { FLOOD_CONNECTIONS_MAX = 512 };

struct flood_frames {
    struct buf bytes; /* whole HTTP requests, one behind the other */
    size_t *ends;
    size_t count;
};
/* count requests GET target, of as many fresh keys. Release with flood_frames_done. */
MUST_USE enum err flood_frames_make(const struct world *w, size_t server, const char *target,
                                    size_t count, struct flood_frames *ret_frames);
void flood_frames_done(struct flood_frames *f);

struct flood;
struct flood_sums {
    size_t answered; /* with outer status 200, whatever is inside */
    size_t refused;  /* with another status */
    size_t failed;   /* the connection broke */
};
/* Sends them all, each once, over that many connections. frames are borrowed. */
MUST_USE enum err flood_start(const struct world *w, size_t server,
                              const struct flood_frames *frames, size_t connections,
                              struct flood **ret_flood);
/* True once every frame was sent and answered. */
bool flood_is_over(const struct flood *f);
/* Stops, joins, frees. */
struct flood_sums flood_stop(struct flood *f);

#endif
