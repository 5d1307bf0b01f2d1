/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Splitting the body of a batch into its elements without building it (docs/design.md, D8): a 10
 * MiB array of nothing costs Jansson 773 MB, and a file as base64 has no business in a JSON tree.
 * It finds spans and counts; whether an element is well-formed JSON is for json_in to say, which
 * sees everything but the base64.
 */
#ifndef CONCLAVE_ROUTER_BATCH_SCAN_H
#define CONCLAVE_ROUTER_BATCH_SCAN_H

#include "base/span.h"

enum { BATCH_MAX_ELEMENTS = 500 };

struct batch_item {
    struct span text; /* from '{' to '}' */
    /*
     * What stands between the quotes of the member "b64", escapes and all; p == NULL: no such
     * member, or not a string.
     */
    struct span b64;
};

/*
 * How many elements body can have at most, from a glance at it: memory for items. Up to
 * BATCH_MAX_ELEMENTS, never 0.
 */
size_t batch_scan_most(struct span body);
/*
 * items has room for batch_scan_most(body). Spans point into body. One pass, no allocation; stops
 * at the first violation. ERR_MALFORMED: not an array of objects, too many of them, too deep, "b64"
 * twice. ERR_TOO_LARGE: the elements without their b64 values are more than JSON_MAX_BYTES
 * together.
 */
MUST_USE enum err batch_scan(struct span body, struct batch_item *items, size_t *ret_count);

/*
 * Decodes a b64 value of batch_scan; out has room for base64_max_decoded(b64.len). ERR_MALFORMED,
 * ERR_NO_MEMORY.
 */
MUST_USE enum err batch_scan_decode(struct span b64, uint8_t *out, size_t *ret_len);

#endif
