/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One inner request, whatever envelope or batch it came in. All spans point into the request's
 * arena or into the opened body, and live as long as these.
 */
#ifndef CONCLAVE_ROUTER_REQUEST_H
#define CONCLAVE_ROUTER_REQUEST_H

#include "base/span.h"

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OTHER };

enum {
    REQUEST_HEADERS_MAX = 64,      /* more in one request: malformed */
    REQUEST_PATH_MAX_BYTES = 4096, /* endpoint with its query */
};

struct header {
    struct span name; /* as sent; compare with span_eq_nocase */
    struct span value;
};

struct request {
    enum method method;
    struct span method_text; /* upper case: the signature covers it */
    struct span path;        /* percent-decoded once, valid UTF-8, starts with exactly one '/' */
    struct span query;       /* as sent, without '?'; empty when there is none */
    const struct header *headers;
    size_t header_count;
    struct span body; /* empty when there is none */
};

/* Value of the last header of that name (case-insensitive), or an empty span. Any thread. */
struct span request_header(const struct request *req, const char *name);
/* The same, telling an absent header from an empty one. */
bool request_find_header(const struct request *req, const char *name, struct span *ret_value);
/*
 * True when the content type is application/json, with or without parameters
 * (docs/protocol/community.md, 1.6).
 */
bool request_is_json(const struct request *req);

/*
 * Value of the first query parameter of that name, percent-decoded into mem. found=false: absent.
 * ERR_MALFORMED: bad escape. ERR_NO_MEMORY.
 */
struct arena;
MUST_USE enum err request_query(const struct request *req, struct arena *mem, const char *name,
                                bool *ret_found, struct span *ret_value);
/*
 * An integer as Python reads one from text: a sign and blanks around it are accepted; past 64 bits
 * the end of their range stands for it. ERR_MALFORMED: no integer.
 */
MUST_USE enum err request_signed_int(struct span text, int64_t *ret_value);
/*
 * An integer parameter (docs/protocol/community.md, 1.5): absent -> fallback; below min or above
 * max -> clamped; not an integer -> ERR_MALFORMED (status 400). Sign and surrounding blanks are
 * accepted.
 */
struct int_range {
    int64_t fallback, min, max;
};
MUST_USE enum err request_query_int(const struct request *req, struct arena *mem, const char *name,
                                    struct int_range range, int64_t *ret_value);

/*
 * Splits an endpoint as sent ("/room/x?limit=1") into decoded path and raw query; of several
 * leading slashes one is kept, for routes and signatures alike. Shared by the v4, v3 and batch
 * readers. ERR_MALFORMED: no leading '/', bad escape, NUL, invalid UTF-8 after decoding, too long.
 */
MUST_USE enum err request_set_endpoint(struct request *req, struct arena *mem,
                                       struct span endpoint);
/*
 * Sets method and method_text (folded to upper case) from text as sent. ERR_MALFORMED: empty or not
 * letters.
 */
MUST_USE enum err request_set_method(struct request *req, struct arena *mem, struct span method);

#endif
