/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New messages of a batch, and the files that posts and edits take along.
 */
#include "base/clock.h"
#include "conf/conf.h"
#include "store/attachments.h"
#include "store/files.h"
#include "store/trusted_time.h"
#include "work/timestamps.h"
#include "writer/parts.h"

/* The rules of docs/protocol/community.md, 3.8 and 3.10 for one post. */
static enum write_result judge(const struct write_batch *b, const struct write_batch_plan *plan,
                               const struct write_op *op)
{
    const struct author_facts *f = plan->facts;
    int64_t limit = b->conf->rooms.post_limit.count;
    /*
     * Edits have no limit of their own: without this one they could make the server talk without
     * end.
     */
    if (op->by_server && op->after && op->after->kind == WRITE_EDIT && limit > 0 &&
        f->recent_posts >= limit)
        return WRITE_RATE_LIMITED;
    if (op->by_server)
        return WRITE_DONE;
    enum write_result may = write_batch_may(plan, WRITE_BATCH_WRITES);
    if (may != WRITE_DONE)
        return may;
    if (op->post.whisper && write_batch_may(plan, WRITE_BATCH_MODERATES) != WRITE_DONE)
        return WRITE_DENIED;
    return limit > 0 && !f->admin && f->recent_posts >= limit ? WRITE_RATE_LIMITED : WRITE_DONE;
}

/* The row as memory and the reply will show it. */
static void fill_posted(struct write_op *op, int64_t seqno, double posted)
{
    op->filtered = op->post.state == MESSAGE_FILTERED;
    op->posted = (struct message_row){.room = op->room,
                                      .author = op->author,
                                      .posted = posted,
                                      .seqno_creation = seqno,
                                      .seqno_data = seqno,
                                      .whisper = op->post.whisper,
                                      .whisper_mods = op->post.whisper_mods,
                                      .has_whisper_to = op->post.has_whisper_to,
                                      .whisper_to = op->post.whisper_to,
                                      .data = op->post.data,
                                      .signature = op->post.signature};
}

enum err write_batch_post_decide(struct write_batch *b, struct db *db,
                                 struct write_batch_plan *plan, struct write_op *op)
{
    op->result = judge(b, plan, op);
    if (op->result != WRITE_DONE)
        return OK;
    if (!b->inserts)
        b->inserts = ARENA_ARRAY(b->mem, b->count, struct message_insert);
    if (!b->inserts)
        return ERR_NO_MEMORY;
    int64_t *posted_ms = &b->posted_ms[plan->room - b->rooms];
    enum err e = timestamps_draw(b->timestamps, *posted_ms, b->now_ms, posted_ms);
    if (e == ERR_TOO_EARLY)
        op->put_off = true;
    if (e != OK)
        return e == ERR_TOO_EARLY ? OK : e;
    struct author_facts *facts = plan->facts;
    struct message_insert *row = &b->inserts[b->insert_count++];
    int64_t seqno = write_batch_draw(b, plan->room);
    facts->recent_posts++;
    fill_posted(op, seqno, (double)*posted_ms / SECOND_MS);
    *row = (struct message_insert){.room = op->room,
                                   .user = facts->user,
                                   .seqno = seqno,
                                   .posted = op->posted.posted,
                                   .state = op->post.state,
                                   .whisper_mods = op->post.whisper_mods,
                                   .whisper_to = plan->other ? plan->other->user : 0};
    struct message_facts of = {.room = op->room,
                               .seqno_creation = seqno,
                               .seqno_data = seqno,
                               .state = op->post.state,
                               .posted = op->posted.posted,
                               .author = &op->author,
                               .whisper_to = row->whisper_to > 0 ? &op->post.whisper_to : NULL,
                               .whisper_mods = op->post.whisper_mods};
    struct write_batch_sealed sealed;
    enum err done = write_batch_seal(b, db, &op->post, &of, &sealed);
    if (done != OK)
        return done;
    row->key_id = sealed.key_id;
    row->sealed = sealed.body;
    row->mac = sealed.mac;
    return OK;
}

enum err write_batch_posts_write(struct write_batch *b, struct db *db)
{
    int64_t *ids = NULL;
    if (b->insert_count == 0)
        return OK;
    enum err e = posting_insert(db, b->mem, b->inserts, b->insert_count, &ids);
    for (size_t i = 0, row = 0; e == OK && i < b->count; i++)
        if (write_batch_adds(b->ops[i]))
            b->ops[i]->posted.id = ids[row++];
    return e;
}

/* ---- files ---- */

static bool brings_files(const struct write_op *op)
{
    return write_batch_adds(op) || (op->kind == WRITE_EDIT && op->result == WRITE_DONE);
}

enum err write_batch_files_write(struct write_batch *b, struct db *db)
{
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++)
        count += brings_files(b->ops[i]) ? b->ops[i]->post.file_count : 0;
    if (count == 0)
        return OK;
    struct attachment *items = ARENA_ARRAY(b->mem, count, struct attachment);
    if (!items)
        return ERR_NO_MEMORY;
    count = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct write_op *op = b->ops[i];
        int64_t message = op->kind == WRITE_POST ? op->posted.id : op->message;
        for (size_t f = 0; brings_files(op) && f < op->post.file_count; f++)
            items[count++] = (struct attachment){.room = op->room,
                                                 .message = message,
                                                 .user = b->plans[i].facts->user,
                                                 .file = op->post.files[f]};
    }
    /*
     * Not by the clock of this process alone: what another one uploaded must neither be missed nor
     * end early.
     */
    int64_t now_ms = 0, ttl_ms = b->conf->files.room_ttl_ms;
    enum err e = clock_shared(db, b->now_ms, &now_ms);
    if (e != OK)
        return e;
    double expiry = ttl_ms > 0 ? (double)(now_ms + ttl_ms) / SECOND_MS : FILE_NEVER;
    return attachments_adopt(db, b->mem, items, count, (double)now_ms / SECOND_MS, expiry);
}
