/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Onion requests made by hand, for tests of what no client sends: any frame, any plaintext.
 * Whatever fails on our side fails the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_KNOCK_H
#define CONCLAVE_TESTS_INTEGRATION_KNOCK_H

#include "integration/world.h"

/* A plaintext sealed for the server (xchacha20) and what its frame has to say about it. */
struct knock {
    struct buf sealed;
    char ephemeral_hex[65];
    struct onion_secret secret;
};
struct knock knock_seal(const struct world *w, struct span plain);
void knock_done(struct knock *k);
#define AUTO_KNOCK CLEANUP(knock_done)

/* Appends a frame: the length as given, then whatever follows it. */
void knock_put_frame(struct buf *out, uint32_t length, struct span sealed, const char *json);
/* The JSON that belongs to a knock, in static memory until the next call. */
const char *knock_json(const struct knock *k);

/*
 * Posts bytes to path on a connection of its own; appends the body of the answer, returns its HTTP
 * status.
 */
int knock_bytes(const struct world *w, const char *path, struct span bytes, struct buf *out);
/*
 * Seals plain, posts it, opens the reply, which must come with HTTP status 200. Release it with
 * onion_reply_done. Its code is returned.
 */
int knock_plain(const struct world *w, enum onion_version version, struct span plain,
                struct onion_reply *ret_reply);
/* The same for a v4 request without a body: its metadata as text. */
int knock_meta(const struct world *w, struct span meta, struct onion_reply *ret_reply);

#endif
