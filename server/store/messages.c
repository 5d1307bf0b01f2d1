/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading messages, and the seal of their bodies. What the batch writer does is in posting.c.
 */
#include "store/messages.h"

#include "crypto/box.h"
#include "store/internal.h"
#include "store/message_mac.h"
#include "store/reactions.h"

enum { PLACE_BYTES = 16 };

/*
 * Room and seqno_creation, little-endian: the data that a body's seal also covers, so rows cannot
 * be exchanged.
 */
static struct span place(int64_t room, int64_t seqno_creation, uint8_t out[static PLACE_BYTES])
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)room >> (8 * i));
        out[8 + i] = (uint8_t)((uint64_t)seqno_creation >> (8 * i));
    }
    return span_of(out, PLACE_BYTES);
}

enum err message_seal(const struct aead_key *key, int64_t room, int64_t seqno_creation,
                      struct span signature, struct span data, struct buf *out)
{
    uint8_t ad[PLACE_BYTES];
    AUTO_BUF struct buf plain = buf_make(signature.len + data.len);
    buf_put(&plain, signature);
    buf_put(&plain, data);
    enum err e = buf_verdict(&plain);
    if (e != OK)
        return e;
    return box_seal(CIPHER_XCHACHA20, key, place(room, seqno_creation, ad), buf_span(&plain), out);
}

enum err message_open(const struct aead_key *key, int64_t room, int64_t seqno_creation,
                      struct bytes sealed, struct span *ret_signature, struct span *ret_data)
{
    struct bytes plain;
    uint8_t ad[PLACE_BYTES];
    enum err e = box_open(CIPHER_XCHACHA20, key, place(room, seqno_creation, ad), sealed, &plain);
    if (e != OK)
        return e;
    if (plain.len < MESSAGE_SIGNATURE_BYTES)
        return ERR_SEALED;
    *ret_signature = span_first(span_of_bytes(plain), MESSAGE_SIGNATURE_BYTES);
    *ret_data = span_skip(span_of_bytes(plain), MESSAGE_SIGNATURE_BYTES);
    return OK;
}

/* Where rows are read from and to. */
struct reading {
    struct db *db;
    struct ring *ring;
    struct arena *mem;
    const struct message_reader *reader;
};

/* Is the row what was written? */
static enum err check_mac(const struct reading *r, const struct aead_key *key,
                          const struct row *row, const struct message_row *message)
{
    const struct message_facts facts = {.room = message->room,
                                        .seqno_creation = message->seqno_creation,
                                        .seqno_data = message->seqno_data,
                                        .state = row_i64(row, 12),
                                        .posted = message->posted,
                                        .edited = message->edited,
                                        .author = &message->author,
                                        .whisper_to =
                                            message->has_whisper_to ? &message->whisper_to : NULL,
                                        .whisper_mods = message->whisper_mods,
                                        .sealed = row_bytes(row, 10)};
    const struct span none = {NULL, 0};
    return message_mac_check(r->ring, key, &facts,
                             row_is_null(row, 13) ? none : row_bytes(row, 13));
}

/*
 * Opens a copy in the arena, in place; marks the message when it does not open, or is not what was
 * written.
 */
static enum err open_body(const struct reading *r, const struct row *row,
                          struct message_row *message)
{
    struct aead_key key;
    struct span body = row_bytes(row, 10);
    enum err e = ring_key_for(r->ring, r->db, RING_MESSAGES, message->room, row_i64(row, 9), &key);
    if (e == OK)
        e = check_mac(r, &key, row, message);
    uint8_t *copy = e == OK ? arena_alloc(r->mem, body.len) : NULL;
    if (e == OK && !copy)
        e = ERR_NO_MEMORY;
    if (copy && body.len > 0)
        memcpy(copy, body.p, body.len);
    if (e == OK)
        e = message_open(&key, message->room, message->seqno_creation,
                         (struct bytes){copy, body.len}, &message->signature, &message->data);
    crypto_wipe(&key, sizeof(key));
    if (!damage_is(e))
        return e;
    damage_note(ring_damage(r->ring), DAMAGED_MESSAGE, message->id);
    message->damaged = true;
    return OK;
}

static bool is_seen(const struct message_reader *reader, const struct message_row *message)
{
    return reader == NULL || reader->sees == NULL || reader->sees(message, reader->sees_arg);
}

