/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The person that an id in a path means (protocol 02, 3.9): an 05 id is known here by one of its two blinded forms. For
 * the files of this folder only.
 */
#ifndef CONCLAVE_COMMUNITY_PEOPLE_H
#define CONCLAVE_COMMUNITY_PEOPLE_H

#include "router/call.h"

/* ERR_MISSING: nobody of that id was ever seen or named. Uses call->db. */
MUST_USE enum err person_find(struct call *call, const struct session_id *given, int64_t *ret_user,
                              struct session_id *ret_session);

#endif
