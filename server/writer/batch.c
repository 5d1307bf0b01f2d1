/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame of a batch. The database is asked a fixed number of questions however many ops there
 * are. Whatever is decided here is decided under the rooms' locks, so what a pool thread found in
 * memory is only a hint.
 */
#include "writer/batch.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "state/state.h"
#include "work/timestamps.h"
#include "writer/parts.h"

struct write_batch *write_batch_new(const struct write_batch_options *options,
                                    struct write_op **ops, size_t count)
{
    struct write_batch *b = ARENA_NEW(options->mem, struct write_batch);
    if (!b)
        return NULL;
    *b = (struct write_batch){.ops = ops,
                              .count = count,
                              .mem = options->mem,
                              .ring = options->ring,
                              .conf = options->conf,
                              .timestamps = options->timestamps,
                              .plans = ARENA_ARRAY(options->mem, count, struct write_batch_plan)};
    return b->plans ? b : NULL;
}

size_t write_batch_weight(const struct write_op *op)
{
    /* A whole slice takes half of a batch; most people have a few messages in a room. */
    enum { PER_WEIGHT = 4 };
    _Static_assert(1 + WRITE_SLICE_MAX / PER_WEIGHT <= WRITE_BATCH_WEIGHT_MAX / 2,
                   "two slices fit a batch");
    if (op->kind != WRITE_DELETE_ALL)
        return 1;
    int64_t messages = op->all.messages < WRITE_SLICE_MAX ? op->all.messages : WRITE_SLICE_MAX;
    return 1 + (size_t)messages / PER_WEIGHT;
}

/* ---- learning ---- */

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int compare_room(const void *key, const void *element)
{
    return compare_i64(key, &((const struct room_lock *)element)->room);
}

static struct room_lock *find_room(const struct write_batch *b, int64_t room)
{
    return bsearch(&room, b->rooms, b->room_count, sizeof(*b->rooms), compare_room);
}

static enum err lock_rooms(struct write_batch *b, struct db *db)
{
    int64_t *ids = ARENA_ARRAY(b->mem, b->count, int64_t);
    if (!ids)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < b->count; i++)
        ids[i] = b->ops[i]->room;
    qsort(ids, b->count, sizeof(*ids), compare_i64);
    size_t unique = 0;
    for (size_t i = 0; i < b->count; i++)
        if (unique == 0 || ids[unique - 1] != ids[i])
            ids[unique++] = ids[i];
    enum err e = posting_lock_rooms(db, b->mem, ids, unique, &b->rooms, &b->room_count);
    if (e != OK)
        return e;
    b->sequences = ARENA_ARRAY(b->mem, b->room_count + 1, int64_t);
    b->posted_ms = ARENA_ARRAY(b->mem, b->room_count + 1, int64_t);
    b->unpinned = ARENA_ARRAY(b->mem, b->room_count + 1, int64_t);
    if (!b->sequences || !b->posted_ms || !b->unpinned)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < b->room_count; i++) {
        b->sequences[i] = b->rooms[i].message_sequence;
        b->posted_ms[i] = b->rooms[i].posted_ms;
    }
    return OK;
}

/*
 * A lone request brings its nonce along, so that claim and effect become durable together
 * (docs/design.md, D5).
 */
static enum err claim_nonces(struct write_batch *b, struct db *db)
{
    struct nonce_key *nonces = ARENA_ARRAY(b->mem, b->count, struct nonce_key);
    size_t *owners = ARENA_ARRAY(b->mem, b->count, size_t);
    bool *won = ARENA_ARRAY(b->mem, b->count, bool);
    if (!nonces || !owners || !won)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (!b->ops[i]->has_nonce)
            continue;
        nonces[count] = b->ops[i]->nonce;
        owners[count++] = i;
    }
    if (count == 0)
        return OK;
    enum err e = nonces_claim_many(db, b->mem, nonces, count, won);
    for (size_t i = 0; e == OK && i < count; i++)
        b->plans[owners[i]].replayed = !won[i];
    return e;
}

/*
 * Index of (room, session) in keys, added when missing. Batches are small: a linear search costs
 * less than a table.
 */
static size_t key_index(struct author_key *keys, size_t *count, int64_t room,
                        const struct session_id *session, bool make)
{
    size_t i = 0;
    while (i < *count && !(keys[i].room == room && session_id_eq(&keys[i].session, session)))
        i++;
    if (i == *count)
        keys[(*count)++] = (struct author_key){room, *session, false};
    keys[i].make |= make;
    return i;
}

/*
 * Who was never seen has nothing that could be edited, deleted or taken back, and is not remembered
 * for trying.
 */
static bool makes_users(const struct write_op *op)
{
    return op->kind == WRITE_POST || op->kind == WRITE_REACT;
}

/* The second person of an op. NULL: there is none. */
static const struct session_id *other_person(const struct write_op *op)
{
    if (op->kind == WRITE_DELETE_ALL)
        return &op->all.target;
    return op->kind == WRITE_POST && op->post.has_whisper_to ? &op->post.whisper_to : NULL;
}

