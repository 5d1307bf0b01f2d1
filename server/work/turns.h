/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose turn it is in a lane where members and strangers wait in lines of their own
 * (docs/design.md, D14). Pure; the lane's lock guards it.
 */
#ifndef CONCLAVE_WORK_TURNS_H
#define CONCLAVE_WORK_TURNS_H

#include <stdbool.h>
#include <stdint.h>

struct turns {
    uint32_t workers;
    uint32_t share_percent; /* of turns and workers that strangers have while members wait */
    bool keep_one; /* strangers never hold all workers, so that a member finds one at once */
    uint32_t strangers_running;
    uint32_t credit;
};

enum turn { TURN_NOBODY, TURN_MEMBER, TURN_STRANGER };

/*
 * spent: strangers have had their share of the processor for now. Of two who may, the turn is
 * counted.
 */
enum turn turns_next(struct turns *t, bool members_wait, bool strangers_wait, bool spent);
/* Their work began, and ended. */
void turns_begin(struct turns *t, enum turn turn);
void turns_end(struct turns *t, enum turn turn);

#endif
