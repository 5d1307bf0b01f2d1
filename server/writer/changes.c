/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Edits and deletions of a batch (docs/protocol/community.md, 2.6-2.8 and 3.4).
 */
#include "base/unpad.h"
#include "store/attachments.h"
#include "writer/parts.h"

static bool is_own(const struct write_batch_plan *plan)
{
    return plan->target->before.author == plan->facts->user;
}

static int64_t seqno_of(const struct write_batch_target *t)
{
    int64_t data = t->before.seqno_data, reactions = t->before.seqno_reactions;
    return reactions > data ? reactions : data;
}

/* ---- edits ---- */

/* Nobody but the author edits, not even an admin. */
static enum write_result judge_edit(const struct write_batch_plan *plan)
{
    enum write_result may = write_batch_may(plan, WRITE_BATCH_WRITES);
    if (may != WRITE_DONE)
        return may;
    if (!plan->target || plan->target->before.deleted)
        return WRITE_MISSING;
    return is_own(plan) ? WRITE_DONE : WRITE_DENIED;
}

static struct message_facts facts_of(const struct message_target *t, const struct write_op *op)
{
    return (struct message_facts){.room = t->room,
                                  .seqno_creation = t->seqno_creation,
                                  .seqno_data = t->seqno_data,
                                  .state = t->state,
                                  .posted = t->posted,
                                  .edited = t->edited,
                                  .author = &op->author, /* it is his own */
                                  .whisper_to = t->has_whisper_to ? &t->whisper_to : NULL,
                                  .whisper_mods = t->whisper_mods,
                                  .sealed = span_of_bytes(t->sealed)};
}

/*
 * The text as it stands before this edit. ERR_SEALED, ERR_MISSING: it does not open any more; with
 * *ret_foreign it is not what was written either, and no new MAC may say that it is.
 */
static enum err open_target(struct write_batch *b, struct db *db, const struct write_op *op,
                            struct write_batch_target *t, bool *ret_foreign)
{
    struct aead_key key;
    struct span signature;
    *ret_foreign = false;
    if (t->data.p)
        return OK;
    const struct message_facts facts = facts_of(&t->before, op);
    enum err e = ring_key_for(b->ring, db, RING_MESSAGES, t->before.room, t->before.key_id, &key);
    if (e == OK)
        e = message_mac_check(b->ring, &key, &facts, t->before.mac);
    *ret_foreign = damage_is(e) && (t->before.mac.p != NULL || ring_macs_required(b->ring));
    if (e == OK)
        e = message_open(&key, t->before.room, t->before.seqno_creation, t->before.sealed,
                         &signature, &t->data);
    crypto_wipe(&key, sizeof(key));
    return e;
}

enum err write_batch_edit_decide(struct write_batch *b, struct db *db,
                                 struct write_batch_plan *plan, struct write_op *op)
{
    struct write_batch_target *t = plan->target;
    op->result = judge_edit(plan);
    if (op->result != WRITE_DONE)
        return OK;
    op->answer.seqno = seqno_of(t);
    if (op->post.state != MESSAGE_VISIBLE) /* swallowed by a filter: it looks done */
        return OK;
    bool foreign = false;
    enum err e = open_target(b, db, op, t, &foreign);
    if (e != OK && !damage_is(e))
        return e;
    if (foreign)
        op->result = WRITE_MISSING;
    if (foreign)
        return OK;
    /*
     * The same text in another padding: nothing happened, and the old signature goes with the old
     * bytes.
     */
    if (e == OK && span_eq(unpad_data(t->data), unpad_data(op->post.data)))
        return OK;
    t->before.seqno_data = write_batch_draw(b, plan->room);
    t->before.edited = write_batch_now(b);
    struct message_facts facts = facts_of(&t->before, op);
    struct write_batch_sealed sealed;
    e = write_batch_seal(b, db, &op->post, &facts, &sealed);
    if (e != OK)
        return e;
    t->key_id = sealed.key_id;
    t->sealed = sealed.body;
    t->mac = sealed.mac;
    t->data = op->post.data;
    t->data_changed = true;
    op->answer.seqno = seqno_of(t);
    op->answer.count = 1;
    return OK;
}

/* ---- deletions ---- */

