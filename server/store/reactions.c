/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading reactions, and their seal. What the batch writer asks and changes is in reacting.c.
 */
#include "store/reactions.h"

#include "crypto/box.h"
#include "store/internal.h"

enum { PLACE_BYTES = 17, PADDED_BYTES = 1 + REACTION_MAX_BYTES };

/* Room, message, and a letter that no body's place has: sealed rows cannot be exchanged. */
static struct span place(int64_t room, int64_t message, uint8_t out[static PLACE_BYTES])
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)room >> (8 * i));
        out[8 + i] = (uint8_t)((uint64_t)message >> (8 * i));
    }
    out[16] = 'r';
    return span_of(out, PLACE_BYTES);
}

enum err reaction_seal(const struct aead_key *key, int64_t room, int64_t message, struct span text,
                       struct reaction_sealed *ret_sealed)
{
    uint8_t ad[PLACE_BYTES];
    uint8_t plain[PADDED_BYTES] = {0};
    AUTO_BUF struct buf sealed = buf_make(REACTION_SEALED_BYTES);
    if (text.len == 0 || text.len > REACTION_MAX_BYTES)
        return ERR_DEFECT;
    plain[0] = (uint8_t)text.len;
    memcpy(plain + 1, text.p, text.len);
    enum err e = box_seal(CIPHER_XCHACHA20, key, place(room, message, ad),
                          span_of(plain, sizeof(plain)), &sealed);
    if (e == OK && sealed.len != REACTION_SEALED_BYTES)
        e = ERR_DEFECT;
    if (e == OK)
        memcpy(ret_sealed->b, sealed.p, REACTION_SEALED_BYTES);
    return e;
}

enum err reaction_open(struct ring *ring, struct db *db, struct arena *mem,
                       const struct reaction_place *at, struct span sealed, struct span *ret_text)
{
    struct aead_key key;
    struct bytes plain;
    uint8_t ad[PLACE_BYTES];
    uint8_t *copy = arena_alloc(mem, sealed.len);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    if (sealed.len > 0)
        memcpy(copy, sealed.p, sealed.len);
    enum err e = ring_key_for(ring, db, RING_MESSAGES, at->room, at->key_id, &key);
    if (e == OK)
        e = box_open(CIPHER_XCHACHA20, &key, place(at->room, at->message, ad),
                     (struct bytes){copy, sealed.len}, &plain);
    crypto_wipe(&key, sizeof(key));
    if (damage_is(e))
        damage_note(ring_damage(ring), DAMAGED_REACTION, at->message);
    if (e != OK)
        return e;
    if (plain.len != PADDED_BYTES || plain.p[0] == 0 || plain.p[0] > REACTION_MAX_BYTES)
        return ERR_SEALED;
    *ret_text = span_of(plain.p + 1, plain.p[0]);
    return OK;
}

/* ---- with messages ---- */

static enum err read_reaction(struct ring *ring, struct db *db, struct arena *mem,
                              const struct message_row *message, const struct row *row,
                              struct reaction_row *reaction)
{
    struct span ids = row_bytes(row, 4);
    *reaction = (struct reaction_row){.count = row_i64(row, 3),
                                      .kept = ids.len / sizeof(struct session_id),
                                      .caller = row_bool(row, 5)};
    struct session_id *reactors = ARENA_ARRAY(mem, reaction->kept, struct session_id);
    if (reactors == NULL)
        return ERR_NO_MEMORY;
    if (reaction->kept > 0)
        memcpy(reactors, ids.p, reaction->kept * sizeof(*reactors));
    reaction->reactors = reactors;
    const struct reaction_place at = {message->room, message->id, row_i64(row, 1)};
    return reaction_open(ring, db, mem, &at, row_bytes(row, 2), &reaction->text);
}

/* Only these can have any. */
static size_t list_reacted(const struct message_row *messages, size_t count, int64_t *ids)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (messages[i].seqno_reactions > 0 && !messages[i].deleted)
            ids[n++] = messages[i].id;
    return n;
}

static struct message_row *find(struct message_row *messages, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (messages[i].id == id)
            return &messages[i];
    return NULL;
}

