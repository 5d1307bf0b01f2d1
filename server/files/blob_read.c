/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding content and reading it: stat and get of blob.h.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "files/blob.h"
#include "files/seal.h"
#include "store/ring.h"

/* ---- stat ---- */

/*
 * A file that was given to another room in the database is damaged: its key is of its first room.
 */
static enum err key_of(struct db *db, struct ring *ring, int64_t room, const struct blob_row *blob,
                       struct aead_key *ret_key)
{
    return ring_key_for(ring, db, RING_FILES, room, blob->key_id, ret_key);
}

static enum err open_sealed_name(struct db *db, struct ring *ring, struct arena *mem,
                                 const struct file_row *file, struct span *ret_name)
{
    struct aead_key key;
    struct bytes plain = {NULL, 0};
    uint8_t *copy = arena_alloc(mem, file->name.len);
    if (!copy)
        return ERR_NO_MEMORY;
    memcpy(copy, file->name.p, file->name.len);
    enum err e = key_of(db, ring, file->room, &file->blob, &key);
    if (e == OK)
        e = seal_open(&key, file->blob.id, SEAL_NAME, (struct bytes){copy, file->name.len}, &plain);
    crypto_wipe(&key, sizeof(key));
    if (e == OK)
        *ret_name = span_of_bytes(plain);
    return e;
}

/* A name that does not open (its key went with the room, or it is damaged) is no name. */
static enum err open_name(struct db *db, struct ring *ring, struct arena *mem,
                          struct file_row *file)
{
    struct span name = {NULL, 0};
    enum err e = open_sealed_name(db, ring, mem, file, &name);
    if (damage_is(e))
        damage_note(ring_damage(ring), DAMAGED_FILE, file->blob.id);
    if (e != OK && !damage_is(e))
        return e;
    file->name = name;
    return OK;
}

enum err blob_stat(struct db *db, struct ring *ring, const struct blob_ref *ref, struct arena *mem,
                   double now, struct file_row *ret_file)
{
    struct file_row file;
    enum err e = ref->room == 0 ? files_by_hash(db, &ref->hash, now, &file)
                                : room_files_find(db, mem, ref->room, ref->file, now, &file);
    if (e == OK && file.name.p != NULL)
        e = open_name(db, ring, mem, &file);
    if (e == OK)
        *ret_file = file;
    return e;
}

/* ---- get ---- */

struct blob_source {
    struct body_source base;
    struct ring *ring;
    struct blob_ref ref;
    struct blob_row blob;
    int64_t room;
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
    e = blob_stat(db, s->ring, &s->ref, NULL, (double)clock_wall_ms() / SECOND_MS, &file);
    if (e != OK || file.blob.id != s->blob.id || file.blob.day == s->blob.day)
        return e == OK ? ERR_MISSING : e;
    s->blob = file.blob;
    return files_chunk_read(db, s->blob.day, s->blob.id, s->next_chunk, &s->chunk);
}

static enum err open_chunk(struct blob_source *s, struct db *db, struct bytes *ret_plain)
{
    struct aead_key key;
    enum err e = read_chunk(s, db);
    if (e != OK)
        return e;
    e = key_of(db, s->ring, s->room, &s->blob, &key);
    if (e == OK)
        e = seal_open(&key, s->blob.id, s->next_chunk, (struct bytes){s->chunk.p, s->chunk.len},
                      ret_plain);
    crypto_wipe(&key, sizeof(key));
    if (!damage_is(e))
        return e;
    damage_note(ring_damage(s->ring), DAMAGED_FILE, s->blob.id);
    return ERR_MISSING;
}

static enum err next_piece(struct body_source *source, struct db *db, struct span *ret_piece)
{
    struct blob_source *s = (struct blob_source *)source;
    struct bytes plain;
    enum err e = open_chunk(s, db, &plain);
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

enum err blob_open(struct ring *ring, const struct blob_ref *ref, const struct file_row *file,
                   struct body_source **ret_source)
{
    struct blob_source *s = MEM_NEW(struct blob_source);
    if (!s)
        return ERR_NO_MEMORY;
    s->base = (struct body_source){(uint64_t)file->blob.size, next_piece, close_source};
    s->ring = ring;
    s->ref = *ref;
    s->blob = file->blob;
    s->room = file->room;
    s->chunk = buf_make(FILE_CHUNK_BYTES + KIB(1));
    *ret_source = &s->base;
    return OK;
}

/* ---- beginnings and whole contents, for checks ---- */

enum err blob_beginning(struct db *db, struct ring *ring, const struct blob_ref *ref,
                        const struct file_row *file, struct buf *out)
{
    struct body_source *source = NULL;
    struct span piece = {NULL, 0};
    if (file->blob.size == 0)
        return OK;
    enum err e = blob_open(ring, ref, file, &source);
    if (e == OK)
        e = source->next(source, db, &piece);
    if (e == OK)
        buf_put(out, span_first(piece, out->max));
    if (source)
        source->close(source);
    return e == OK ? buf_verdict(out) : e;
}

/* out NULL: only reads. */
static enum err read_pieces(struct db *db, struct ring *ring, const struct file_row *file,
                            struct buf *out)
{
    const struct blob_ref nowhere = {.room = 0};
    struct body_source *source = NULL;
    enum err e = blob_open(ring, &nowhere, file, &source);
    for (uint64_t left = (uint64_t)file->blob.size; e == OK && left > 0;) {
        struct span piece = {NULL, 0};
        e = source->next(source, db, &piece);
        if (e == OK && (piece.len == 0 || piece.len > left))
            e = ERR_DEFECT;
        if (e != OK)
            break;
        left -= piece.len;
        if (out != NULL) {
            buf_put(out, piece);
            e = buf_verdict(out);
        }
    }
    if (source)
        source->close(source);
    return e;
}

enum err blob_read_all(struct db *db, struct ring *ring, const struct file_row *file,
                       struct buf *out)
{
    return read_pieces(db, ring, file, out);
}

enum err blob_verify(struct db *db, struct ring *ring, struct arena *mem,
                     const struct file_row *file)
{
    struct span name;
    enum err e = file->name.p != NULL ? open_sealed_name(db, ring, mem, file, &name) : OK;
    if (e == OK)
        e = read_pieces(db, ring, file, NULL);
    return e == ERR_DEFECT ? ERR_SEALED : e; /* pieces of another length than was stored */
}
