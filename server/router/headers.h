/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The member "headers" of an envelope or of a batch element, as a request's headers.
 */
#ifndef CONCLAVE_ROUTER_HEADERS_H
#define CONCLAVE_ROUTER_HEADERS_H

#include "router/json_flat.h"
#include "router/request.h"

struct header_rules {
    bool numbers;                         /* a value may be a number: its decimal text is used */
    bool (*is_dropped)(struct span name); /* such headers are checked and left out; NULL: none */
    struct span default_type;             /* the content type, if none is named; empty: none */
};

/*
 * Sets req->headers; they live as long as flat->mem and the text that flat was read from. The
 * member may be absent. ERR_MALFORMED: not an object, a value of another type, or more than
 * REQUEST_HEADERS_MAX. ERR_NO_MEMORY. Any thread.
 */
MUST_USE enum err headers_read(const struct json_flat *flat, const struct header_rules *rules,
                               struct request *req);

#endif
