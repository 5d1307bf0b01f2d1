/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decides and writes a batch of posts. The database is asked a fixed number of questions however many posts there are.
 * Whatever is decided here is decided under the rooms' locks, so what a pool thread found in memory is only a hint.
 */
#include "work/post_batch.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "state/state.h"

/* What is known about one op; index = index of the op. */
struct plan {
    struct room_lock *room;     /* NULL: gone */
    struct author_facts *facts; /* shared by ops of the same author and room */
    struct author_facts *whisper_to;
    bool replayed;
};

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int compare_room(const void *key, const void *element)
{
    return compare_i64(key, &((const struct room_lock *)element)->room);
}

static struct room_lock *find_room(const struct post_batch *b, int64_t room)
{
    return bsearch(&room, b->rooms, b->room_count, sizeof(*b->rooms), compare_room);
}

static enum err lock_rooms(struct post_batch *b, struct db *db)
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
    enum err e = messages_lock_rooms(db, b->mem, ids, unique, &b->rooms, &b->room_count);
    if (e != OK)
        return e;
    b->sequences = ARENA_ARRAY(b->mem, b->room_count + 1, int64_t);
    if (!b->sequences)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < b->room_count; i++)
        b->sequences[i] = b->rooms[i].message_sequence;
    return OK;
}

/* A lone post brings its nonce along, so that claim and post become durable together (design D5). */
static enum err claim_nonces(struct post_batch *b, struct db *db, struct plan *plans)
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
        plans[owners[i]].replayed = !won[i];
    return e;
}

/* Index of (room, session) in keys, added when missing. Batches are small: a linear search costs less than a table. */
static size_t key_index(struct author_key *keys, size_t *count, int64_t room,
                        const struct session_id *session)
{
    for (size_t i = 0; i < *count; i++)
        if (keys[i].room == room && session_id_eq(&keys[i].session, session))
            return i;
    keys[*count] = (struct author_key){room, *session};
    return (*count)++;
}

static enum err learn_facts(struct post_batch *b, struct db *db, int64_t now_ms, struct plan *plans)
{
    struct author_key *keys = ARENA_ARRAY(b->mem, 2 * b->count, struct author_key);
    size_t *author = ARENA_ARRAY(b->mem, b->count, size_t);
    size_t *whisper = ARENA_ARRAY(b->mem, b->count, size_t);
    if (!keys || !author || !whisper)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct write_op *op = b->ops[i];
        plans[i].room = find_room(b, op->room);
        if (!plans[i].room || plans[i].replayed)
            continue;
        author[i] = key_index(keys, &count, op->room, &op->author);
        if (op->post.has_whisper_to)
            whisper[i] = key_index(keys, &count, op->room, &op->post.whisper_to);
    }
    if (count == 0)
        return OK;
    struct author_facts *facts = NULL;
    double window_start = (double)(now_ms - b->limit.per_ms) / SECOND_MS;
    enum err e = messages_author_facts(db, b->mem, keys, count, window_start, now_ms, &facts);
    for (size_t i = 0; e == OK && i < b->count; i++) {
        if (!plans[i].room || plans[i].replayed)
            continue;
        plans[i].facts = &facts[author[i]];
        plans[i].whisper_to = b->ops[i]->post.has_whisper_to ? &facts[whisper[i]] : NULL;
    }
    return e;
}

/* The rules of protocol 02, 3.8 and 3.10 for one post. */
static enum write_result decide(const struct post_batch *b, const struct plan *plan,
                                const struct write_op *op)
{
    if (plan->replayed)
        return WRITE_REPLAYED;
    if (!plan->room)
        return WRITE_ROOM_GONE;
    const struct author_facts *f = plan->facts;
    bool moderator = f->moderator || f->admin;
    if (!moderator) {
        bool write = f->write == TRI_NULL ? plan->room->write : f->write == TRI_YES;
        if (f->banned)
            return WRITE_BANNED;
        if (!write || op->post.whisper)
            return WRITE_DENIED;
    }
    if (b->limit.count > 0 && !f->admin && f->recent_posts >= b->limit.count)
        return WRITE_RATE_LIMITED;
    return WRITE_DONE;
}

/* Whole milliseconds, strictly growing per room and author: desktop drops a post whose time equals another's. */
static double next_posted(const struct author_facts *facts, int64_t now_ms)
{
    int64_t ms = now_ms;
    int64_t last_ms = (int64_t)floor(facts->last_posted * SECOND_MS + 0.5);
    if (ms <= last_ms)
        ms = last_ms + 1;
    return (double)ms / SECOND_MS;
}