static enum err learn_facts(struct write_batch *b, struct db *db)
{
    struct author_key *keys = ARENA_ARRAY(b->mem, 2 * b->count, struct author_key);
    size_t *author = ARENA_ARRAY(b->mem, b->count, size_t);
    size_t *other = ARENA_ARRAY(b->mem, b->count, size_t);
    if (!keys || !author || !other)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct write_op *op = b->ops[i];
        b->plans[i].room = find_room(b, op->room);
        if (!b->plans[i].room || b->plans[i].replayed)
            continue;
        author[i] = key_index(keys, &count, op->room, &op->author, makes_users(op));
        if (other_person(op))
            other[i] = key_index(keys, &count, op->room, other_person(op), makes_users(op));
    }
    if (count == 0)
        return OK;
    struct author_facts *facts = NULL;
    double window_start = (double)(b->now_ms - b->conf->rooms.post_limit.per_ms) / SECOND_MS;
    enum err e = posting_facts(db, b->mem, keys, count, window_start, b->now_ms, &facts);
    for (size_t i = 0; e == OK && i < b->count; i++) {
        if (!b->plans[i].room || b->plans[i].replayed)
            continue;
        b->plans[i].facts = &facts[author[i]];
        b->plans[i].other = other_person(b->ops[i]) ? &facts[other[i]] : NULL;
    }
    return e;
}

/* ---- deciding ---- */

int64_t write_batch_draw(struct write_batch *b, const struct room_lock *room)
{
    return ++b->sequences[room - b->rooms];
}

static bool grants(enum tristate own, bool room)
{
    return own == TRI_NULL ? room : own == TRI_YES;
}

enum write_result write_batch_may(const struct write_batch_plan *plan, enum write_batch_right right)
{
    const struct author_facts *f = plan->facts;
    if (f->moderator || f->admin)
        return WRITE_DONE;
    if (f->banned)
        return WRITE_BANNED;
    bool may = false;
    switch (right) {
    case WRITE_BATCH_READS:
        may = grants(f->read, plan->room->read);
        break;
    case WRITE_BATCH_WRITES:
        may = grants(f->write, plan->room->write);
        break;
    case WRITE_BATCH_IS_THERE:
        may = true;
        break;
    case WRITE_BATCH_MODERATES:
        break;
    }
    return may ? WRITE_DONE : WRITE_DENIED;
}

enum err write_batch_seal(struct write_batch *b, struct db *db, const struct post_in *post,
                          struct message_facts *facts, struct write_batch_sealed *ret_sealed)
{
    struct aead_key key;
    int64_t key_id = 0;
    enum err e =
        ring_key_current(b->ring, db, RING_MESSAGES, facts->room, b->now_ms, &key_id, &key);
    if (e != OK)
        return e;
    AUTO_BUF struct buf sealed = buf_make(post->data.len + KIB(1));
    struct message_mac mac;
    e = message_seal(&key, facts->room, facts->seqno_creation, post->signature, post->data,
                     &sealed);
    facts->sealed = buf_span(&sealed);
    if (e == OK)
        e = message_mac(&key, facts, &mac);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    struct span copy = arena_dup(b->mem, buf_span(&sealed));
    if (copy.len != sealed.len)
        return ERR_NO_MEMORY;
    *ret_sealed = (struct write_batch_sealed){key_id, copy, mac};
    return OK;
}

static enum err decide(struct write_batch *b, struct db *db, struct write_batch_plan *plan,
                       struct write_op *op)
{
    memset(&op->answer, 0, sizeof(op->answer)); /* of an attempt that was rolled back */
    op->repeats = op->put_off = false;
    if (plan->replayed || !plan->room) {
        op->result = plan->replayed ? WRITE_REPLAYED : WRITE_ROOM_GONE;
        return OK;
    }
    if (op->after &&
        (op->after->put_off || op->after->repeats || op->after->result != WRITE_DONE)) {
        op->put_off = op->after->put_off;
        op->repeats = op->after->repeats; /* and so does what comes behind it */
        op->result = op->after->result;
        return OK;
    }
    if (write_batch_repeats(b, plan, op))
        return OK;
    switch (op->kind) {
    case WRITE_POST:
        return write_batch_post_decide(b, db, plan, op);
    case WRITE_EDIT:
        return write_batch_edit_decide(b, db, plan, op);
    case WRITE_DELETE:
        write_batch_delete_decide(b, plan, op);
        return OK;
    case WRITE_DELETE_ALL:
        write_batch_delete_all_decide(b, plan, op);
        return OK;
    case WRITE_REACT:
    case WRITE_UNREACT:
    case WRITE_CLEAR_REACTIONS:
        return write_batch_react_decide(b, plan, op);
    }
    return ERR_DEFECT;
}

/* ---- writing ---- */

