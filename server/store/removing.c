/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One transaction: lock the room, find the messages, draw the numbers, write. No SQL of its own.
 */
#include "store/removing.h"

#include "base/clock.h"
#include "store/attachments.h"
#include "store/changing.h"
#include "store/posting.h"
#include "store/reactions.h"

struct removal {
    struct arena *mem;
    const struct removing *what;
    double now;
    int64_t sequence;

    int64_t *ids; /* of those that are there */
    struct message_change *changes;
    size_t count;
    int64_t *reacted, *reacted_seqnos; /* those that lose reactions */
    size_t reacted_count;
    int64_t unpinned;
};

static enum err lock(struct db *db, struct removal *r)
{
    struct room_lock *room = NULL;
    size_t count = 0;
    enum err e = posting_lock_rooms(db, r->mem, &r->what->room, 1, &room, &count);
    if (e == OK && count == 0)
        e = ERR_MISSING;
    if (e == OK)
        r->sequence = room->message_sequence;
    return e;
}

static enum err find(struct db *db, struct removal *r)
{
    const struct removing *what = r->what;
    const struct author_posts author = {what->room, what->user, 0};
    const struct targets_wanted wanted = {.ids = what->ids,
                                          .id_count = what->count,
                                          .authors = &author,
                                          .author_count = what->user > 0,
                                          .limit = REMOVING_MAX};
    struct message_target *targets = NULL;
    size_t count = 0;
    enum err e = changing_targets(db, r->mem, &wanted, &targets, &count);
    if (e != OK)
        return e;
    r->ids = ARENA_ARRAY(r->mem, count, int64_t);
    r->changes = ARENA_ARRAY(r->mem, count, struct message_change);
    r->reacted = ARENA_ARRAY(r->mem, count, int64_t);
    r->reacted_seqnos = ARENA_ARRAY(r->mem, count, int64_t);
    if (!r->ids || !r->changes || !r->reacted || !r->reacted_seqnos)
        return ERR_NO_MEMORY;
    r->count = r->reacted_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (targets[i].room != what->room || targets[i].deleted)
            continue;
        r->changes[r->count] = (struct message_change){
            .id = targets[i].id, .edited = r->now, .key_id = targets[i].key_id};
        r->ids[r->count++] = targets[i].id;
    }
    return OK;
}

/*
 * One number for the deletion, one for each user reaction that goes with it
 * (docs/protocol/community.md, 3.1).
 */
static enum err draw(struct db *db, struct removal *r)
{
    int64_t *totals = NULL;
    enum err e = reactions_totals(db, r->mem, r->ids, r->count, &totals);
    for (size_t i = 0; e == OK && i < r->count; i++) {
        r->changes[i].seqno_data = ++r->sequence;
        if (totals[i] == 0)
            continue;
        r->sequence += totals[i];
        r->reacted[r->reacted_count] = r->ids[i];
        r->reacted_seqnos[r->reacted_count++] = r->sequence;
    }
    return e;
}

static enum err write(struct db *db, struct removal *r)
{
    int64_t *rooms = NULL;
    size_t unpinned = 0;
    enum err e = changing_write(db, r->mem, r->changes, r->count);
    if (e == OK)
        e = reactions_remove(db, NULL, 0, r->ids, r->count);
    if (e == OK && r->reacted_count > 0)
        e = changing_reacted(db, r->reacted, r->reacted_seqnos, r->reacted_count);
    if (e == OK)
        e = changing_unpin(db, r->mem, r->ids, r->count, &rooms, &unpinned);
    if (e == OK)
        e = attachments_expire_messages(db, r->ids, r->count);
    r->unpinned = (int64_t)unpinned;
    const struct room_advance columns = {&r->what->room, &r->sequence, &(const int64_t){0},
                                         &r->unpinned};
    return e == OK ? posting_advance(db, &columns, 1) : e;
}

static enum err remove_all(struct db *db, void *arg)
{
    struct removal *r = arg;
    enum err e = lock(db, r);
    if (e == OK)
        e = find(db, r);
    if (e == OK &&
        r->what->user > 0) /* with all posts of a person, everything that was uploaded for them */
        e = attachments_expire_uploader(db, r->what->room, r->what->user);
    if (e != OK || r->count == 0)
        return e;
    e = draw(db, r);
    return e == OK ? write(db, r) : e;
}

enum err removing_run(struct db *db, struct arena *mem, const struct removing *what, int64_t now_ms,
                      int64_t *ret_removed)
{
    struct removal r = {.mem = mem, .what = what, .now = (double)now_ms / SECOND_MS};
    enum err e = db_tx(db, remove_all, &r);
    if (e == OK)
        *ret_removed = (int64_t)r.count;
    return e;
}
