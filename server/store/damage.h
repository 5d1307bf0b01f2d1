/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows that do not open: bytes that changed on a disk, a key that is gone. They are left out of
 * what people read, and told to the operator: each is counted and logged once by a process, without
 * saying which one it is. `conclave check --rows` names them.
 */
#ifndef CONCLAVE_STORE_DAMAGE_H
#define CONCLAVE_STORE_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct damage;
struct metrics;

enum damage_kind {
    DAMAGED_MESSAGE,
    DAMAGED_REACTION, /* counted by its message */
    DAMAGED_DM,
    DAMAGED_FILE, /* a chunk, or the name */
    DAMAGED_KEY,  /* of the ring: nothing sealed with it opens */
    DAMAGE_KINDS
};
/* "message", for logs and commands. */
const char *damage_name(enum damage_kind kind);

/*
 * What opening a row says of the row itself: not sealed by its key for its place, or its key is
 * gone.
 */
static inline bool damage_is(enum err e)
{
    return e == ERR_SEALED || e == ERR_MISSING;
}

/* NULL without memory. */
struct damage *damage_new(void);
void damage_free(struct damage *d);
/*
 * From now on rows are counted there, and logged (commands say it themselves). Before threads
 * start.
 */
void damage_report_to(struct damage *d, struct metrics *metrics);
/*
 * A row was met. Any thread. The first few thousand are told apart; those behind them are neither
 * counted nor logged.
 */
void damage_note(struct damage *d, enum damage_kind kind, int64_t id);

#endif
