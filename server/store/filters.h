/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filters of posts and their automatic replies at rest (docs/protocol/community.md, 4.5): one row
 * for every room, one per room that differs. What follows from several rows together is decided in
 * state/filters.h.
 */
#ifndef CONCLAVE_STORE_FILTERS_H
#define CONCLAVE_STORE_FILTERS_H

#include "store/store.h"

/* In the order in which they are tried. */
enum alphabet { ALPHABET_PERSIAN = 1, ALPHABET_ARABIC = 2, ALPHABET_CYRILLIC = 4 };

struct filter_row {
    int64_t room;  /* 0: every room */
    int alphabets; /* sum of enum alphabet; -1: not said */
    enum tristate alphabet_silent, profanity, profanity_silent, moderators;
};

/* From the least to the most special; a hit has one of the last four. */
enum filter_type {
    FILTER_ANY,
    FILTER_ALPHABET,
    FILTER_PROFANITY,
    FILTER_PERSIAN,
    FILTER_ARABIC,
    FILTER_CYRILLIC,
    FILTER_TYPES
};
enum { FILTER_TEXTS_MAX = 16, FILTER_TEXT_MAX_BYTES = 2000, FILTER_NAME_MAX_BYTES = 100 };

struct filter_reply_row {
    int64_t room; /* 0: every room */
    enum filter_type type;
    struct span texts; /* one a line; p == NULL: not said; empty: none */
    struct span name;  /* p == NULL: not said */
    enum tristate public;
};

/* The row of every room first, then the room's; room 0: only the former. Spans in mem. */
MUST_USE enum err filters_list(struct db *db, struct arena *mem, int64_t room,
                               struct filter_row **ret_rows, size_t *ret_count);
MUST_USE enum err filters_replies(struct db *db, struct arena *mem, int64_t room,
                                  struct filter_reply_row **ret_rows, size_t *ret_count);
/*
 * Puts the row in the place of the former one of its room (and type); a row that says nothing is
 * removed.
 */
MUST_USE enum err filters_set(struct db *db, const struct filter_row *row);
MUST_USE enum err filters_set_reply(struct db *db, const struct filter_reply_row *row);

#endif
