/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading small JSON documents with Jansson under a counted allocator (docs/design.md, D8): strict
 * (duplicate keys, trailing bytes, invalid UTF-8 and deep nesting are refused), typed fields,
 * sticky failure. A text with a NUL and an integer past 64 bits are valid JSON: in a key that
 * nobody reads they do no harm, and in one that is read they are refused. Such an integer stands in
 * the tree as [{}].
 *
 * AUTO_JSON struct json_in in = json_in_object(call->mem, body); struct span data = json_bytes(&in,
 * "data");           required unless the name ends in _or if (!json_ok(&in)) -> 400
 */
#ifndef CONCLAVE_ROUTER_JSON_IN_H
#define CONCLAVE_ROUTER_JSON_IN_H

#include <jansson.h>

#include "base/arena.h"
#include "base/span.h"

enum {
    JSON_MAX_BYTES = 1 << 20,         /* a document without b64 (docs/design.md, D8) */
    JSON_MEMORY_MAX_BYTES = 16 << 20, /* what Jansson may allocate for one document */
    JSON_MAX_DEPTH = 32,
};

/* Installs the counted allocator; once, before threads. */
void json_in_start(void);

struct json_in {
    json_t *root; /* owned; NULL when reading failed */
    struct arena *mem;
    bool failed;
};

/* Parses text as an object. Failure is sticky. */
struct json_in json_in_object(struct arena *mem, struct span text);
void json_in_done(struct json_in *in);
/*
 * A value of any kind, owned by the caller, from a text that is known to be valid. NULL: no memory.
 */
json_t *json_in_value(struct span text);
#define AUTO_JSON CLEANUP(json_in_done)

/*
 * Required fields: absent or of another type fails; a text with a NUL too. Spans live as long as
 * `in`.
 */
struct span json_text(struct json_in *in, const char *key);
int64_t json_int(struct json_in *in, const char *key);
bool json_bool(struct json_in *in, const char *key);
/* An integer or a real number; a boolean is neither. */
double json_number(struct json_in *in, const char *key);
/* Base64 text decoded into the arena. */
struct span json_base64(struct json_in *in, const char *key);

/*
 * Optional: absent or null gives the fallback; another type fails. json_bool_or accepts 0 and 1
 * (docs/protocol/community.md, 1.6).
 */
bool json_has(const struct json_in *in, const char *key);
struct span json_text_or(struct json_in *in, const char *key, struct span fallback);
bool json_bool_or(struct json_in *in, const char *key, bool fallback);

MUST_USE static inline bool json_ok(const struct json_in *in)
{
    return !in->failed;
}

#endif
