/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members come first, but strangers are not starved: of a hundred turns they have their share, and
 * always one worker at least when they wait alone.
 */
#include "work/turns.h"

static uint32_t at_least_one(uint32_t n)
{
    return n < 1 ? 1 : n;
}

/* How many workers strangers may hold. */
static uint32_t strangers_max(const struct turns *t, bool members_wait)
{
    if (members_wait)
        return at_least_one(t->workers * t->share_percent / 100);
    return t->keep_one ? at_least_one(t->workers - 1) : t->workers;
}

enum turn turns_next(struct turns *t, bool members_wait, bool strangers_wait, bool spent)
{
    bool may_stranger =
        strangers_wait && !spent && t->strangers_running < strangers_max(t, members_wait);
    if (!members_wait)
        return may_stranger ? TURN_STRANGER : TURN_NOBODY;
    if (!may_stranger)
        return TURN_MEMBER;
    t->credit += t->share_percent;
    if (t->credit < 100)
        return TURN_MEMBER;
    t->credit -= 100;
    return TURN_STRANGER;
}

void turns_begin(struct turns *t, enum turn turn)
{
    if (turn == TURN_STRANGER)
        t->strangers_running++;
}

void turns_end(struct turns *t, enum turn turn)
{
    if (turn == TURN_STRANGER)
        t->strangers_running--;
}
