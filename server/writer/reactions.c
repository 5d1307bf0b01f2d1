/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reactions of a batch (docs/protocol/community.md, 2.10 and 3.5). Several ops may touch one
 * message, so its reactions are taken into memory, and each op changes them there. Writing the
 * difference is in write_batch_difference.c.
 */
#include "writer/parts.h"

#include <stdlib.h>

/* ---- learning ---- */

static struct write_batch_use *add_use(struct write_batch *b, struct write_batch_reaction *r,
                                       int64_t user)
{
    struct write_batch_use *use = ARENA_NEW(b->mem, struct write_batch_use);
    if (!use)
        return NULL;
    use->user = user;
    use->next = r->uses;
    r->uses = use;
    return use;
}

/*
 * At the end, the order of first use: end is that of the list, or a place in it from where to look
 * for it.
 */
static struct write_batch_reaction *
add_reaction(struct write_batch *b, struct write_batch_reaction **end, struct span text)
{
    struct write_batch_reaction *r = ARENA_NEW(b->mem, struct write_batch_reaction);
    if (!r)
        return NULL;
    r->text = text;
    while (*end)
        end = &(*end)->next;
    *end = r;
    return r;
}

static struct write_batch_target *target_of(struct write_batch *b, int64_t message)
{
    for (size_t i = 0; i < b->target_count; i++)
        if (b->targets[i].before.id == message)
            return &b->targets[i];
    return NULL;
}

/*
 * The messages that are reacted to, each once, with their rooms; and who asks for what, for
 * reactions_held.
 */
struct reacted {
    int64_t *messages, *rooms;
    size_t count;
    int64_t *asked, *users;
    size_t asked_count;
};

static bool list_reacted(const struct write_batch *b, struct reacted *r)
{
    *r = (struct reacted){.messages = ARENA_ARRAY(b->mem, b->count, int64_t),
                          .rooms = ARENA_ARRAY(b->mem, b->count, int64_t),
                          .asked = ARENA_ARRAY(b->mem, b->count, int64_t),
                          .users = ARENA_ARRAY(b->mem, b->count, int64_t)};
    if (!r->messages || !r->rooms || !r->asked || !r->users)
        return false;
    for (size_t i = 0; i < b->count; i++) {
        const struct write_batch_target *t = b->plans[i].target;
        if (!t || !write_batch_is_reaction(b->ops[i]->kind))
            continue;
        r->asked[r->asked_count] = t->before.id;
        r->users[r->asked_count++] = b->plans[i].facts->user;
        bool known = false;
        for (size_t j = 0; j < r->count && !known; j++)
            known = r->messages[j] == t->before.id;
        if (known)
            continue;
        r->messages[r->count] = t->before.id;
        r->rooms[r->count++] = t->before.room;
    }
    return true;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = (*(struct write_batch_reaction *const *)a)->id;
    int64_t y = (*(struct write_batch_reaction *const *)b)->id;
    return (x > y) - (x < y);
}