static enum err read_message(const struct reading *r, const struct row *row,
                             struct message_row *message)
{
    *message = (struct message_row){.id = row_i64(row, 0),
                                    .room = row_i64(row, 11),
                                    .posted = row_f64(row, 2),
                                    .edited = row_f64_or(row, 3, 0),
                                    .seqno_creation = row_i64(row, 4),
                                    .seqno_data = row_i64(row, 5),
                                    .seqno_reactions = row_i64(row, 6),
                                    .has_whisper_to = !row_is_null(row, 7),
                                    .whisper_mods = row_bool(row, 8),
                                    .deleted = row_is_null(row, 10)};
    row_key(row, 1, message->author.b, sizeof(message->author.b));
    if (message->has_whisper_to)
        row_key(row, 7, message->whisper_to.b, sizeof(message->whisper_to.b));
    message->whisper = message->has_whisper_to || message->whisper_mods;
    if (message->deleted || !is_seen(r->reader, message))
        return OK;
    return open_body(r, row, message);
}

/*
 * The rows with their reactions, which are read by a statement of their own when there may be any.
 */
static enum err read_messages(const struct reading *r, struct rows *rows,
                              struct message_row **ret_rows, size_t *ret_count)
{
    size_t count = (size_t)rows->count;
    struct message_row *messages = ARENA_ARRAY(r->mem, count, struct message_row);
    if (!messages)
        return ERR_NO_MEMORY;
    struct row row;
    enum err e = OK;
    for (size_t i = 0; e == OK && rows_next(rows, &row); i++)
        e = read_message(r, &row, &messages[i]);
    if (e == OK && !rows_ok(rows))
        e = ERR_DEFECT;
    if (e == OK)
        e = reactions_attach(r->db, r->ring, r->mem, r->reader, messages, count);
    if (e == OK) {
        *ret_rows = messages;
        *ret_count = count;
    }
    return e;
}

/* Under which number a row of that query stands in it. */
static int64_t event_of(const struct message_row *row, int64_t since)
{
    return row->seqno_data > since ? row->seqno_data : row->seqno_reactions;
}

enum err messages_events(struct db *db, struct ring *ring, struct arena *mem,
                         const struct message_query *q, struct message_row **ret_rows,
                         size_t *ret_count, int64_t *ret_complete_to)
{
    AUTO_ROWS struct rows rows = {0};
    size_t count = 0;
    const size_t limit = (size_t)q->limit;
    if (q->since >=
        q->up_to) { /* readers may send any number; past here it fits the index of lives */
        *ret_rows = NULL;
        *ret_count = 0;
        *ret_complete_to = q->up_to;
        return OK;
    }
    enum err e = DB_RUN(db, "messages.events", &rows, PARAM_I64(q->room), PARAM_I64(q->since),
                        PARAM_I64(q->up_to), PARAM_I64(q->limit + 1), PARAM_BOOL(q->reactions),
                        PARAM_I64(q->known_to));
    if (e == OK)
        e = read_messages(&(struct reading){db, ring, mem, q->reader}, &rows, ret_rows, &count);
    if (e != OK)
        return e;
    *ret_count = count > limit ? limit : count;
    *ret_complete_to = q->up_to;
    if (count > limit) { /* the row beyond the limit is read for its number only */
        int64_t last = event_of(&(*ret_rows)[limit - 1], q->since);
        int64_t beyond = event_of(&(*ret_rows)[limit], q->since);
        *ret_complete_to = beyond > last ? beyond - 1 : last;
    }
    return OK;
}

enum err messages_before(struct db *db, struct ring *ring, struct arena *mem,
                         const struct message_range *range, struct message_row **ret_rows,
                         size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    const struct reading reading = {db, ring, mem, range->reader};
    enum err e = DB_RUN(db, "messages.before", &rows, PARAM_I64(range->room),
                        PARAM_I64(range->before), PARAM_I64(range->limit));
    return e == OK ? read_messages(&reading, &rows, ret_rows, ret_count) : e;
}

enum err messages_one(struct db *db, struct ring *ring, struct arena *mem, int64_t room, int64_t id,
                      const struct message_reader *reader, struct message_row *ret_row)
{
    AUTO_ROWS struct rows rows = {0};
    const struct reading reading = {db, ring, mem, reader};
    struct message_row *messages = NULL;
    size_t count = 0;
    enum err e = DB_RUN(db, "messages.one", &rows, PARAM_I64(room), PARAM_I64(id));
    if (e == OK)
        e = read_messages(&reading, &rows, &messages, &count);
    if (e == OK && (count == 0 || messages[0].damaged))
        e = ERR_MISSING;
    if (e == OK)
        *ret_row = messages[0];
    return e;
}

enum err messages_by_ids(struct db *db, struct ring *ring, struct arena *mem, const int64_t *ids,
                         size_t count, struct message_row **ret_rows)
{
    AUTO_ROWS struct rows rows = {0};
    const struct reading reading = {db, ring, mem, NULL};
    size_t found = 0;
    enum err e = DB_RUN(db, "messages.by_ids", &rows, PARAM_ARRAY(P_I64_ARRAY, ids, count));
    if (e == OK)
        e = read_messages(&reading, &rows, ret_rows, &found);
    return e == OK && found != count ? ERR_DEFECT : e;
}
