/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON that clients really send around a request, read where it lies: one object of texts, whole numbers and objects
 * of the same, one level deep. Whatever is not that plain (escapes but "\/", which iOS writes for every slash; other than
 * ASCII, other types, more members, or no JSON at all) is for json_in.h to read or refuse, so what is accepted does not
 * depend on this file: it is some ten of the microseconds of an idle poll (docs/performance.md).
 */
#ifndef CONCLAVE_ROUTER_JSON_PLAIN_H
#define CONCLAVE_ROUTER_JSON_PLAIN_H

#include "base/arena.h"
#include "base/span.h"

enum { JSON_PLAIN_MEMBERS_MAX = 24 };
enum json_plain_kind { JSON_PLAIN_TEXT, JSON_PLAIN_NUMBER, JSON_PLAIN_OBJECT };

struct json_plain_member {
    struct span key,
        value;    /* in the text that was read, as written there; an object has no value */
    bool escaped; /* value has a "\/": see json_plain_value */
    enum json_plain_kind kind;
    size_t within; /* 0: of the outer object; else 1 + index of the member that is the object */
};
struct json_plain {
    size_t count;
    struct json_plain_member members[JSON_PLAIN_MEMBERS_MAX];
};

/* False: not plain (*ret_plain is then of no use). True: valid JSON without duplicate keys. Any thread. */
MUST_USE bool json_plain_read(struct span text, struct json_plain *ret_plain);
/* A member of the outer object; NULL when absent. */
const struct json_plain_member *json_plain_find(const struct json_plain *plain, const char *key);
/* What a member's text or number means: the value itself, or a copy in mem without its escapes. ERR_NO_MEMORY. */
MUST_USE enum err json_plain_value(const struct json_plain_member *member, struct arena *mem,
                                   struct span *ret_value);

#endif
