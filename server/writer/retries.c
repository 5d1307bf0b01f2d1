/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Posts that were done before: a phone that got no answer posts the same bytes under a new nonce.
 * The first one may stand in the database, or in this very batch. Only what became a message is
 * remembered.
 */
#include "writer/parts.h"

enum err write_batch_retries_learn(struct write_batch *b, struct db *db)
{
    struct fingerprint *digests = ARENA_ARRAY(b->mem, b->count, struct fingerprint);
    size_t *owners = ARENA_ARRAY(b->mem, b->count, size_t);
    if (!digests || !owners)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (!b->ops[i]->has_digest || b->plans[i].replayed)
            continue;
        digests[count] = b->ops[i]->digest;
        owners[count++] = i;
    }
    if (count == 0)
        return OK;
    struct retry_found *found = NULL;
    size_t found_count = 0;
    enum err e = retries_find(db, b->mem, digests, count, b->now_ms, &found, &found_count);
    for (size_t i = 0; e == OK && i < found_count; i++)
        if (found[i].place < count)
            b->plans[owners[found[i].place]].found = &found[i];
    return e;
}

static bool same_post(const struct write_op *a, const struct write_op *b)
{
    return a->has_digest && memcmp(a->digest.b, b->digest.b, sizeof(a->digest.b)) == 0;
}

/* The op of this batch that has been accepted already and is the same post, or NULL. */
static const struct write_op *first_of(const struct write_batch *b, const struct write_op *op)
{
    for (size_t i = 0; i < b->count && b->ops[i] != op; i++)
        if (write_batch_adds(b->ops[i]) && !b->ops[i]->put_off && same_post(b->ops[i], op))
            return b->ops[i];
    return NULL;
}

/* The row as the first one was answered. */
static void fill_found(struct write_op *op, const struct retry_found *found)
{
    op->filtered = found->state == MESSAGE_FILTERED;
    op->posted = (struct message_row){.id = found->id,
                                      .room = op->room,
                                      .author = op->author,
                                      .posted = found->posted,
                                      .seqno_creation = found->seqno_creation,
                                      .seqno_data = found->seqno_creation,
                                      .whisper = found->has_whisper_to || found->whisper_mods,
                                      .whisper_mods = found->whisper_mods,
                                      .has_whisper_to = found->has_whisper_to,
                                      .whisper_to = found->whisper_to,
                                      .data = op->post.data,
                                      .signature = op->post.signature};
}

bool write_batch_repeats(struct write_batch *b, struct write_batch_plan *plan, struct write_op *op)
{
    if (!op->has_digest)
        return false;
    if (plan->found)
        fill_found(op, plan->found);
    else
        plan->first = first_of(b, op);
    op->repeats = plan->found || plan->first;
    if (op->repeats)
        op->result = WRITE_DONE;
    return op->repeats;
}

enum err write_batch_retries_write(struct write_batch *b, struct db *db)
{
    struct fingerprint *digests = ARENA_ARRAY(b->mem, b->count, struct fingerprint);
    int64_t *messages = ARENA_ARRAY(b->mem, b->count, int64_t);
    if (!digests || !messages)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct write_op *op = b->ops[i];
        const struct write_op *first = b->plans[i].first;
        if (first) { /* it has its id by now */
            struct message_row same = first->posted;
            same.data = op->post.data;
            same.signature = op->post.signature;
            op->posted = same;
            op->filtered = first->filtered;
        } else if (write_batch_adds(op) && op->has_digest) {
            digests[count] = op->digest;
            messages[count++] = op->posted.id;
        }
    }
    return count == 0 ? OK : retries_keep(db, b->mem, digests, messages, count, b->now_ms);
}
