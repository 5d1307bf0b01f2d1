/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes bytes from the front of a span, never past its end, with sticky failure: read freely, ask
 * once. After a failure everything read is zero or empty.
 */
#ifndef CONCLAVE_BASE_READER_H
#define CONCLAVE_BASE_READER_H

#include "base/span.h"

struct reader {
    struct span rest;
    bool failed;
};

static inline struct reader reader_of(struct span s)
{
    return (struct reader){.rest = s};
}

uint8_t reader_u8(struct reader *r);
uint32_t reader_u32_le(struct reader *r);
/* n bytes exactly; checks before it subtracts, so no length can overflow. */
struct span reader_take(struct reader *r, size_t n);
/* All that is left. */
struct span reader_rest(struct reader *r);

MUST_USE static inline bool reader_ok(const struct reader *r)
{
    return !r->failed;
}

#endif
