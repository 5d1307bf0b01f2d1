/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much of the processor strangers have had (docs/design.md, D14). Whoever works says how long
 * and for whom; when the threads are busy, strangers may have [limits] strangers_share of each
 * short window, and what is beyond has to wait for the next.
 */
#ifndef CONCLAVE_WORK_SHARES_H
#define CONCLAVE_WORK_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct shares;

enum { SHARES_WINDOW_US = 100000 };

/*
 * processors: how many threads can really run at once. percent 100: strangers are never held back.
 */
MUST_USE enum err shares_new(unsigned percent, unsigned processors, struct shares **ret_shares);
void shares_free(struct shares *s);
/* Any thread; one short lock. now_us: monotonic. */
void shares_charge(struct shares *s, bool stranger, int64_t spent_us, int64_t now_us);
/* True: there is contention, and strangers have had their share of this window. */
bool shares_spent(struct shares *s, int64_t now_us);

#endif
