/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ring of row keys: wrapped in table ring_keys, open in locked memory while the server runs. Rows themselves are
 * sealed by whoever writes them (message_seal, files/blob.c).
 */
#include "store/ring.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/box.h"
#include "crypto/secret.h"
#include "store/internal.h"

enum {
    CACHE_KEYS =
        4096, /* a room's key a month: far more than are read from in practice; the oldest slot is reused */
    WRAP_PLACE_BYTES = 24,
};

const struct statement ring_statements[] = {
    {"ring.find", "SELECT id, wrapped"
                  "  FROM ring_keys"
                  " WHERE kind = $1 AND coalesce(room, 0) = $2 AND month = $3"},
    {"ring.add", "INSERT INTO ring_keys (kind, room, month, wrapped)"
                 "VALUES ($1, $2, $3, $4)"
                 "    ON CONFLICT DO NOTHING"},
    {"ring.by_id", "SELECT kind, coalesce(room, 0), month, wrapped"
                   "  FROM ring_keys"
                   " WHERE id = $1"},
    {"ring.forget_dms",
     "DELETE FROM ring_keys k"
     " WHERE k.kind = 3 AND k.month < $1"
     "   AND NOT EXISTS (SELECT 1 FROM direct_messages d WHERE d.key_id = k.id)"},
    {"ring.check_write", "UPDATE server"
                         "   SET storage_check = $1"
                         " WHERE storage_check IS NULL"},
    STATEMENTS_END,
};

struct slot {
    int64_t id; /* 0: free */
    int64_t kind, room, month;
    struct aead_key key;
};

struct ring {
    pthread_mutex_t lock;     /* guards slots and next */
    struct aead_key *storage; /* locked memory */
    struct slot *slots;       /* locked memory */
    size_t next;
    struct damage *damage;
};

/* Where a key belongs, as bytes that its wrapping also covers. */
struct ring_place {
    int64_t kind, room, month;
};

static struct span place_bytes(const struct ring_place *p, uint8_t out[static WRAP_PLACE_BYTES])
{
    const int64_t parts[] = {p->kind, p->room, p->month};
    for (size_t i = 0; i < WRAP_PLACE_BYTES; i++)
        out[i] = (uint8_t)((uint64_t)parts[i / 8] >> (8 * (i % 8)));
    return span_of(out, WRAP_PLACE_BYTES);
}

/* Months since January 1970, UTC. */
static int64_t month_of(int64_t now_ms)
{
    /* Civil-from-days, shifted so that a year begins in March (public calendar arithmetic). */
    int64_t days = now_ms / DAY_MS + 719468;
    int64_t era = days / 146097;
    int64_t day_of_era = days % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0: March */
    return (year_of_era + era * 400 - 1970) * 12 + month + 2;
}

enum err ring_new(const uint8_t storage_key[static 32], struct ring **ret_ring)
{
    struct ring *ring = MEM_NEW(struct ring);
    if (!ring)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&ring->lock, NULL);
    ring->storage = secret_alloc(sizeof(*ring->storage));
    ring->slots = secret_alloc(CACHE_KEYS * sizeof(*ring->slots));
    ring->damage = damage_new();
    if (!ring->storage || !ring->slots || !ring->damage) {
        ring_free(ring);
        return ERR_NO_MEMORY;
    }
    memcpy(ring->storage->b, storage_key, sizeof(ring->storage->b));
    *ret_ring = ring;
    return OK;
}

void ring_free(struct ring *ring)
{
    if (!ring)
        return;
    secret_free(ring->storage);
    secret_free(ring->slots);
    damage_free(ring->damage);
    pthread_mutex_destroy(&ring->lock);
    mem_free(ring);
}

struct damage *ring_damage(struct ring *ring)
{
    return ring->damage;
}

static bool recall_place(struct ring *ring, const struct ring_place *p, int64_t *ret_id,
                         struct aead_key *ret_key)
{
    bool found = false;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; !found && i < CACHE_KEYS && ring->slots[i].id != 0; i++) {
        const struct slot *s = &ring->slots[i];
        found = s->month == p->month && s->room == p->room && s->kind == p->kind;
        if (found) {
            *ret_id = s->id;
            *ret_key = s->key;
        }
    }
    pthread_mutex_unlock(&ring->lock);
    return found;
}

static bool recall_id(struct ring *ring, int64_t id, struct aead_key *ret_key)
{
    bool found = false;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; !found && i < CACHE_KEYS && ring->slots[i].id != 0; i++) {
        found = ring->slots[i].id == id;
        if (found)
            *ret_key = ring->slots[i].key;
    }
    pthread_mutex_unlock(&ring->lock);
    return found;
}

static void remember(struct ring *ring, int64_t id, const struct ring_place *p,
                     const struct aead_key *key)
{
    pthread_mutex_lock(&ring->lock);
    ring->slots[ring->next] = (struct slot){id, p->kind, p->room, p->month, *key};
    ring->next = (ring->next + 1) % CACHE_KEYS;
    pthread_mutex_unlock(&ring->lock);
}

