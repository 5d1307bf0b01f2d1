/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which filter a text runs into, if any (docs/protocol/community.md, 4.5). Pure; any thread.
 */
#ifndef CONCLAVE_COMMUNITY_FILTER_H
#define CONCLAVE_COMMUNITY_FILTER_H

#include "community/post_text.h"
#include "conf/words.h"
#include "state/filters.h"

/* FILTER_ANY: none, it may pass. Else one of FILTER_PERSIAN, _ARABIC, _CYRILLIC, _PROFANITY. */
enum filter_type filter_judge(const struct filters *filters, const struct words *words,
                              const struct post_text *text);
/* Whether a hit of this type is swallowed, not refused. */
bool filter_is_silent(const struct filters *filters, enum filter_type hit);

#endif
