/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a post says, in the protobuf that real clients read: Content { dataMessage(1) { body(1),
 * timestamp(7) }, sigTimestamp(15) }. Three fields need no generator. Unknown fields are skipped,
 * as protobuf wants. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_CONTENT_H
#define CONCLAVE_TESTS_CLIENT_CONTENT_H

#include "base/buf.h"

struct content {
    struct span text; /* UTF-8; inside the bytes that were read */
    uint64_t timestamp_ms;
};

void content_put(struct buf *out, const struct content *c);
/* ERR_MALFORMED: no protobuf. ERR_MISSING: one without a data message. */
MUST_USE enum err content_read(struct span bytes, struct content *ret_content);

#endif
