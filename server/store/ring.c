/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ring of row keys: wrapped in table ring_keys, open in locked memory while the server runs.
 * Rows themselves are sealed by whoever writes them (message_seal, files/blob.c).
 */
#include "store/ring.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/box.h"
#include "crypto/secret.h"
#include "store/internal.h"
#include "store/ring_internal.h"

enum {
    /* A room's key a month: far more than are read from in practice; the oldest slot is reused. */
    CACHE_KEYS = 4096,
    RING_WRAPPED_BYTES = 72,
    WRAP_PLACE_BYTES = 24,
};

struct slot {
    int64_t id; /* 0: free */
    int64_t kind, room, month;
    struct aead_key key;
};

struct ring {
    struct storage_keys *storage; /* has its own lock */
    pthread_mutex_t lock;         /* guards all below */
    struct slot *slots;           /* locked memory */
    size_t next;
    struct key_name used; /* the storage key to wrap with, as far as we know */
    bool macs_required;
    struct damage *damage;
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
    storage_key_name(storage_key, ring->used.b);
    ring->slots = secret_alloc(CACHE_KEYS * sizeof(*ring->slots));
    ring->damage = damage_new();
    if (!ring->slots || !ring->damage || storage_keys_new(storage_key, &ring->storage) != OK) {
        ring_free(ring);
        return ERR_NO_MEMORY;
    }
    *ret_ring = ring;
    return OK;
}

enum err ring_watch(struct ring *ring, const char *path)
{
    return storage_keys_watch(ring->storage, path);
}

void ring_free(struct ring *ring)
{
    if (!ring)
        return;
    storage_keys_free(ring->storage);
    secret_free(ring->slots);
    damage_free(ring->damage);
    pthread_mutex_destroy(&ring->lock);
    mem_free(ring);
}

struct damage *ring_damage(struct ring *ring)
{
    return ring->damage;
}

void ring_use(struct ring *ring, const struct key_name *name)
{
    pthread_mutex_lock(&ring->lock);
    ring->used = *name;
    pthread_mutex_unlock(&ring->lock);
}

enum err ring_find_storage(struct ring *ring, const struct key_name *name, struct aead_key *ret_key)
{
    return storage_keys_find(ring->storage, SPAN_OF_KEY(name), ret_key);
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

static bool recall_id(struct ring *ring, int64_t id, struct ring_place *ret_place,
                      struct aead_key *ret_key)
{
    bool found = false;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; !found && i < CACHE_KEYS && ring->slots[i].id != 0; i++) {
        const struct slot *s = &ring->slots[i];
        found = s->id == id;
        if (found) {
            *ret_place = (struct ring_place){s->kind, s->room, s->month};
            *ret_key = s->key;
        }
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

static enum err unwrap_with(const struct aead_key *storage, const struct ring_place *p,
                            struct span wrapped, struct aead_key *ret_key)
{
    uint8_t bytes[RING_WRAPPED_BYTES], ad[WRAP_PLACE_BYTES];
    memcpy(bytes, wrapped.p, sizeof(bytes));
    struct bytes plain;
    enum err e = box_open(CIPHER_XCHACHA20, storage, place_bytes(p, ad),
                          (struct bytes){bytes, sizeof(bytes)}, &plain);
    if (e == OK && plain.len == sizeof(ret_key->b))
        memcpy(ret_key->b, plain.p, sizeof(ret_key->b));
    else if (e == OK)
        e = ERR_SEALED;
    crypto_wipe(bytes, sizeof(bytes));
    return e;
}

enum err ring_unwrap(struct ring *ring, const struct ring_place *p, struct span wrapped,
                     struct span by, struct aead_key *ret_key)
{
    struct aead_key storage;
    struct key_name name;
    if (wrapped.len != RING_WRAPPED_BYTES)
        return ERR_SEALED;
    enum err e = ERR_SEALED;
    if (by.len > 0) {
        e = storage_keys_find(ring->storage, by, &storage);
        if (e == OK)
            e = unwrap_with(&storage, p, wrapped, ret_key);
    }
    for (size_t i = 0;
         by.len == 0 && e == ERR_SEALED && storage_keys_at(ring->storage, i, &storage, &name); i++)
        e = unwrap_with(&storage, p, wrapped, ret_key);
    crypto_wipe(&storage, sizeof(storage));
    return e;
}

enum err ring_wrap(const struct aead_key *storage, const struct ring_place *p,
                   const struct aead_key *key, struct buf *out)
{
    uint8_t ad[WRAP_PLACE_BYTES];
    return box_seal(CIPHER_XCHACHA20, storage, place_bytes(p, ad), SPAN_OF_KEY(key), out);
}

struct span ring_row_name(const struct row *row, int column)
{
    return row_is_null(row, column) ? (struct span){0} : row_bytes(row, column);
}

/* Was that row wrapped with a storage key that we have? */
static bool is_ours(struct ring *ring, struct span by)
{
    struct aead_key storage = {{0}};
    bool ours = by.len == 0 || storage_keys_find(ring->storage, by, &storage) == OK;
    crypto_wipe(&storage, sizeof(storage));
    return ours;
}

/*
 * The key of a place as the database has it. ERR_MISSING: not made yet. ERR_SEALED: its row is
 * damaged. ERR_DEFECT: we do not have the storage key that it is wrapped with.
 */
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
    e = ring_unwrap(ring, p, row_bytes(&row, 1), ring_row_name(&row, 2), ret_key);
    if (e == ERR_SEALED) {
        damage_note(ring->damage, DAMAGED_KEY, id);
        return is_ours(ring, ring_row_name(&row, 2)) ? ERR_SEALED : ERR_DEFECT;
    }
    if (e == OK)
        *ret_id = id;
    return e;
}

/* Another process may have exchanged the storage key since. */
static enum err ask_used(struct ring *ring, struct db *db)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    struct key_name used;
    enum err e = db_run(db, "ring.used", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row) || row_is_null(&row, 0))
        return OK;
    row_key(&row, 0, used.b, sizeof(used.b));
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    ring_use(ring, &used);
    return OK;
}