/* The row as memory and the reply will show it. */
static void fill_posted(struct write_op *op, int64_t seqno, double posted)
{
    op->posted = (struct message_row){.author = op->author,
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

static enum err seal_post(struct post_batch *b, struct db *db, struct write_op *op, int64_t now_ms,
                          struct message_insert *ret_row)
{
    struct aead_key key;
    enum err e =
        ring_key_current(b->ring, db, RING_MESSAGES, op->room, now_ms, &ret_row->key_id, &key);
    if (e != OK)
        return e;
    AUTO_BUF struct buf sealed = buf_make(op->post.data.len + KIB(1));
    e = message_seal(&key, op->room, op->posted.seqno_creation, op->post.signature, op->post.data,
                     &sealed);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    ret_row->sealed = arena_dup(b->mem, buf_span(&sealed));
    return ret_row->sealed.len == sealed.len ? OK : ERR_NO_MEMORY;
}

/* Decides every op in order; numbers, times and rate counts advance as posts are accepted. */
static enum err decide_all(struct post_batch *b, struct db *db, int64_t now_ms, struct plan *plans,
                           struct message_insert *rows, size_t *ret_row_count)
{
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct write_op *op = b->ops[i];
        op->result = decide(b, &plans[i], op);
        if (op->result != WRITE_DONE)
            continue;
        struct author_facts *facts = plans[i].facts;
        int64_t seqno = ++b->sequences[plans[i].room - b->rooms];
        facts->last_posted = next_posted(facts, now_ms);
        facts->recent_posts++;
        fill_posted(op, seqno, facts->last_posted);
        rows[count] = (struct message_insert){
            .room = op->room,
            .user = facts->user,
            .seqno = seqno,
            .posted = op->posted.posted,
            .state = op->post.state,
            .whisper_mods = op->post.whisper_mods,
            .whisper_to = plans[i].whisper_to ? plans[i].whisper_to->user : 0};
        enum err e = seal_post(b, db, op, now_ms, &rows[count]);
        if (e != OK)
            return e;
        count++;
    }
    *ret_row_count = count;
    return OK;
}

static enum err insert_and_advance(struct post_batch *b, struct db *db,
                                   const struct message_insert *rows, size_t row_count)
{
    if (row_count == 0)
        return OK;
    int64_t *ids = NULL;
    enum err e = messages_insert(db, b->mem, rows, row_count, &ids);
    if (e != OK)
        return e;
    for (size_t i = 0, row = 0; i < b->count; i++)
        if (b->ops[i]->result == WRITE_DONE)
            b->ops[i]->posted.id = ids[row++];

    int64_t *rooms = ARENA_ARRAY(b->mem, b->room_count, int64_t);
    int64_t *sequences = ARENA_ARRAY(b->mem, b->room_count, int64_t);
    if (!rooms || !sequences)
        return ERR_NO_MEMORY;
    size_t changed = 0;
    for (size_t i = 0; i < b->room_count; i++) {
        if (b->sequences[i] == b->rooms[i].message_sequence)
            continue;
        rooms[changed] = b->rooms[i].room;
        sequences[changed++] = b->sequences[i];
    }
    return messages_advance(db, rooms, sequences, changed);
}

enum err post_batch_run(struct post_batch *b, struct db *db, int64_t now_ms)
{
    struct plan *plans = ARENA_ARRAY(b->mem, b->count, struct plan);
    struct message_insert *rows = ARENA_ARRAY(b->mem, b->count, struct message_insert);
    if (!plans || !rows)
        return ERR_NO_MEMORY;
    size_t row_count = 0;
    enum err e = lock_rooms(b, db);
    if (e == OK)
        e = claim_nonces(b, db, plans);
    if (e == OK)
        e = learn_facts(b, db, now_ms, plans);
    if (e == OK)
        e = decide_all(b, db, now_ms, plans, rows, &row_count);
    if (e == OK)
        e = insert_and_advance(b, db, rows, row_count);
    return e;
}

void post_batch_apply(const struct post_batch *b, struct state *state)
{
    struct message_row *rows = ARENA_ARRAY(b->mem, b->count, struct message_row);
    for (size_t r = 0; r < b->room_count; r++) {
        if (b->sequences[r] == b->rooms[r].message_sequence)
            continue;
        size_t count = 0;
        for (size_t i = 0; rows && i < b->count; i++) {
            const struct write_op *op = b->ops[i];
            if (op->room == b->rooms[r].room && op->result == WRITE_DONE &&
                op->post.state == MESSAGE_VISIBLE)
                rows[count++] = op->posted;
        }
        /* Without memory for the rows the gap is real: memory refills itself from the database. */
        int64_t from = rows ? b->rooms[r].message_sequence : -1;
        state_apply(state, b->rooms[r].room, from, b->sequences[r], rows, count);
    }
}

size_t post_batch_accepted(const struct post_batch *b)
{
    size_t accepted = 0;
    for (size_t i = 0; i < b->count; i++)
        accepted += b->ops[i]->result == WRITE_DONE;
    return accepted;
}
