/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealing chunks on the way in, opening them on the way out. The place of a chunk (blob, number) is bound into its seal,
 * so rows cannot be exchanged in the database unnoticed.
 */
#include "files/blob.h"

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/box.h"
#include "store/ring.h"

enum { PLACE_BYTES = 16 };

/* blob and n, little-endian: the data that a chunk's seal also covers. */
static struct span place(uint8_t out[static PLACE_BYTES], int64_t blob, int64_t n)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)blob >> (8 * i));
        out[8 + i] = (uint8_t)((uint64_t)n >> (8 * i));
    }
    return span_of(out, PLACE_BYTES);
}

struct putting {
    const struct blob_put *put;
    struct aead_key key;
    int64_t key_id;
    double expiry;
};

static enum err insert_chunks(struct db *db, const struct putting *p, int64_t blob)
{
    AUTO_BUF struct buf sealed = buf_make(FILE_CHUNK_BYTES + KIB(1));
    struct span rest = p->put->body;
    enum err e = OK;
    for (int64_t n = 0; e == OK && rest.len > 0; n++) {
        uint8_t ad[PLACE_BYTES];
        buf_reset(&sealed);
        e = box_seal(CIPHER_XCHACHA20, &p->key, place(ad, blob, n),
                     span_first(rest, FILE_CHUNK_BYTES), &sealed);
        if (e == OK)
            e = files_chunk_insert(db, p->put->day, blob, n, buf_span(&sealed));
        rest = span_skip(rest, FILE_CHUNK_BYTES);
    }
    return e;
}

/* May run twice: it has no effect outside the database but p->expiry. */
static enum err put_in_transaction(struct db *db, void *arg)
{
    struct putting *p = arg;
    const struct blob_put *put = p->put;
    struct blob_row wanted = {.size = (int64_t)put->body.len, .key_id = p->key_id, .day = put->day};
    struct blob_row blob;
    bool created = false;
    enum err e = files_blob_claim(db, &put->hash, &wanted, &blob, &created);
    if (e == OK && blob.blocked)
        e = ERR_DENIED;
    if (e == OK && created)
        e = insert_chunks(db, p, blob.id);
    if (e == OK)
        e = files_publish(db, blob.id, put->now, put->expiry, &p->expiry);
    return e;
}

enum err blob_put(struct db *db, struct ring *ring, const struct blob_put *put, double *ret_expiry)
{
    struct putting p = {.put = put};
    enum err e = ring_key_current(ring, db, RING_FILES, 0, (int64_t)(put->now * SECOND_MS),
                                  &p.key_id, &p.key);
    if (e == OK)
        e = db_tx(db, put_in_transaction, &p);
    crypto_wipe(&p.key, sizeof(p.key));
    if (e == OK)
        *ret_expiry = p.expiry;
    return e;
}

enum err blob_stat(struct db *db, const struct file_hash *hash, double now,
                   struct file_row *ret_file)
{
    return files_by_hash(db, hash, now, ret_file);
}

struct blob_source {
    struct body_source base;
    struct ring *ring;
    struct file_hash hash;
    struct blob_row blob;
    int64_t next_chunk;
    struct buf chunk;
};

/* The partition was due and the chunk moved to a later day: ask where it is now. */
static enum err read_chunk(struct blob_source *s, struct db *db)
{
    buf_reset(&s->chunk);
    enum err e = files_chunk_read(db, s->blob.day, s->blob.id, s->next_chunk, &s->chunk);
    if (e != ERR_MISSING)
        return e;
    struct file_row file;
    e = files_by_hash(db, &s->hash, (double)clock_wall_ms() / SECOND_MS, &file);
    if (e != OK || file.blob.id != s->blob.id || file.blob.day == s->blob.day)
        return e == OK ? ERR_MISSING : e;
    s->blob = file.blob;
    return files_chunk_read(db, s->blob.day, s->blob.id, s->next_chunk, &s->chunk);
}

static enum err next_piece(struct body_source *source, struct db *db, struct span *ret_piece)
{
    struct blob_source *s = (struct blob_source *)source;
    struct aead_key key;
    enum err e = read_chunk(s, db);
    if (e == OK)
        e = ring_key_by_id(s->ring, db, s->blob.key_id, &key);
    if (e != OK)
        return e;
    uint8_t ad[PLACE_BYTES];
    struct bytes plain;
    e = box_open(CIPHER_XCHACHA20, &key, place(ad, s->blob.id, s->next_chunk),
                 (struct bytes){s->chunk.p, s->chunk.len}, &plain);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    s->next_chunk++;
    *ret_piece = span_of_bytes(plain);
    return OK;
}

static void close_source(struct body_source *source)
{
    struct blob_source *s = (struct blob_source *)source;
    buf_done(&s->chunk);
    mem_free(s);
}

enum err blob_open(struct ring *ring, const struct file_hash *hash, const struct file_row *file,
                   struct body_source **ret_source)
{
    struct blob_source *s = MEM_NEW(struct blob_source);
    if (!s)
        return ERR_NO_MEMORY;
    s->base = (struct body_source){(uint64_t)file->blob.size, next_piece, close_source};
    s->ring = ring;
    s->hash = *hash;
    s->blob = file->blob;
    s->chunk = buf_make(FILE_CHUNK_BYTES + KIB(1));
    *ret_source = &s->base;
    return OK;
}
