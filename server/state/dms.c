/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages in memory: who has none that is new, learnt from the database once per person and
 * kept true by notes.
 */
#include "state/picture.h"
#include "store/dms.h"

enum {
    CATCH_UP_MAX = 4096
}; /* further behind: forgetting everybody costs less than reading it all */

bool state_dms_nothing_after(struct state *state, const struct session_id *id, enum dm_box box,
                             int64_t since)
{
    return mailboxes_nothing_after(state->mailboxes, id, box, since);
}

enum err state_dms_learn(struct state *state, struct db *db, const struct session_id *id)
{
    int64_t newest[DM_BOXES];
    struct mailbox_mark mark = mailboxes_begin(state->mailboxes, id);
    enum err e = dms_newest(db, id, newest);
    if (e == OK)
        mailboxes_finish(state->mailboxes, id, mark, newest);
    return e;
}

void state_dms_sent(struct state *state, int64_t dm, const struct session_id *sender,
                    const struct session_id *recipient)
{
    mailboxes_note(state->mailboxes, dm, sender, recipient);
}

enum err dms_refresh(struct state *state, struct db *db, struct arena *mem, int64_t before,
                     int64_t newest)
{
    struct mailboxes *m = state->mailboxes;
    if (before == newest)
        return OK;
    if (before < 0 || newest < before || newest - before > CATCH_UP_MAX) {
        mailboxes_forget(m, newest);
        return OK;
    }
    struct dm_row *rows = NULL;
    size_t count = 0;
    enum err e = dms_after(db, mem, before, CATCH_UP_MAX, &rows, &count);
    if (e != OK)
        return e;
    for (size_t i = 0; i < count; i++)
        mailboxes_note(m, rows[i].id, &rows[i].sender, &rows[i].recipient);
    /*
     * Cut off: the rest comes with the next comparison. Otherwise all that the version counted has
     * been read.
     */
    bool cut = count == CATCH_UP_MAX;
    mailboxes_complete(m, cut ? rows[count - 1].id : newest);
    return OK;
}
