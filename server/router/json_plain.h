/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain form of JSON, as clients really send it around a request: one object of texts, whole
 * numbers and objects of these, one level deep, in ASCII, with no escape but "\/" (iOS writes it
 * for every slash). It is read where it lies, without a tree. Used by json_flat.h, which gives
 * everything else to Jansson; so which documents are accepted does not depend on this file. It
 * saves about ten microseconds of an idle poll.
 */
#ifndef CONCLAVE_ROUTER_JSON_PLAIN_H
#define CONCLAVE_ROUTER_JSON_PLAIN_H

#include <jansson.h>

#include "base/span.h"

enum { JSON_PLAIN_MEMBERS_MAX = 24 };

enum json_kind {
    JSON_KIND_TEXT,
    JSON_KIND_NUMBER,
    JSON_KIND_OBJECT,
    JSON_KIND_NULL,
    JSON_KIND_OTHER, /* a boolean, an array, an integer past 64 bits */
};

/* A member of an object, in one of two forms. json_flat.h says what its value means. */
struct json_member {
    struct span key;
    enum json_kind kind;
    uint8_t number;    /* plain form: 1 + its index */
    uint8_t within;    /* plain form: 0, or the number of the member that is the object around it */
    bool escaped;      /* plain form: a text with a "\/" */
    struct span value; /* plain form: as written, a text without its quotes */
    json_t *tree;      /* Jansson's value, borrowed; NULL: plain form */
};

struct json_plain {
    size_t count;
    struct json_member members[JSON_PLAIN_MEMBERS_MAX];
};

/*
 * True: valid JSON without duplicate keys; members point into text. False: not plain, and
 * *ret_plain is then of no use. Any thread.
 */
MUST_USE bool json_plain_read(struct span text, struct json_plain *ret_plain);

#endif
