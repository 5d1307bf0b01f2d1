/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One fixed layout of facts, hashed, and the SQL of rows that have no MAC yet.
 */
#include "store/message_mac.h"

#include "crypto/box.h"
#include "crypto/mac.h"
#include "store/internal.h"

enum {
    NUMBERS = 6,
    ID_BYTES = sizeof(struct session_id),
    ENDS_BYTES = BOX_NONCE_MAX_BYTES + BOX_TAG_BYTES,
    FACTS_BYTES = NUMBERS * 8 + 1 + 2 * ID_BYTES + ENDS_BYTES,
};

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

enum err message_mac(const struct aead_key *row_key, const struct message_facts *f,
                     struct message_mac *ret_mac)
{
    static const struct session_id nobody;
    const uint64_t numbers[NUMBERS] = {(uint64_t)f->room,       (uint64_t)f->seqno_creation,
                                       (uint64_t)f->seqno_data, (uint64_t)f->state,
                                       bits_of(f->posted),      bits_of(f->edited)};
    const uint8_t whisper =
        (uint8_t)((f->whisper_mods ? 1U : 0U) | (f->whisper_to != NULL ? 2U : 0U));
    uint8_t facts[FACTS_BYTES], whole[MAC_BYTES], *at = facts;
    struct mac_key key;
    if (f->sealed.len < ENDS_BYTES)
        return ERR_DEFECT;
    for (size_t i = 0; i < NUMBERS * 8; i++)
        *at++ = (uint8_t)(numbers[i / 8] >> (8 * (i % 8)));
    at = put(at, &whisper, 1);
    at = put(at, f->author->b, ID_BYTES);
    at = put(at, f->whisper_to != NULL ? f->whisper_to->b : nobody.b, ID_BYTES);
    at = put(at, f->sealed.p, BOX_NONCE_MAX_BYTES);
    (void)put(at, f->sealed.p + f->sealed.len - BOX_TAG_BYTES, BOX_TAG_BYTES);
    row_key_for_mac(row_key, &key);
    mac_of(&key, span_of(facts, sizeof(facts)), whole);
    crypto_wipe(&key, sizeof(key));
    memcpy(ret_mac->b, whole, sizeof(ret_mac->b));
    return OK;
}

enum err message_mac_check(struct ring *ring, const struct aead_key *row_key,
                           const struct message_facts *facts, struct span mac)
{
    struct message_mac right;
    if (mac.p == NULL)
        return ring_macs_required(ring) ? ERR_SEALED : OK;
    if (message_mac(row_key, facts, &right) != OK)
        return ERR_SEALED;
    return mac_eq(SPAN_OF_KEY(&right), mac) ? OK : ERR_SEALED;
}

/* :mac_columns; people: where the author and the reader of a whisper are put. */
static void read_facts(const struct row *row, int first, struct session_id people[static 2],
                       struct message_facts *facts)
{
    facts->seqno_data = row_i64(row, first);
    facts->state = row_i64(row, first + 1);
    facts->posted = row_f64(row, first + 2);
    facts->edited = row_f64_or(row, first + 3, 0);
    row_key(row, first + 4, people[0].b, ID_BYTES);
    facts->author = &people[0];
    if (!row_is_null(row, first + 5)) {
        row_key(row, first + 5, people[1].b, ID_BYTES);
        facts->whisper_to = &people[1];
    }
    facts->whisper_mods = row_bool(row, first + 6);
}

enum err message_mac_check_row(struct ring *ring, const struct aead_key *row_key,
                               const struct row *row, int first, const struct message_facts *facts)
{
    struct session_id people[2] = {0};
    struct message_facts all = *facts;
    struct span mac = {NULL, 0};
    read_facts(row, first, people, &all);
    if (!row_is_null(row, first + 7))
        mac = row_bytes(row, first + 7);
    return message_mac_check(ring, row_key, &all, mac);
}

/* ---- rows without one ---- */

struct filling {
    struct ring *ring;
    struct arena *mem;
    int64_t limit, after;
    int64_t read, filled;
};

/* ERR_SEALED, ERR_MISSING: its key is gone. */
static enum err mac_of_row(struct filling *f, struct db *db, const struct row *row,
                           struct message_mac *ret_mac)
{
    struct aead_key key;
    struct session_id people[2] = {0};
    struct message_facts facts = {
        .room = row_i64(row, 1), .seqno_creation = row_i64(row, 2), .sealed = row_bytes(row, 4)};
    read_facts(row, 5, people, &facts);
    enum err e = ring_key_for(f->ring, db, RING_MESSAGES, facts.room, row_i64(row, 3), &key);
    if (e == OK)
        e = message_mac(&key, &facts, ret_mac);
    crypto_wipe(&key, sizeof(key));
    return e;
}

static enum err fill(struct db *db, void *arg)
{
    struct filling *f = arg;
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    size_t count = 0;
    f->read = f->filled = 0;
    enum err e = DB_RUN(db, "message_mac.missing", &rows, PARAM_I64(f->after), PARAM_I64(f->limit));
    if (e != OK)
        return e;
    int64_t *ids = ARENA_ARRAY(f->mem, (size_t)rows.count, int64_t);
    struct span *spans = ARENA_ARRAY(f->mem, (size_t)rows.count, struct span);
    struct message_mac *macs = ARENA_ARRAY(f->mem, (size_t)rows.count, struct message_mac);
    if (ids == NULL || spans == NULL || macs == NULL)
        return ERR_NO_MEMORY;
    while (rows_next(&rows, &row)) {
        ids[count] = f->after = row_i64(&row, 0);
        e = mac_of_row(f, db, &row, &macs[count]);
        if (e != OK && !damage_is(e))
            return e;
        spans[count] = SPAN_OF_KEY(&macs[count]);
        count += e == OK;
        f->read++;
    }
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    f->filled = (int64_t)count;
    return count == 0 ? OK
                      : DB_RUN(db, "message_mac.fill", NULL, PARAM_ARRAY(P_I64_ARRAY, ids, count),
                               PARAM_ARRAY(P_BYTES_ARRAY, spans, count));
}

enum err message_macs_fill(struct db *db, struct ring *ring, struct arena *mem, int64_t limit,
                           int64_t *after, int64_t *ret_read, int64_t *ret_filled)
{
    struct filling f = {ring, mem, limit, *after, 0, 0};
    enum err e = store_tx(db, fill, &f);
    if (e != OK)
        return e;
    *after = f.after;
    *ret_read = f.read;
    *ret_filled = f.filled;
    return OK;
}

enum err message_macs_missing(struct db *db, int64_t *ret_missing)
{
    return store_one_i64(db, "message_mac.count", NULL, 0, ret_missing);
}