/* The storage key to wrap with. */
static enum err used_key(struct ring *ring, struct aead_key *ret_key, struct key_name *ret_name)
{
    pthread_mutex_lock(&ring->lock);
    *ret_name = ring->used;
    pthread_mutex_unlock(&ring->lock);
    return storage_keys_find(ring->storage, SPAN_OF_KEY(ret_name), ret_key);
}

/* A new random key for a place; when another process was first, its key stands. */
static enum err add(struct ring *ring, struct db *db, const struct ring_place *p)
{
    struct aead_key key, storage;
    struct key_name name;
    enum err e = used_key(ring, &storage, &name);
    if (e != OK)
        return e;
    crypto_random(key.b, sizeof(key.b));
    AUTO_BUF struct buf wrapped = buf_make(KIB(1));
    e = ring_wrap(&storage, p, &key, &wrapped);
    crypto_wipe(&key, sizeof(key));
    crypto_wipe(&storage, sizeof(storage));
    if (e != OK)
        return e;
    return DB_RUN(db, "ring.add", NULL, PARAM_I16(p->kind), param_i64_or_null(p->room),
                  PARAM_I32(p->month), PARAM_BYTES(buf_span(&wrapped)),
                  PARAM_BYTES(SPAN_OF_KEY(&name)));
}

static enum err find_or_add(struct ring *ring, struct db *db, const struct ring_place *p,
                            int64_t *ret_id, struct aead_key *ret_key)
{
    enum err e = add(ring, db, p);
    if (e == OK)
        e = find(ring, db, p, ret_id, ret_key);
    if (e != ERR_MISSING)
        return e;
    /* The storage key that we wrapped it with is not in use any more. */
    e = ask_used(ring, db);
    if (e == OK)
        e = add(ring, db, p);
    return e == OK ? find(ring, db, p, ret_id, ret_key) : e;
}

/* Made where there is none. *ret_new: in a transaction that may yet be rolled back. */
static enum err key_of(struct ring *ring, struct db *db, const struct ring_place *p,
                       int64_t *ret_id, struct aead_key *ret_key, bool *ret_new)
{
    enum err e = find(ring, db, p, ret_id, ret_key);
    if (e != ERR_MISSING)
        return e;
    *ret_new = db_in_transaction(db);
    return find_or_add(ring, db, p, ret_id, ret_key);
}

enum err ring_key_current(struct ring *ring, struct db *db, enum ring_kind kind, int64_t room,
                          int64_t now_ms, int64_t *ret_key_id, struct aead_key *ret_key)
{
    const struct ring_place p = {(int64_t)kind, room, month_of(now_ms)};
    if (recall_place(ring, &p, ret_key_id, ret_key))
        return OK;
    if (!db)
        return ERR_RETRY;
    bool is_new = false;
    enum err e = key_of(ring, db, &p, ret_key_id, ret_key, &is_new);
    if (e == ERR_SEALED) { /* the next month's takes its place */
        const struct ring_place next = {p.kind, p.room, p.month + 1};
        e = key_of(ring, db, &next, ret_key_id, ret_key, &is_new);
    }
    if (e == OK && !is_new)
        remember(ring, *ret_key_id, &p, ret_key);
    return e == ERR_SEALED ? ERR_DEFECT : e;
}

static enum err key_by_id(struct ring *ring, struct db *db, int64_t key_id,
                          struct ring_place *ret_place, struct aead_key *ret_key)
{
    if (recall_id(ring, key_id, ret_place, ret_key))
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
    e = ring_unwrap(ring, &p, row_bytes(&row, 3), ring_row_name(&row, 4), ret_key);
    if (e == ERR_SEALED)
        damage_note(ring->damage, DAMAGED_KEY, key_id);
    if (e == OK) {
        remember(ring, key_id, &p, ret_key);
        *ret_place = p;
    }
    return e;
}

enum err ring_key_by_id(struct ring *ring, struct db *db, int64_t key_id, struct aead_key *ret_key)
{
    struct ring_place place;
    return key_by_id(ring, db, key_id, &place, ret_key);
}

