/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the JSON of v4 and of v3 have in common: method and headers. Internal to onion/.
 */
#ifndef CONCLAVE_ONION_METADATA_H
#define CONCLAVE_ONION_METADATA_H

#include "router/json_in.h"
#include "router/json_plain.h"
#include "router/request.h"

/* The required "method". ERR_MALFORMED, ERR_NO_MEMORY. */
MUST_USE enum err metadata_method(struct json_in *in, struct request *req);
/*
 * The optional "headers", name to string or number, copied into in->mem. With content_type not NULL that one is the
 * request's, whatever the client says. ERR_MALFORMED: no object, a value of another type, or more than
 * REQUEST_HEADERS_MAX; ERR_NO_MEMORY.
 */
MUST_USE enum err metadata_headers(struct json_in *in, const char *content_type,
                                   struct request *req);
/* The same of a plain text; the headers stay where they lie. */
MUST_USE enum err metadata_plain_headers(const struct json_plain *meta, struct arena *mem,
                                         struct request *req);

#endif
