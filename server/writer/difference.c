/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes what a batch did to reactions: the difference between what the database has and what was
 * decided, by one statement per kind of change.
 */
#include "writer/parts.h"

struct difference {
    int64_t *cleared; /* messages */
    size_t cleared_count;
    int64_t *reacted, *seqnos; /* messages */
    size_t reacted_count;
    struct write_batch_reaction **new_reactions;
    struct reaction_insert *inserts;
    size_t insert_count;
    int64_t *counted, *users; /* reactions */
    size_t counted_count;
    struct user_reaction *taken, *given;
    size_t taken_count, given_count;
};

/* Every op makes at most one of each. */
static bool difference_make(struct difference *d, struct write_batch *b)
{
    *d = (struct difference){.cleared = ARENA_ARRAY(b->mem, b->target_count, int64_t),
                             .reacted = ARENA_ARRAY(b->mem, b->target_count, int64_t),
                             .seqnos = ARENA_ARRAY(b->mem, b->target_count, int64_t),
                             .new_reactions =
                                 ARENA_ARRAY(b->mem, b->count, struct write_batch_reaction *),
                             .inserts = ARENA_ARRAY(b->mem, b->count, struct reaction_insert),
                             .counted = ARENA_ARRAY(b->mem, b->count, int64_t),
                             .users = ARENA_ARRAY(b->mem, b->count, int64_t),
                             .taken = ARENA_ARRAY(b->mem, b->count, struct user_reaction),
                             .given = ARENA_ARRAY(b->mem, b->count, struct user_reaction)};
    return d->cleared && d->reacted && d->seqnos && d->new_reactions && d->inserts && d->counted &&
           d->users && d->taken && d->given;
}

static enum err seal_new(struct write_batch *b, struct db *db, const struct write_batch_target *t,
                         const struct write_batch_reaction *r, struct reaction_insert *row)
{
    struct aead_key key;
    row->message = t->before.id;
    row->users = r->users;
    enum err e =
        ring_key_current(b->ring, db, RING_MESSAGES, t->before.room, b->now_ms, &row->key_id, &key);
    if (e == OK)
        e = reaction_seal(&key, t->before.room, t->before.id, r->text, &row->sealed);
    crypto_wipe(&key, sizeof(key));
    return e;
}

static enum err gather_target(struct write_batch *b, struct db *db, struct difference *d,
                              const struct write_batch_target *t)
{
    enum err e = OK;
    d->reacted[d->reacted_count] = t->before.id;
    d->seqnos[d->reacted_count++] = t->before.seqno_reactions;
    if (t->cleared)
        d->cleared[d->cleared_count++] = t->before.id;
    for (struct write_batch_reaction *r = t->reactions; e == OK && r; r = r->next) {
        if (r->id == 0) {
            d->new_reactions[d->insert_count] = r;
            e = seal_new(b, db, t, r, &d->inserts[d->insert_count++]);
        } else if (r->users_changed) {
            d->counted[d->counted_count] = r->id;
            d->users[d->counted_count++] = r->users;
        }
        for (const struct write_batch_use *use = r->uses; use; use = use->next)
            if (use->taken_back)
                d->taken[d->taken_count++] =
                    (struct user_reaction){.reaction = r->id, .user = use->user};
    }
    return e;
}

/* New reactions have their ids by now. */
static void gather_given(struct write_batch *b, struct difference *d)
{
    for (size_t i = 0; i < b->target_count; i++)
        for (const struct write_batch_reaction *r = b->targets[i].reactions; r; r = r->next)
            for (const struct write_batch_use *use = r->uses; use; use = use->next)
                if (use->held && use->seqno > 0)
                    d->given[d->given_count++] = (struct user_reaction){.reaction = r->id,
                                                                        .user = use->user,
                                                                        .seqno = use->seqno,
                                                                        .at = write_batch_now(b)};
}

static enum err write_new(struct write_batch *b, struct db *db, struct difference *d)
{
    int64_t *ids = NULL;
    enum err e = reactions_insert(db, b->mem, d->inserts, d->insert_count, &ids);
    for (size_t i = 0; e == OK && i < d->insert_count; i++)
        d->new_reactions[i]->id = ids[i];
    return e;
}

enum err write_batch_reactions_write(struct write_batch *b, struct db *db)
{
    struct difference d;
    enum err e = OK;
    if (!difference_make(&d, b))
        return ERR_NO_MEMORY;
    for (size_t i = 0; e == OK && i < b->target_count; i++)
        if (b->targets[i].reactions_changed)
            e = gather_target(b, db, &d, &b->targets[i]);
    if (e != OK || d.reacted_count == 0)
        return e;
    e = changing_reacted(db, d.reacted, d.seqnos, d.reacted_count);
    if (e == OK && b->removed_count + d.cleared_count > 0)
        e = reactions_remove(db, b->removed_reactions, b->removed_count, d.cleared,
                             d.cleared_count);
    if (e == OK && d.taken_count > 0)
        e = reactions_take_back(db, b->mem, d.taken, d.taken_count);
    if (e == OK && d.counted_count > 0)
        e = reactions_set_users(db, d.counted, d.users, d.counted_count);
    if (e == OK && d.insert_count > 0)
        e = write_new(b, db, &d);
    if (e == OK)
        gather_given(b, &d);
    return e == OK && d.given_count > 0 ? reactions_give(db, b->mem, d.given, d.given_count) : e;
}
