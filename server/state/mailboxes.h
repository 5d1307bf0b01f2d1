/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For people who poll: the newest direct message in their inbox and outbox, so that "anything new?"
 * needs no SQL. Holds numbers only, never a message. Bounded: the person unused for longest in a
 * set makes room for another. A data structure with a lock of its own; the SQL around it is in
 * dms.c. Why it is right: docs/decisions/0003-direct-messages-in-memory.md
 *
 * Everything up to `complete_to` has been noted. Notes only raise numbers, so they may come in any
 * order and twice. A person is learnt in two steps: begin (from here on notes count), read the
 * database, finish.
 */
#ifndef CONCLAVE_STATE_MAILBOXES_H
#define CONCLAVE_STATE_MAILBOXES_H

#include <stdbool.h>

#include "crypto/keys.h"
#include "store/dms.h"

struct mailboxes;

/* capacity: people, a power of two. */
MUST_USE enum err mailboxes_new(size_t capacity, struct mailboxes **ret_mailboxes);
void mailboxes_free(struct mailboxes *m);

/* True only when it is sure that the box holds nothing above since. */
bool mailboxes_nothing_after(struct mailboxes *m, const struct session_id *id, enum dm_box box,
                             int64_t since);

/* What begin hands to finish. */
struct mailbox_mark {
    int64_t complete_to;
    uint64_t epoch;
};
/* Makes the person unknown until finish; what is noted meanwhile is kept. */
struct mailbox_mark mailboxes_begin(struct mailboxes *m, const struct session_id *id);
/* newest: as the database had it after begin. Does nothing when the place was lost in between. */
void mailboxes_finish(struct mailboxes *m, const struct session_id *id, struct mailbox_mark mark,
                      const int64_t newest[static DM_BOXES]);

/* A message is there. Its number moves complete_to only when it is the next one. */
void mailboxes_note(struct mailboxes *m, int64_t dm, const struct session_id *sender,
                    const struct session_id *recipient);
/* -1: nothing is known yet. */
int64_t mailboxes_complete_to(struct mailboxes *m);
/* Everything up to here has been noted. */
void mailboxes_complete(struct mailboxes *m, int64_t to);
/* Forgets everybody; what follows counts from here. */
void mailboxes_forget(struct mailboxes *m, int64_t complete_to);

#endif