static enum err advance(struct write_batch *b, struct db *db)
{
    int64_t *rooms = ARENA_ARRAY(b->mem, b->room_count, int64_t);
    int64_t *sequences = ARENA_ARRAY(b->mem, b->room_count, int64_t);
    int64_t *posted_ms = ARENA_ARRAY(b->mem, b->room_count, int64_t);
    int64_t *unpinned = ARENA_ARRAY(b->mem, b->room_count, int64_t);
    if (!rooms || !sequences || !posted_ms || !unpinned)
        return ERR_NO_MEMORY;
    size_t changed = 0;
    for (size_t i = 0; i < b->room_count; i++) {
        if (b->sequences[i] == b->rooms[i].message_sequence)
            continue;
        rooms[changed] = b->rooms[i].room;
        posted_ms[changed] = b->posted_ms[i];
        unpinned[changed] = b->unpinned[i];
        sequences[changed++] = b->sequences[i];
    }
    const struct room_advance columns = {rooms, sequences, posted_ms, unpinned};
    return changed == 0 ? OK : posting_advance(db, &columns, changed);
}

typedef enum err (*step)(struct write_batch *b, struct db *db);

static enum err run_steps(struct write_batch *b, struct db *db, const step *steps, size_t count)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < count; i++)
        e = steps[i](b, db);
    return e;
}

enum err write_batch_prepare(struct write_batch *b, struct db *db, int64_t now_ms)
{
    size_t posts = 0;
    for (size_t i = 0; i < b->count; i++)
        posts += b->ops[i]->kind == WRITE_POST;
    return posts == 0 ? OK : timestamps_prepare(b->timestamps, db, now_ms, posts);
}

/* Each op in its order. */
static enum err decide_all(struct write_batch *b, struct db *db)
{
    bool put_off = false;
    for (size_t i = 0; i < b->count; i++) {
        enum err e = decide(b, db, &b->plans[i], b->ops[i]);
        if (e != OK)
            return e;
        put_off |= b->ops[i]->put_off;
    }
    return put_off ? ERR_TOO_EARLY : OK;
}

enum err write_batch_run(struct write_batch *b, struct db *db, int64_t now_ms)
{
    static const step learn[] = {lock_rooms,
                                 claim_nonces,
                                 write_batch_retries_learn,
                                 learn_facts,
                                 write_batch_targets_learn,
                                 write_batch_reactions_learn};
    static const step write[] = {write_batch_posts_write,
                                 write_batch_retries_write,
                                 write_batch_changes_write,
                                 write_batch_reactions_write,
                                 write_batch_files_write,
                                 write_batch_targets_read_back,
                                 advance};
    b->now_ms = now_ms;
    enum err e = run_steps(b, db, learn, COUNT_OF(learn));
    if (e == OK)
        e = decide_all(b, db);
    return e == OK ? run_steps(b, db, write, COUNT_OF(write)) : e;
}

/* ---- after the commit ---- */

/* What became visible in one room. */
static size_t rows_of_room(const struct write_batch *b, int64_t room, struct message_row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct write_op *op = b->ops[i];
        if (write_batch_adds(op) && op->room == room && op->post.state == MESSAGE_VISIBLE)
            rows[count++] = op->posted;
    }
    for (size_t i = 0; i < b->changed_count; i++)
        if (b->changed[i].room == room)
            rows[count++] = b->changed[i];
    return count;
}

static void count_done(const struct write_batch *b, struct metrics *metrics)
{
    metrics_add(metrics, METRIC_BATCH_COMMITS, 1);
    for (size_t i = 0; i < b->count; i++) {
        const struct write_op *op = b->ops[i];
        if (op->result != WRITE_DONE)
            continue;
        if (op->kind == WRITE_POST)
            metrics_add(metrics, op->repeats ? METRIC_POSTS_REPEATED : METRIC_POSTS, 1);
        else if (op->kind == WRITE_EDIT)
            metrics_add(metrics, METRIC_EDITS, 1);
        else if (write_batch_is_reaction(op->kind))
            metrics_add(metrics, METRIC_REACTIONS, op->answer.count);
        else
            metrics_add(metrics, METRIC_DELETIONS, op->answer.count);
    }
}

void write_batch_apply(const struct write_batch *b, struct state *state, struct metrics *metrics)
{
    struct message_row *rows = ARENA_ARRAY(b->mem, b->count + b->changed_count, struct message_row);
    for (size_t r = 0; r < b->room_count; r++) {
        if (b->sequences[r] == b->rooms[r].message_sequence)
            continue;
        size_t count = rows ? rows_of_room(b, b->rooms[r].room, rows) : 0;
        /* Without memory for the rows the gap is real: memory refills itself from the database. */
        int64_t from = rows ? b->rooms[r].message_sequence : -1;
        state_apply(state, b->rooms[r].room, from, b->sequences[r], rows, count);
    }
    count_done(b, metrics);
}

bool write_batch_has_unpinned(const struct write_batch *b)
{
    for (size_t r = 0; r < b->room_count; r++)
        if (b->unpinned[r] > 0)
            return true;
    return false;
}
