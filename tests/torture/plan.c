/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dice are SplitMix64 (public domain): every seed is a good one.
 */
#include "torture/plan.h"

#include "base/attr.h"

enum {
    DELAY_MAX_MS = 400,
    DAY_S = 24 * 60 * 60,
    ACCEPTED_WITHIN_S = 20 * 60 * 60, /* servers accept a day */
    JUMP_FIRST_S = -2 * DAY_S,
    JUMP_LAST_S = 40 * DAY_S,
};

const char *const kill_names[KILL_KINDS] = {
    [KILL_SERVER] = "one server",     [KILL_SERVERS] = "both servers",
    [KILL_DATABASE] = "PostgreSQL",   [KILL_BACKEND] = "one PostgreSQL backend",
    [KILL_EVERYTHING] = "everything",
};

uint64_t dice_roll(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *d, uint64_t n)
{
    return dice_roll(d) % n;
}

int64_t plan_jump(struct dice *d)
{
    if (dice_below(d, 2) == 0)
        return (int64_t)dice_below(d, 2 * ACCEPTED_WITHIN_S) - ACCEPTED_WITHIN_S;
    return (int64_t)dice_below(d, (uint64_t)(JUMP_LAST_S - JUMP_FIRST_S)) + JUMP_FIRST_S;
}

bool plan_accepts(int64_t ahead_s)
{
    return ahead_s <= ACCEPTED_WITHIN_S && ahead_s >= -ACCEPTED_WITHIN_S;
}

struct blow plan_next(struct dice *d)
{
    /* As often as they stand here. */
    static const enum kill_kind kinds[] = {
        KILL_SERVER,   KILL_SERVER,   KILL_SERVER,  KILL_SERVER,  KILL_SERVERS,
        KILL_DATABASE, KILL_DATABASE, KILL_BACKEND, KILL_BACKEND, KILL_EVERYTHING,
    };
    struct blow blow = {.kind = kinds[dice_below(d, COUNT_OF(kinds))]};
    blow.delay_ms = (uint32_t)dice_below(d, DELAY_MAX_MS);
    blow.which = (uint32_t)dice_below(d, UINT32_MAX);
    return blow;
}
