/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The load that runs while things are killed: people who post and change their posts, upload, and
 * read, each a thread with connections to both servers. Whoever gets no answer sends the same bytes
 * again, to the same or the other server, until he knows; now and then an answered request is sent
 * again on purpose.
 */
#ifndef CONCLAVE_TESTS_TORTURE_LOAD_H
#define CONCLAVE_TESTS_TORTURE_LOAD_H

#include <stdatomic.h>

#include "integration/world.h"
#include "torture/ledger.h"
#include "torture/plan.h"

enum { TORTURE_SERVERS = 2, TORTURE_ROOMS = 2, KEPT_FRAMES = 16 };
extern const char *const torture_rooms[TORTURE_ROOMS];

/* A request ready to be sent, as often as need be. */
struct kept_frame {
    struct buf bytes;
    struct onion_secret secret;
};
void kept_frame_done(struct kept_frame *f); /* harmless on a zeroed one */

/* One person: an account and a connection to each server. */
struct person {
    struct member at[TORTURE_SERVERS];
    struct ledger *ledger;
    struct dice dice;
    bool
        one_clock; /* only the first server's clock is right: for it alone a file that lives is never over */
    struct kept_frame kept[KEPT_FRAMES]; /* of acknowledged requests, to be sent again much later */
};
/* From the main thread, before anything is killed. */
MUST_USE enum err person_open(const struct world *w, size_t account, struct ledger *ledger,
                              uint64_t seed, struct person *ret_person);
void person_close(struct person *p);

/*
 * One post to that server, sent again until its fate is known or the time is over; again: to any
 * server (then perhaps with a file), or to this one only. ret: its fate; *ret_post: its number,
 * unless FATE_REFUSED.
 */
enum again { AGAIN_ANYWHERE, AGAIN_THERE };
enum fate person_post(struct person *p, uint8_t room, size_t server, enum again again,
                      int64_t deadline_ms, uint32_t *ret_post);
/*
 * What its author does with an acknowledged post: nothing, or some edits, reactions, perhaps its
 * deletion.
 */
void person_change(struct person *p, uint32_t n, int64_t deadline_ms);

struct load;
/* Starts the threads. From the main thread. one_clock: of every person. */
MUST_USE enum err load_start(const struct world *w, struct ledger *ledger, uint64_t seed,
                             bool one_clock, struct load **ret_load);
/* Lets everybody finish what they began, and joins. NULL is harmless. */
void load_stop(struct load *load);

#endif
