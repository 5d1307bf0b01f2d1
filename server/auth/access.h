/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a caller may use a route, from who it is and what it may in the room
 * (docs/protocol/community.md, 2.0 and 3.8; docs/design.md, D11). Pure: finding the room and the
 * rights is auth.c's.
 */
#ifndef CONCLAVE_AUTH_ACCESS_H
#define CONCLAVE_AUTH_ACCESS_H

#include "router/dispatch.h"

/* rights: NULL for a route without a room. False: the refusal is written to reply. Any thread. */
MUST_USE bool access_check(enum access access, const struct identity *who,
                           const struct rights *rights, struct reply *reply);

#endif
