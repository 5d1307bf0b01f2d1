/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exchanging the storage key: every row key is opened and wrapped anew, the rows that they seal
 * stay as they are.
 *
 * The row of table server is changed first. Whoever adds a row key has a share of its lock
 * (ring.add), so nobody adds one under the old storage key that we would not see, or afterwards.
 */
#include "base/mem.h"
#include "store/internal.h"
#include "store/ring_internal.h"

enum { SLICE_ROWS = 500, WRAPPED_MAX_BYTES = 128 };

struct rotation {
    struct ring *ring;
    const struct key_name *next;
    int64_t wrapped, kept;
};

struct slice {
    int64_t ids[SLICE_ROWS];
    struct span wrapped[SLICE_ROWS];
    size_t count;    /* to be written */
    int64_t last;    /* id of the last row that was read */
    struct buf *mem; /* what wrapped points into; reserved at once, so that it stays in its place */
};

static enum err rewrap(struct rotation *r, const struct aead_key *storage, const struct row *row,
                       struct slice *slice)
{
    const struct ring_place p = {row_i64(row, 1), row_i64(row, 2), row_i64(row, 3)};
    struct aead_key key;
    slice->last = row_i64(row, 0);
    enum err e = ring_unwrap(r->ring, &p, row_bytes(row, 4), ring_row_name(row, 5), &key);
    if (e == ERR_SEALED) {
        r->kept++;
        return OK;
    }
    if (e != OK)
        return e;
    size_t at = slice->mem->len;
    e = ring_wrap(storage, &p, &key, slice->mem);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    slice->ids[slice->count] = slice->last;
    slice->wrapped[slice->count++] = span_of(slice->mem->p + at, slice->mem->len - at);
    return OK;
}

static enum err read_slice(struct rotation *r, struct db *db, const struct aead_key *storage,
                           struct slice *slice, int *ret_read)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = DB_QUERY(db,
                          "SELECT id, kind, coalesce(room, 0), month, wrapped, wrapped_by"
                          "  FROM conclave.ring_keys"
                          " WHERE id > $1 AND wrapped_by IS DISTINCT FROM $2"
                          " ORDER BY id"
                          " LIMIT $3",
                          &rows, PARAM_I64(slice->last), PARAM_BYTES(SPAN_OF_KEY(r->next)),
                          PARAM_I64(SLICE_ROWS));
    int read = 0;
    while (e == OK && rows_next(&rows, &row)) {
        e = rewrap(r, storage, &row, slice);
        read++;
    }
    if (e == OK && !rows_ok(&rows))
        return ERR_DEFECT;
    *ret_read = read;
    return e;
}

static enum err write_slice(struct rotation *r, struct db *db, const struct slice *slice)
{
    if (slice->count == 0)
        return OK;
    r->wrapped += (int64_t)slice->count;
    return DB_QUERY(db,
                    "UPDATE conclave.ring_keys k"
                    "   SET wrapped = n.wrapped, wrapped_by = $3"
                    "  FROM unnest($1::bigint[], $2::bytea[]) AS n (id, wrapped)"
                    " WHERE k.id = n.id",
                    NULL, PARAM_ARRAY(P_I64_ARRAY, slice->ids, slice->count),
                    PARAM_ARRAY(P_BYTES_ARRAY, slice->wrapped, slice->count),
                    PARAM_BYTES(SPAN_OF_KEY(r->next)));
}

static enum err rewrap_all(struct rotation *r, struct db *db, const struct aead_key *storage)
{
    AUTO_BUF struct buf mem = buf_make(SLICE_ROWS * WRAPPED_MAX_BYTES);
    struct slice *slice = MEM_NEW(struct slice);
    enum err e = slice && buf_reserve(&mem, SLICE_ROWS * WRAPPED_MAX_BYTES) ? OK : ERR_NO_MEMORY;
    int read = SLICE_ROWS;
    while (e == OK && read == SLICE_ROWS) {
        buf_reset(&mem);
        slice->count = 0;
        slice->mem = &mem;
        e = read_slice(r, db, storage, slice, &read);
        if (e == OK)
            e = write_slice(r, db, slice);
    }
    mem_free(slice);
    return e;
}

static enum err rotate(struct db *db, void *arg)
{
    struct rotation *r = arg;
    AUTO_BUF struct buf check = buf_make(KIB(1));
    struct aead_key storage;
    r->wrapped = r->kept = 0;
    enum err e = ring_find_storage(r->ring, r->next, &storage);
    if (e == OK)
        e = ring_seal_check(&storage, ring_macs_required(r->ring), &check);
    if (e == OK)
        e = DB_QUERY(db,
                     "UPDATE conclave.server"
                     "   SET storage_check = $1, storage_key = $2",
                     NULL, PARAM_BYTES(buf_span(&check)), PARAM_BYTES(SPAN_OF_KEY(r->next)));
    if (e == OK)
        e = rewrap_all(r, db, &storage);
    crypto_wipe(&storage, sizeof(storage));
    return e;
}

enum err ring_rotate(struct ring *ring, struct db *db, const struct key_name *next,
                     int64_t *ret_wrapped, int64_t *ret_kept)
{
    struct rotation r = {.ring = ring, .next = next};
    enum err e = store_tx(db, rotate, &r);
    if (e != OK)
        return e;
    ring_use(ring, next);
    *ret_wrapped = r.wrapped;
    *ret_kept = r.kept;
    return OK;
}

enum err ring_count(struct db *db, const struct key_name *name, int64_t *ret_under,
                    int64_t *ret_all)
{
    const struct param by_name = PARAM_BYTES(SPAN_OF_KEY(name));
    int64_t under;
    enum err e = store_query_i64(db,
                                 "SELECT count(*)"
                                 "  FROM conclave.ring_keys"
                                 " WHERE wrapped_by = $1",
                                 &by_name, 1, &under);
    if (e == OK)
        e = store_query_i64(db, "SELECT count(*) FROM conclave.ring_keys", NULL, 0, ret_all);
    if (e == OK)
        *ret_under = under;
    return e;
}