enum err ring_key_for(struct ring *ring, struct db *db, enum ring_kind kind, int64_t room,
                      int64_t key_id, struct aead_key *ret_key)
{
    struct ring_place place;
    enum err e = key_by_id(ring, db, key_id, &place, ret_key);
    if (e != OK || (place.kind == (int64_t)kind && place.room == room))
        return e;
    crypto_wipe(ret_key, sizeof(*ret_key));
    return ERR_SEALED;
}

/* A fixed text sealed by the storage key: opens only under the same one. */
#define CHECK_TEXT SPAN("conclave storage key")

static enum err open_check(const struct aead_key *storage, struct span check)
{
    AUTO_BUF struct buf sealed = buf_make(KIB(1));
    buf_put(&sealed, check);
    struct bytes plain = {0};
    enum err e = buf_verdict(&sealed);
    if (e == OK)
        e = box_open(CIPHER_XCHACHA20, storage, (struct span){0},
                     (struct bytes){sealed.p, sealed.len}, &plain);
    return e == OK && !span_eq(span_of_bytes(plain), CHECK_TEXT) ? ERR_SEALED : e;
}

static bool has_mark(const struct aead_key *storage, struct span check)
{
    uint8_t mark[STORAGE_KEY_MARK_BYTES];
    storage_key_mark(storage->b, mark);
    return span_eq(span_first(check, sizeof(mark)), span_of(mark, sizeof(mark)));
}

static void require_macs(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->macs_required = true;
    pthread_mutex_unlock(&ring->lock);
}

bool ring_macs_required(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    bool required = ring->macs_required;
    pthread_mutex_unlock(&ring->lock);
    return required;
}

enum err ring_verify(struct ring *ring, struct db *db)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    struct aead_key storage;
    struct key_name name;
    /* Not prepared: asked once, and of a database that is being restored, too. */
    enum err e = db_query(db, "SELECT storage_check FROM conclave.server", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row) || row_is_null(&row, 0))
        return ERR_MISSING;
    e = ERR_SEALED;
    bool marked = false;
    for (size_t i = 0; e == ERR_SEALED && storage_keys_at(ring->storage, i, &storage, &name); i++) {
        e = open_check(&storage, row_bytes(&row, 0));
        marked = e == OK && has_mark(&storage, row_bytes(&row, 0));
    }
    crypto_wipe(&storage, sizeof(storage));
    if (e != OK)
        return e;
    ring_use(ring, &name);
    if (marked)
        require_macs(ring);
    return OK;
}

enum err ring_seal_check(const struct aead_key *storage, bool marked, struct buf *out)
{
    uint8_t mark[STORAGE_KEY_MARK_BYTES];
    if (!marked)
        return box_seal(CIPHER_XCHACHA20, storage, (struct span){0}, CHECK_TEXT, out);
    storage_key_mark(storage->b, mark);
    return box_seal_with(storage, mark, CHECK_TEXT, out);
}

/* Writes a marked check value by that statement, under the storage key in use. */
static enum err write_check(struct ring *ring, struct db *db, const char *statement)
{
    AUTO_BUF struct buf sealed = buf_make(KIB(1));
    struct aead_key storage;
    struct key_name name;
    enum err e = used_key(ring, &storage, &name);
    if (e == OK)
        e = ring_seal_check(&storage, true, &sealed);
    crypto_wipe(&storage, sizeof(storage));
    return e == OK ? DB_RUN(db, statement, NULL, PARAM_BYTES(buf_span(&sealed)),
                            PARAM_BYTES(SPAN_OF_KEY(&name)))
                   : e;
}

enum err ring_require_macs(struct ring *ring, struct db *db)
{
    enum err e = write_check(ring, db, "ring.check_mark");
    return e == OK ? ring_verify(ring, db) : e;
}

enum err ring_check(struct ring *ring, struct db *db)
{
    struct aead_key storage;
    struct key_name name;
    /* A database that has none is new: no row in it may be without a MAC. */
    enum err e = write_check(ring, db, "ring.check_write");
    if (e == OK)
        e = ring_verify(ring, db);
    if (e == OK)
        e = used_key(ring, &storage, &name);
    crypto_wipe(&storage, sizeof(storage));
    return e == OK ? DB_RUN(db, "ring.name_write", NULL, PARAM_BYTES(SPAN_OF_KEY(&name))) : e;
}

enum err ring_storage_key(struct ring *ring, const struct key_name *name, uint8_t out[static 32])
{
    struct aead_key storage;
    struct key_name used;
    enum err e = name ? storage_keys_find(ring->storage, SPAN_OF_KEY(name), &storage)
                      : used_key(ring, &storage, &used);
    if (e == OK)
        memcpy(out, storage.b, sizeof(storage.b));
    crypto_wipe(&storage, sizeof(storage));
    return e;
}

enum err ring_forget_dms(struct db *db, int64_t now_ms)
{
    /* Last month's may still be in use by somebody whose clock is a little behind. */
    return DB_RUN(db, "ring.forget_dms", NULL, PARAM_I32(month_of(now_ms) - 1));
}
