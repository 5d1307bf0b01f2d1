/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The right to decide about rooms and people, confirmed in the database: the dispatcher has asked
 * memory, which may be a second old, and what is written must not rest on a right that was taken
 * away meanwhile.
 */
#ifndef CONCLAVE_COMMUNITY_AUTHORITY_H
#define CONCLAVE_COMMUNITY_AUTHORITY_H

#include "router/call.h"
#include "store/standing.h"

enum authority { AS_MODERATOR, AS_ADMIN };

/*
 * Inside a transaction: locks the rooms and reads what the caller is in each. ERR_DENIED: lacks the
 * role in one of them. ERR_MISSING: a room is gone. ret_standing (in call->mem, in the reach's
 * order) may be NULL.
 */
MUST_USE enum err authority_confirm(struct call *call, struct db *db, const struct reach *reach,
                                    enum authority needed, struct standing **ret_standing);
/* The same in call->room alone; for handlers of one room. */
MUST_USE enum err authority_confirm_here(struct call *call, struct db *db, enum authority needed);

/*
 * After the commit of a change of rooms or rights: this process shows it from now on, and the
 * others are told. When that fails they find out by themselves within a second.
 */
void authority_used(struct call *call);

/*
 * Before a change that touches so many rooms, by a caller who may as far as memory knows: counts it
 * on the caller's limit and claims the nonce. False: the refusal is written, the handler returns
 * OK.
 */
MUST_USE bool authority_begins(struct call *call, size_t rooms);

#endif
