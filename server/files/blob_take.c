/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking content over from another server: read from its file a chunk at a time, since those files
 * may be larger than what is uploaded here. Rows of files, and the sums, are made by whoever takes
 * them.
 */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "files/blob.h"
#include "files/seal.h"
#include "store/ring.h"

/* As many may be on their way at a time, as in an upload of the usual largest size. */
enum { SETTLED_CHUNKS = 40 };

/* Fills out with at most one chunk. ERR_MISSING: the file cannot be read. */
static enum err read_piece(int fd, size_t size, struct buf *out)
{
    buf_reset(out);
    uint8_t *to = buf_reserve(out, size);
    if (to == NULL)
        return buf_verdict(out);
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, to + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) /* an error, or shorter than it was a moment ago */
            return ERR_MISSING;
        have += (size_t)got;
    }
    buf_commit(out, size);
    return OK;
}

static enum err copy(struct db *db, const struct blob_take *take, const struct aead_key *key,
                     const struct blob_row *blob)
{
    AUTO_BUF struct buf piece = buf_make(FILE_CHUNK_BYTES);
    AUTO_BUF struct buf sealed = buf_make(FILE_CHUNK_BYTES + KIB(1));
    int64_t rest = blob->size;
    enum err e = OK;
    for (int64_t n = 0; e == OK && rest > 0; n++) {
        size_t size = rest < FILE_CHUNK_BYTES ? (size_t)rest : FILE_CHUNK_BYTES;
        e = read_piece(take->fd, size, &piece);
        buf_reset(&sealed);
        if (e == OK)
            e = seal_piece(key, blob->id, n, buf_span(&piece), &sealed);
        if (e == OK)
            e = files_chunk_send(db, blob->day, blob->id, n, buf_span(&sealed));
        rest -= (int64_t)size;
        if (e == OK && n % SETTLED_CHUNKS == SETTLED_CHUNKS - 1)
            e = db_settle(db);
    }
    enum err settled = db_settle(db);
    return e == OK ? settled : e;
}

enum err blob_take(struct db *db, struct ring *ring, const struct blob_take *take,
                   int64_t *ret_blob, struct buf *sealed_name)
{
    struct blob_row wanted = {.size = take->size, .day = take->day, .room = take->room};
    struct blob_row blob = {.id = 0};
    struct aead_key key;
    bool created = false;
    enum err e = ring_key_current(ring, db, RING_FILES, take->room,
                                  (int64_t)(take->now * SECOND_MS), &wanted.key_id, &key);
    if (e == OK)
        e = files_blob_claim(db, NULL, &wanted, &blob, &created);
    if (e == OK && take->fd >= 0)
        e = copy(db, take, &key, &blob);
    if (e == OK && take->name.len > 0)
        e = seal_piece(&key, blob.id, SEAL_NAME, take->name, sealed_name);
    crypto_wipe(&key, sizeof(key));
    if (e == OK)
        *ret_blob = blob.id;
    return e;
}
