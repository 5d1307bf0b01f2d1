/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was asked of the servers, what they answered, and what readers saw: the other side of the
 * account that the database keeps. Every post carries the number of its entry as its text. Any
 * thread.
 */
#ifndef CONCLAVE_TESTS_TORTURE_LEDGER_H
#define CONCLAVE_TESTS_TORTURE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum fate {
    FATE_OPEN, /* not answered yet */
    FATE_DONE, /* acknowledged: it must be there, once, as it was answered */
    FATE_CLAIMED, /* the same bytes, sent again after nobody answered, were told "replayed": it must be there, once */
    FATE_MAYBE,   /* busy, or given up: there at most once */
    FATE_REFUSED, /* it must not be there */
    FATES
};

struct post {
    uint8_t fate; /* enum fate */
    uint8_t room; /* index */
    bool seen;    /* by a reader: it must still be there in the end, unless it was deleted */
    bool counted; /* by the final reading */
    /* Its author changes it, one deed after the other: what is certain, and what may be. */
    bool deleted, maybe_deleted;
    uint8_t edits, maybe_edits;
    uint8_t reactions, maybe_reactions;
    int64_t id; /* 0: not known */
};

/* A row as a reader finds it. */
struct found {
    uint8_t room;
    int64_t id;
    unsigned edits, reactions;
};

enum { FILE_ID_TEXT_MAX = 64 };

struct upload {
    uint8_t fate;
    bool short_lived;
    uint32_t size;  /* its bytes follow from its number (ledger_content) */
    uint32_t post;  /* that it is attached to; UINT32_MAX: none, it is the file server's */
    int64_t number; /* of a room's file */
    char id[FILE_ID_TEXT_MAX + 1];
};

struct ledger;

/* seed makes the content of uploads this run's own. NULL without memory. */
struct ledger *ledger_new(uint64_t seed);
void ledger_free(struct ledger *l);

/* What should not be, in words for people; the first few are kept. */
void ledger_complain(struct ledger *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
size_t ledger_complaints(const struct ledger *l);
const char *ledger_complaint(const struct ledger *l, size_t i); /* NULL: not kept */

/* Numbers from 0; UINT32_MAX when the ledger is full. */
uint32_t ledger_post_new(struct ledger *l, uint8_t room);
void ledger_post_answered(struct ledger *l, uint32_t n, enum fate fate, int64_t id);
struct post ledger_post(const struct ledger *l, uint32_t n);
/* A room drew this number for something that was acknowledged; complains when it did so before. */
void ledger_number(struct ledger *l, uint8_t room, int64_t seqno);
/* What became of one change of a post. */
enum change { CHANGE_EDIT, CHANGE_DELETE, CHANGE_REACT, CHANGES };
void ledger_changed(struct ledger *l, uint32_t n, enum change change, enum fate fate);
/*
 * A reader found it; complains when that contradicts what is known. final: the last reading, when
 * nothing changes.
 */
void ledger_post_seen(struct ledger *l, uint32_t n, const struct found *found, bool final);

uint32_t ledger_upload_new(struct ledger *l, uint32_t size, bool short_lived);
/* A room's file, attached to a post. */
void ledger_attached(struct ledger *l, uint32_t n, uint32_t post, int64_t number);
void ledger_upload_answered(struct ledger *l, uint32_t n, enum fate fate, const char *id);
struct upload ledger_upload(const struct ledger *l, uint32_t n);
size_t ledger_uploads(const struct ledger *l);
void ledger_content(const struct ledger *l, uint32_t n, uint8_t *out, size_t size);

struct sums {
    size_t posts[FATES], uploads[FATES];
    size_t posts_there; /* counted by the final reading */
    size_t posts_per_room[2];
    size_t changes[CHANGES], maybe_changes[CHANGES];
    size_t deleted; /* posts acknowledged and certainly deleted */
};
/*
 * After the final reading: complains about every post that should be there and is not; adds
 * everything up.
 */
struct sums ledger_close(struct ledger *l);

#endif
