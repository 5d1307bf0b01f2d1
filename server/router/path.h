/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns of routes against decoded paths (docs/protocol/community.md, 1.5):
 * "/room/{room}/message/{number}". {room}    1-64 of [A-Za-z0-9_-]          {number}  decimal
 * digits {user}    05 or 15 and 64 hex digits     {text}    one segment that is not empty {rest}
 * everything to the end, may contain '/', does not start with it; only as the last segment
 * Stateless; any thread.
 */
#ifndef CONCLAVE_ROUTER_PATH_H
#define CONCLAVE_ROUTER_PATH_H

#include "router/call.h"

/*
 * True if path fits; then *ret_params holds the values, with spans into path. Else it is untouched.
 */
MUST_USE bool path_match(const char *pattern, struct span path, struct params *ret_params);
/*
 * Starts with '/', no empty segment, known placeholders, each destination once, {rest} last? For
 * the check at start.
 */
MUST_USE bool path_pattern_ok(const char *pattern);
/* 1 to 64 of [A-Za-z0-9_-]. */
bool path_is_room_token(struct span s);
/* Does the pattern name a room? */
bool path_has_room(const char *pattern);

#endif
