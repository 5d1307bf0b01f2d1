/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one bencoded shape of v4 (docs/protocol/identity.md, 4.3): a list of one or two byte strings.
 */
#ifndef CONCLAVE_ONION_BENCODE_H
#define CONCLAVE_ONION_BENCODE_H

#include "base/buf.h"
#include "base/span.h"

struct bencode_pair {
    struct span first;
    struct span second; /* empty when there is none */
};

/* Spans point into text. ERR_MALFORMED: anything else, stray bytes included. Any thread. */
MUST_USE enum err bencode_read_pair(struct span text, struct bencode_pair *ret_pair);

/* "l<n>:<first><m>:", after which second_len bytes and BENCODE_END complete the list. */
void bencode_write_head(struct buf *out, struct span first, uint64_t second_len);
#define BENCODE_END 'e'

#endif
