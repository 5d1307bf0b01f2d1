/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Yes, no, or nothing said, as JSON has it: true, false, or no such key (null counts as none).
 */
#ifndef CONCLAVE_COMMUNITY_TRISTATE_H
#define CONCLAVE_COMMUNITY_TRISTATE_H

#include "router/json_in.h"
#include "router/json_out.h"
#include "store/store.h"

static inline enum tristate tristate_read(struct json_in *in, const char *key)
{
    if (!json_has(in, key))
        return TRI_NULL;
    return json_bool(in, key) ? TRI_YES : TRI_NO;
}

/* Nothing for TRI_NULL. */
static inline void tristate_put(struct buf *out, const char *key, enum tristate value)
{
    if (value == TRI_NULL)
        return;
    json_out_key(out, key);
    json_out_bool(out, value == TRI_YES);
}

#endif