/* One number for the deletion, then one for each user reaction that goes with it. */
static void drop(struct write_batch *b, const struct write_batch_plan *plan,
                 struct write_batch_target *t)
{
    t->before.seqno_data = write_batch_draw(b, plan->room);
    t->before.deleted = true;
    t->data_changed = t->deleted_here = true;
    t->sealed = (struct span){NULL, 0};
    t->key_id = t->before.key_id;
    for (int64_t left = write_batch_reactions_drop(t); left > 0; left--)
        t->before.seqno_reactions = write_batch_draw(b, plan->room);
}

void write_batch_delete_decide(struct write_batch *b, struct write_batch_plan *plan,
                               struct write_op *op)
{
    op->result = write_batch_may(plan, WRITE_BATCH_WRITES);
    if (op->result != WRITE_DONE)
        return;
    if (!plan->target || plan->target->before.deleted)
        op->result = WRITE_MISSING;
    else if (!is_own(plan))
        op->result = write_batch_may(plan, WRITE_BATCH_MODERATES);
    if (op->result != WRITE_DONE)
        return;
    drop(b, plan, plan->target);
    op->answer.seqno = seqno_of(plan->target);
    op->answer.count = 1;
}

/* One's own, or a moderator's; what an admin posted only another admin's. */
static enum write_result judge_all(const struct write_batch_plan *plan)
{
    if (plan->facts->user == plan->other->user)
        return write_batch_may(plan, WRITE_BATCH_IS_THERE);
    enum write_result may = write_batch_may(plan, WRITE_BATCH_MODERATES);
    return may == WRITE_DONE && plan->other->admin && !plan->facts->admin ? WRITE_DENIED : may;
}

void write_batch_delete_all_decide(struct write_batch *b, struct write_batch_plan *plan,
                                   struct write_op *op)
{
    op->result = judge_all(plan);
    if (op->result != WRITE_DONE)
        return;
    for (size_t i = 0; i < b->target_count; i++) {
        struct write_batch_target *t = &b->targets[i];
        if (t->before.room != op->room || t->before.author != plan->other->user ||
            t->before.deleted)
            continue;
        drop(b, plan, t);
        op->answer.count++;
        op->answer.seqno = seqno_of(t);
        if (t->before.posted > op->answer.posted)
            op->answer.posted = t->before.posted;
    }
}

/* ---- writing ---- */

/*
 * What one uploaded to the room goes with all that one posted, attached or not; once, with the
 * first slice.
 */
static enum err expire_uploads(struct write_batch *b, struct db *db)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < b->count; i++) {
        const struct write_op *op = b->ops[i];
        if (op->kind == WRITE_DELETE_ALL && op->result == WRITE_DONE && op->all.posted <= 0)
            e = attachments_expire_uploader(db, op->room, b->plans[i].other->user);
    }
    return e;
}

static enum err write_deletions(struct write_batch *b, struct db *db, const int64_t *ids,
                                size_t count)
{
    int64_t *rooms = NULL;
    size_t unpinned = 0;
    enum err e = changing_unpin(db, b->mem, ids, count, &rooms, &unpinned);
    for (size_t i = 0; e == OK && i < unpinned; i++)
        for (size_t r = 0; r < b->room_count; r++)
            b->unpinned[r] += b->rooms[r].room == rooms[i];
    return e == OK ? attachments_expire_messages(db, ids, count) : e;
}

static struct span mac_of_target(const struct write_batch_target *t)
{
    return t->sealed.p != NULL ? SPAN_OF_KEY(&t->mac) : (struct span){NULL, 0};
}

enum err write_batch_changes_write(struct write_batch *b, struct db *db)
{
    struct message_change *changes = ARENA_ARRAY(b->mem, b->target_count, struct message_change);
    int64_t *deleted = ARENA_ARRAY(b->mem, b->target_count, int64_t);
    if (!changes || !deleted)
        return ERR_NO_MEMORY;
    size_t count = 0, deleted_count = 0;
    for (size_t i = 0; i < b->target_count; i++) {
        const struct write_batch_target *t = &b->targets[i];
        if (!t->data_changed)
            continue;
        changes[count++] = (struct message_change){.id = t->before.id,
                                                   .edited = write_batch_now(b),
                                                   .seqno_data = t->before.seqno_data,
                                                   .key_id = t->key_id,
                                                   .sealed = t->sealed,
                                                   .mac = mac_of_target(t)};
        if (t->deleted_here)
            deleted[deleted_count++] = t->before.id;
    }
    enum err e = count > 0 ? changing_write(db, b->mem, changes, count) : OK;
    if (e == OK && deleted_count > 0)
        e = write_deletions(b, db, deleted, deleted_count);
    return e == OK ? expire_uploads(b, db) : e;
}