/* In ascending order of id. */
static struct write_batch_reaction *reaction_of(struct write_batch_reaction *const *reactions,
                                                size_t count, int64_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (reactions[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && reactions[low]->id == id ? reactions[low] : NULL;
}

/*
 * A batch may touch hundreds of messages with dozens of reactions each: reactions is sorted here,
 * not searched through.
 */
static enum err learn_held(struct write_batch *b, struct db *db, const struct reacted *r,
                           struct write_batch_reaction **reactions, size_t count)
{
    struct user_reaction *held = NULL;
    size_t held_count = 0;
    enum err e = reactions_held(db, b->mem, r->asked, r->users, r->asked_count, &held, &held_count);
    if (e == OK && count > 0)
        qsort(reactions, count, sizeof(struct write_batch_reaction *), by_id);
    for (size_t i = 0; e == OK && i < held_count; i++) {
        struct write_batch_reaction *of = reaction_of(reactions, count, held[i].reaction);
        if (!of) /* a row that does not open */
            continue;
        struct write_batch_use *use = add_use(b, of, held[i].user);
        if (!use)
            return ERR_NO_MEMORY;
        use->held_before = use->held = true;
    }
    return e;
}

static enum err learn_reactions(struct write_batch *b, struct db *db, const struct reacted *r)
{
    struct reaction_target *found = NULL;
    struct write_batch_target *t = NULL;
    struct write_batch_reaction **end = NULL;
    size_t count = 0;
    enum err e =
        reactions_targets(db, b->ring, b->mem, r->messages, r->rooms, r->count, &found, &count);
    struct write_batch_reaction **reactions =
        e == OK ? ARENA_ARRAY(b->mem, count, struct write_batch_reaction *) : NULL;
    if (e == OK && !reactions)
        e = ERR_NO_MEMORY;
    for (size_t i = 0; e == OK && i < count; i++) {
        if (!t || t->before.id != found[i].message) { /* they come by message */
            t = target_of(b, found[i].message);
            end = t ? &t->reactions : NULL;
        }
        reactions[i] = t ? add_reaction(b, end, found[i].text) : NULL;
        if (!reactions[i])
            return ERR_NO_MEMORY;
        end = &reactions[i]->next;
        reactions[i]->id = found[i].id;
        reactions[i]->users = found[i].users;
    }
    return e == OK ? learn_held(b, db, r, reactions, count) : e;
}

enum err write_batch_reactions_learn(struct write_batch *b, struct db *db)
{
    int64_t *ids = ARENA_ARRAY(b->mem, b->target_count, int64_t);
    int64_t *totals = NULL;
    size_t count = 0;
    if (!ids)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < b->target_count; i++)
        if (b->targets[i].before.seqno_reactions > 0 && !b->targets[i].before.deleted)
            ids[count++] = b->targets[i].before.id;
    struct reacted reacted;
    if (!list_reacted(b, &reacted))
        return ERR_NO_MEMORY;
    enum err e = count > 0 ? reactions_totals(db, b->mem, ids, count, &totals) : OK;
    for (size_t i = 0, n = 0; e == OK && n < count; i++)
        if (b->targets[i].before.id == ids[n])
            b->targets[i].total = totals[n++];
    return e == OK && count > 0 && reacted.count > 0 ? learn_reactions(b, db, &reacted) : e;
}

/* ---- deciding ---- */

static struct write_batch_reaction *find_text(struct write_batch_reaction *list, struct span text)
{
    while (list && !span_eq(list->text, text))
        list = list->next;
    return list;
}

static struct write_batch_use *find_use(struct write_batch_reaction *r, int64_t user)
{
    struct write_batch_use *use = r->uses;
    while (use && use->user != user)
        use = use->next;
    return use;
}

static void draw(struct write_batch *b, const struct write_batch_plan *plan, struct write_op *op)
{
    plan->target->before.seqno_reactions = write_batch_draw(b, plan->room);
    plan->target->reactions_changed = true;
    op->answer.count++;
}

/* Nobody has it any more. */
static enum err remove_reaction(struct write_batch *b, struct write_batch_target *t,
                                struct write_batch_reaction *r)
{
    struct write_batch_reaction **at = &t->reactions;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    if (r->id == 0)
        return OK;
    if (!b->removed_reactions) /* each op removes at most one */
        b->removed_reactions = ARENA_ARRAY(b->mem, b->count, int64_t);
    if (!b->removed_reactions)
        return ERR_NO_MEMORY;
    b->removed_reactions[b->removed_count++] = r->id;
    return OK;
}

static size_t length(const struct write_batch_reaction *list)
{
    size_t n = 0;
    for (; list; list = list->next)
        n++;
    return n;
}

static enum err react(struct write_batch *b, const struct write_batch_plan *plan,
                      struct write_op *op)
{
    struct write_batch_target *t = plan->target;
    struct write_batch_reaction *r = find_text(t->reactions, op->reaction);
    if (!r && length(t->reactions) >= REACTIONS_PER_MESSAGE_MAX) {
        op->result = WRITE_FULL;
        return OK;
    }
    if (!r)
        r = add_reaction(b, &t->reactions, op->reaction);
    struct write_batch_use *use = r ? find_use(r, plan->facts->user) : NULL;
    if (r && !use)
        use = add_use(b, r, plan->facts->user);
    if (!use)
        return ERR_NO_MEMORY;
    if (use->held)
        return OK;
    draw(b, plan, op);
    use->held = true;
    use->seqno = t->before.seqno_reactions;
    r->users++;
    r->users_changed = true;
    t->total++;
    return OK;
}

static enum err unreact(struct write_batch *b, const struct write_batch_plan *plan,
                        struct write_op *op)
{
    struct write_batch_target *t = plan->target;
    struct write_batch_reaction *r = find_text(t->reactions, op->reaction);
    struct write_batch_use *use = r ? find_use(r, plan->facts->user) : NULL;
    if (!use || !use->held)
        return OK;
    draw(b, plan, op);
    use->held = false;
    use->seqno = 0;
    use->taken_back = use->held_before;
    r->users--;
    r->users_changed = true;
    t->total--;
    return r->users == 0 ? remove_reaction(b, t, r) : OK;
}

static enum err clear(struct write_batch *b, const struct write_batch_plan *plan,
                      struct write_op *op)
{
    struct write_batch_target *t = plan->target;
    if (op->reaction.len == 0) {
        for (int64_t left = write_batch_reactions_drop(t); left > 0; left--)
            draw(b, plan, op);
        return OK;
    }
    struct write_batch_reaction *r = find_text(t->reactions, op->reaction);
    if (!r)
        return OK;
    for (int64_t left = r->users; left > 0; left--)
        draw(b, plan, op);
    t->total -= r->users;
    return remove_reaction(b, t, r);
}

int64_t write_batch_reactions_drop(struct write_batch_target *t)
{
    int64_t total = t->total;
    t->total = 0;
    t->reactions = NULL;
    if (total > 0)
        t->cleared = t->reactions_changed = true;
    return total;
}

enum err write_batch_react_decide(struct write_batch *b, struct write_batch_plan *plan,
                                  struct write_op *op)
{
    struct write_batch_target *t = plan->target;
    enum err e = OK;
    op->result = write_batch_may(plan, op->kind == WRITE_CLEAR_REACTIONS ? WRITE_BATCH_MODERATES
                                                                         : WRITE_BATCH_READS);
    if (op->result != WRITE_DONE)
        return OK;
    if (!t || t->before.deleted || t->before.whisper || t->before.state != MESSAGE_VISIBLE) {
        op->result = WRITE_MISSING;
        return OK;
    }
    if (op->kind == WRITE_REACT)
        e = react(b, plan, op);
    else if (op->kind == WRITE_UNREACT)
        e = unreact(b, plan, op);
    else
        e = clear(b, plan, op);
    op->answer.seqno = t->before.seqno_reactions > t->before.seqno_data ? t->before.seqno_reactions
                                                                        : t->before.seqno_data;
    return e;
}
