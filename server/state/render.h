/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message objects of docs/protocol/community.md, 2.4. What is the same for every reader is written
 * once per message (the fragment); what depends on the reader or on the page (seqno, reactions) is
 * written per row. Pure: no locks, no SQL.
 */
#ifndef CONCLAVE_STATE_RENDER_H
#define CONCLAVE_STATE_RENDER_H

#include "base/buf.h"
#include "state/state.h"
#include "store/messages.h"

/* The highest number of the message: what PySOGS calls its seqno. */
static inline int64_t render_seqno(const struct message_row *row)
{
    return row->seqno_reactions > row->seqno_data ? row->seqno_reactions : row->seqno_data;
}

/* The whisper rule of docs/protocol/community.md, 3.4; holds for tombstones too. */
bool render_sees(const struct message_row *row, const struct reader_view *view);

/*
 * Whether `you` can be told from the people kept with the row's reactions (rows from memory keep
 * some of them only). Rows that were read for this reader always can.
 */
bool render_knows_you(const struct message_row *row, const struct reader_view *view);

/*
 * Appends the caller-independent members, each with a comma before it; and no less than what that
 * takes.
 */
void render_fragment(const struct message_row *row, struct buf *out);
size_t render_fragment_size(const struct message_row *row);
/* No less than what either of the two below will append for this reader. */
size_t render_size(const struct message_row *row, const struct reader_view *view);
/*
 * Appends a whole row: with the fragment when there is one, else (p == NULL) it is written from
 * row. A comma comes first when it follows another element.
 */
void render_full(const struct message_row *row, struct span fragment, int64_t seqno,
                 const struct reader_view *view, struct buf *out);
/* The row of exactly three keys that tells only of reactions. */
void render_reactions_only(const struct message_row *row, int64_t seqno,
                           const struct reader_view *view, struct buf *out);

#endif
