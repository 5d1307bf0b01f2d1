/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages that the ops of a batch name: found before anything is decided, read again for
 * memory after all is written.
 */
#include <stdlib.h>

#include "writer/parts.h"

static bool is_asked(const struct write_batch_plan *plan)
{
    return plan->room && !plan->replayed;
}

/* Messages by id, and whose to delete. ERR_MISSING: none is named. */
static enum err list_wanted(const struct write_batch *b, struct targets_wanted *ret_wanted)
{
    int64_t *ids = ARENA_ARRAY(b->mem, b->count, int64_t);
    int64_t *edited = ARENA_ARRAY(b->mem, b->count, int64_t);
    struct author_posts *authors = ARENA_ARRAY(b->mem, b->count, struct author_posts);
    struct targets_wanted w = {
        .ids = ids, .edited = edited, .authors = authors, .limit = WRITE_SLICE_MAX};
    if (!ids || !edited || !authors)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < b->count; i++) {
        const struct write_op *op = b->ops[i];
        if (!is_asked(&b->plans[i]) || op->kind == WRITE_POST)
            continue;
        if (op->kind == WRITE_DELETE_ALL) {
            authors[w.author_count++] =
                (struct author_posts){op->room, b->plans[i].other->user, op->all.posted};
            continue;
        }
        ids[w.id_count++] = op->message;
        if (op->kind == WRITE_EDIT)
            edited[w.edited_count++] = op->message;
    }
    *ret_wanted = w;
    return w.id_count + w.author_count > 0 ? OK : ERR_MISSING;
}

static int compare_target(const void *key, const void *element)
{
    int64_t id = *(const int64_t *)key;
    int64_t other = ((const struct write_batch_target *)element)->before.id;
    return (id > other) - (id < other);
}

static struct write_batch_target *find(const struct write_batch *b, const struct write_op *op)
{
    struct write_batch_target *t =
        bsearch(&op->message, b->targets, b->target_count, sizeof(*b->targets), compare_target);
    /* Of another room: its lock is not ours, and its message is none of this room's. */
    return t && t->before.room == op->room ? t : NULL;
}

enum err write_batch_targets_learn(struct write_batch *b, struct db *db)
{
    struct targets_wanted wanted;
    struct message_target *found = NULL;
    enum err e = list_wanted(b, &wanted);
    if (e != OK)
        return e == ERR_MISSING ? OK : e;
    e = changing_targets(db, b->mem, &wanted, &found, &b->target_count);
    if (e != OK)
        return e;
    b->targets = ARENA_ARRAY(b->mem, b->target_count, struct write_batch_target);
    if (!b->targets)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < b->target_count; i++)
        b->targets[i].before = found[i];
    for (size_t i = 0; b->target_count > 0 && i < b->count; i++)
        if (is_asked(&b->plans[i]) && b->ops[i]->kind != WRITE_POST &&
            b->ops[i]->kind != WRITE_DELETE_ALL)
            b->plans[i].target = find(b, b->ops[i]);
    return OK;
}

enum err write_batch_targets_read_back(struct write_batch *b, struct db *db)
{
    int64_t *ids = ARENA_ARRAY(b->mem, b->target_count, int64_t);
    if (!ids)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < b->target_count; i++) {
        const struct write_batch_target *t = &b->targets[i];
        if (t->before.state == MESSAGE_VISIBLE && (t->data_changed || t->reactions_changed))
            ids[count++] = t->before.id;
    }
    if (count == 0)
        return OK;
    enum err e = messages_by_ids(db, b->ring, b->mem, ids, count, &b->changed);
    if (e == OK)
        b->changed_count = count;
    return e;
}