static enum err unwrap(const struct ring *ring, const struct ring_place *p, struct span wrapped,
                       struct aead_key *ret_key)
{
    uint8_t bytes[72], ad[WRAP_PLACE_BYTES];
    if (wrapped.len != sizeof(bytes))
        return ERR_SEALED;
    memcpy(bytes, wrapped.p, sizeof(bytes));
    struct bytes plain;
    enum err e = box_open(CIPHER_XCHACHA20, ring->storage, place_bytes(p, ad),
                          (struct bytes){bytes, sizeof(bytes)}, &plain);
    if (e == OK && plain.len == sizeof(ret_key->b))
        memcpy(ret_key->b, plain.p, sizeof(ret_key->b));
    else if (e == OK)
        e = ERR_SEALED;
    crypto_wipe(bytes, sizeof(bytes));
    return e;
}

/* The key of a place as the database has it. ERR_MISSING: not made yet. */
static enum err find(struct ring *ring, struct db *db, const struct ring_place *p, int64_t *ret_id,
                     struct aead_key *ret_key)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e =
        DB_RUN(db, "ring.find", &rows, PARAM_I16(p->kind), PARAM_I64(p->room), PARAM_I32(p->month));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    int64_t id = row_i64(&row, 0);
    e = unwrap(ring, p, row_bytes(&row, 1), ret_key);
    /* Nothing of this month can be sealed until it is mended: no mistake of the caller's. */
    if (e == ERR_SEALED) {
        damage_note(ring->damage, DAMAGED_KEY, id);
        return ERR_DEFECT;
    }
    if (e == OK)
        *ret_id = id;
    return e;
}

/* A new random key for a place; when another process was first, its key stands. */
static enum err add(struct ring *ring, struct db *db, const struct ring_place *p)
{
    struct aead_key key;
    uint8_t ad[WRAP_PLACE_BYTES];
    crypto_random(key.b, sizeof(key.b));
    AUTO_BUF struct buf wrapped = buf_make(KIB(1));
    enum err e =
        box_seal(CIPHER_XCHACHA20, ring->storage, place_bytes(p, ad), SPAN_OF_KEY(&key), &wrapped);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    return DB_RUN(db, "ring.add", NULL, PARAM_I16(p->kind), param_i64_or_null(p->room),
                  PARAM_I32(p->month), PARAM_BYTES(buf_span(&wrapped)));
}

enum err ring_key_current(struct ring *ring, struct db *db, enum ring_kind kind, int64_t room,
                          int64_t now_ms, int64_t *ret_key_id, struct aead_key *ret_key)
{
    const struct ring_place p = {(int64_t)kind, room, month_of(now_ms)};
    if (recall_place(ring, &p, ret_key_id, ret_key))
        return OK;
    if (!db)
        return ERR_RETRY;
    enum err e = find(ring, db, &p, ret_key_id, ret_key);
    bool made_here = e == ERR_MISSING;
    if (made_here)
        e = add(ring, db, &p);
    if (e == OK && made_here)
        e = find(ring, db, &p, ret_key_id, ret_key);
    /* A key made inside a transaction may yet be rolled back: it is remembered when it is next found. */
    if (e == OK && !(made_here && db_in_transaction(db)))
        remember(ring, *ret_key_id, &p, ret_key);
    return e;
}

enum err ring_key_by_id(struct ring *ring, struct db *db, int64_t key_id, struct aead_key *ret_key)
{
    if (recall_id(ring, key_id, ret_key))
        return OK;
    if (!db)
        return ERR_RETRY;
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "ring.by_id", &rows, PARAM_I64(key_id));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    const struct ring_place p = {row_i64(&row, 0), row_i64(&row, 1), row_i64(&row, 2)};
    e = unwrap(ring, &p, row_bytes(&row, 3), ret_key);
    if (e == ERR_SEALED)
        damage_note(ring->damage, DAMAGED_KEY, key_id);
    if (e == OK)
        remember(ring, key_id, &p, ret_key);
    return e;
}

/* A fixed text sealed by the storage key: opens only under the same one. */
#define CHECK_TEXT SPAN("conclave storage key")

enum err ring_verify(struct ring *ring, struct db *db)
{
    AUTO_BUF struct buf sealed = buf_make(KIB(1));
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    /* Not prepared: asked once, and of a database that is being restored, too. */
    enum err e = db_query(db, "SELECT storage_check FROM conclave.server", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row) || row_is_null(&row, 0))
        return ERR_MISSING;
    buf_put(&sealed, row_bytes(&row, 0));
    struct bytes plain = {0};
    e = buf_verdict(&sealed);
    if (e == OK)
        e = box_open(CIPHER_XCHACHA20, ring->storage, (struct span){0},
                     (struct bytes){sealed.p, sealed.len}, &plain);
    return e == OK && !span_eq(span_of_bytes(plain), CHECK_TEXT) ? ERR_SEALED : e;
}

enum err ring_check(struct ring *ring, struct db *db)
{
    AUTO_BUF struct buf sealed = buf_make(KIB(1));
    enum err e = box_seal(CIPHER_XCHACHA20, ring->storage, (struct span){0}, CHECK_TEXT, &sealed);
    if (e == OK)
        e = DB_RUN(db, "ring.check_write", NULL, PARAM_BYTES(buf_span(&sealed)));
    return e == OK ? ring_verify(ring, db) : e;
}

enum err ring_forget_dms(struct db *db, int64_t now_ms)
{
    /* Last month's may still be in use by somebody whose clock is a little behind. */
    return DB_RUN(db, "ring.forget_dms", NULL, PARAM_I32(month_of(now_ms) - 1));
}
