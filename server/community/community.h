/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handlers of the community half, for the route table (server/routes.c). Contracts:
 * docs/protocol/community.md, 2. Each answers by call->reply; OK or ERR_RETRY (router/dispatch.h).
 * Any thread.
 */
#ifndef CONCLAVE_COMMUNITY_COMMUNITY_H
#define CONCLAVE_COMMUNITY_COMMUNITY_H

#include "router/call.h"

/* info.c */
MUST_USE enum err capabilities_get(struct call *call);

/* rooms.c */
MUST_USE enum err rooms_get_all(struct call *call);
MUST_USE enum err room_get(struct call *call);

/* room_update.c */
MUST_USE enum err room_put(struct call *call);

/* room_lifecycle.c */
MUST_USE enum err room_create(struct call *call);
MUST_USE enum err room_delete(struct call *call);

/* permissions.c, futures.c */
MUST_USE enum err permissions_get_all(struct call *call);
MUST_USE enum err permissions_get_one(struct call *call);
MUST_USE enum err permissions_post(struct call *call);
MUST_USE enum err futures_get_all(struct call *call);
MUST_USE enum err futures_get_one(struct call *call);
MUST_USE enum err futures_post(struct call *call);

/* pins.c */
MUST_USE enum err pin_add(struct call *call);
MUST_USE enum err pin_remove(struct call *call);
MUST_USE enum err pin_remove_all(struct call *call);

/* bans.c, roles.c */
MUST_USE enum err user_ban(struct call *call);
MUST_USE enum err user_unban(struct call *call);
MUST_USE enum err user_moderator(struct call *call);

/* polls.c */
MUST_USE enum err poll_info_get(struct call *call);

/* messages.c */
MUST_USE enum err messages_get_since(struct call *call);
MUST_USE enum err messages_get_recent(struct call *call);
MUST_USE enum err messages_get_before(struct call *call);
MUST_USE enum err message_get_one(struct call *call);

/* dms.c */
MUST_USE enum err inbox_get(struct call *call);
MUST_USE enum err inbox_get_since(struct call *call);
MUST_USE enum err outbox_get(struct call *call);
MUST_USE enum err outbox_get_since(struct call *call);
MUST_USE enum err dm_send(struct call *call);
MUST_USE enum err inbox_clear(struct call *call);

/* posts.c */
MUST_USE enum err message_post(struct call *call);

/* edits.c */
MUST_USE enum err message_edit(struct call *call);
MUST_USE enum err message_delete(struct call *call);

/* purges.c */
MUST_USE enum err messages_delete_all_in_room(struct call *call);
MUST_USE enum err messages_delete_all(struct call *call);

/* reactions.c */
MUST_USE enum err reaction_add(struct call *call);
MUST_USE enum err reaction_remove(struct call *call);
MUST_USE enum err reaction_clear(struct call *call);
MUST_USE enum err reactions_clear(struct call *call);
MUST_USE enum err reactors_get(struct call *call);

#endif