static enum err attach(struct ring *ring, struct db *db, struct arena *mem, struct rows *rows,
                       struct message_row *messages, size_t count)
{
    struct reaction_row *reactions = ARENA_ARRAY(mem, (size_t)rows->count, struct reaction_row);
    struct message_row *message = NULL;
    struct row row;
    size_t n = 0;
    if (reactions == NULL)
        return ERR_NO_MEMORY;
    while (rows_next(rows, &row)) {
        int64_t id = row_i64(&row, 0);
        if (message == NULL || message->id != id) { /* they come by message */
            message = find(messages, count, id);
            if (message == NULL)
                return ERR_DEFECT;
            message->reactions = &reactions[n];
            message->reaction_count = 0;
        }
        enum err e = read_reaction(ring, db, mem, message, &row, &reactions[n]);
        if (damage_is(e))
            continue; /* left out; the others are shown */
        if (e != OK)
            return e;
        message->reaction_count++;
        n++;
    }
    return rows_ok(rows) ? OK : ERR_DEFECT;
}

enum err reactions_attach(struct db *db, struct ring *ring, struct arena *mem,
                          const struct message_reader *reader, struct message_row *messages,
                          size_t count)
{
    int64_t *ids = ARENA_ARRAY(mem, count, int64_t);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    size_t reacted = list_reacted(messages, count, ids);
    if (reacted == 0)
        return OK;
    AUTO_ROWS struct rows rows = {0};
    const struct session_id *caller = reader != NULL ? reader->caller : NULL;
    enum err e = DB_RUN(db, "reactions.of", &rows, PARAM_ARRAY(P_I64_ARRAY, ids, reacted),
                        PARAM_I64(reader != NULL ? reader->reactors : REACTORS_SHOWN_MAX),
                        PARAM_I64(reader != NULL ? 0 : REACTORS_KEPT),
                        caller != NULL ? PARAM_BYTES(SPAN_OF_KEY(caller)) : PARAM_NULL);
    return e == OK ? attach(ring, db, mem, &rows, messages, count) : e;
}

/* ---- alone ---- */

static int64_t room_of(const int64_t *messages, const int64_t *rooms, size_t count, int64_t message)
{
    for (size_t i = 0; i < count; i++)
        if (messages[i] == message)
            return rooms[i];
    return 0;
}

enum err reactions_targets(struct db *db, struct ring *ring, struct arena *mem,
                           const int64_t *messages, const int64_t *rooms, size_t count,
                           struct reaction_target **ret_targets, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "reactions.texts", &rows, PARAM_ARRAY(P_I64_ARRAY, messages, count));
    if (e != OK)
        return e;
    struct reaction_target *targets = ARENA_ARRAY(mem, (size_t)rows.count, struct reaction_target);
    struct row row;
    if (targets == NULL)
        return ERR_NO_MEMORY;
    size_t n = 0;
    while (e == OK && rows_next(&rows, &row)) {
        targets[n] = (struct reaction_target){
            .id = row_i64(&row, 0), .message = row_i64(&row, 1), .users = row_i64(&row, 4)};
        const struct reaction_place at = {room_of(messages, rooms, count, targets[n].message),
                                          targets[n].message, row_i64(&row, 2)};
        e = reaction_open(ring, db, mem, &at, row_bytes(&row, 3), &targets[n].text);
        if (e == OK)
            n++;
        else if (damage_is(e))
            e = OK; /* left out */
    }
    if (e == OK && !rows_ok(&rows))
        e = ERR_DEFECT;
    if (e == OK) {
        *ret_targets = targets;
        *ret_count = n;
    }
    return e;
}

static bool read_reactor(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct reactor_row *reactor = element;
    row_key(row, 0, reactor->session.b, sizeof(reactor->session.b));
    reactor->at = row_f64(row, 1);
    return true;
}

enum err reactions_reactors(struct db *db, struct ring *ring, struct arena *mem,
                            const struct reactors_query *q, struct reactor_row **ret_rows,
                            size_t *ret_count)
{
    struct reaction_target *targets = NULL;
    const struct reaction_target none = {.id = 0}, *of = &none;
    size_t count = 0;
    int64_t regular = 0;
    enum err e =
        STORE_ONE_I64(db, "reactions.regular", &regular, PARAM_I64(q->room), PARAM_I64(q->message));
    if (e == OK)
        e = reactions_targets(db, ring, mem, &q->message, &q->room, 1, &targets, &count);
    for (size_t i = 0; e == OK && i < count; i++)
        if (span_eq(targets[i].text, q->text))
            of = &targets[i];
    if (e == OK && of->users > q->most && q->limit > q->most)
        e = ERR_TOO_LARGE;
    if (e != OK)
        return e;
    AUTO_ROWS struct rows rows = {0};
    void *reactors = NULL;
    e = DB_RUN(db, "reactions.reactors", &rows, PARAM_I64(of->id), PARAM_I64(q->limit));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct reactor_row), read_reactor, &reactors,
                           ret_count);
    if (e == OK)
        *ret_rows = reactors;
    return e;
}
