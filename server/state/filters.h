/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What several rows of filters mean together for one room (docs/protocol/community.md, 4.5): rows
 * of the room over those of every room, special types over general ones, each point by itself.
 * Immutable once made, shared by counting. Pure: no locks, no SQL.
 */
#ifndef CONCLAVE_STATE_FILTERS_H
#define CONCLAVE_STATE_FILTERS_H

#include <stdatomic.h>

#include "store/filters.h"

struct filter_answer {
    size_t text_count; /* 0: no answer */
    struct span texts[FILTER_TEXTS_MAX];
    struct span name;
    bool public;
};

struct filters {
    _Atomic int64_t references;
    size_t bytes; /* what it takes in memory */
    unsigned alphabets;
    bool alphabet_silent, profanity, profanity_silent, moderators;
    struct span room_token, room_name;          /* for answers that mention them */
    struct filter_answer answers[FILTER_TYPES]; /* of what a hit can have; the others are empty */
};

/* What they are made of; rows in the order of store/filters.h. */
struct filters_source {
    struct span room_token, room_name;
    const struct filter_row *rows;
    size_t count;
    const struct filter_reply_row *replies;
    size_t reply_count;
};
/* *ret_filters: one reference, or NULL when nothing is filtered. Copies all text. ERR_NO_MEMORY. */
MUST_USE enum err filters_new(const struct filters_source *from, struct filters **ret_filters);
/* NULL is harmless. */
struct filters *filters_hold(struct filters *f);
void filters_release(struct filters *f);

#endif
