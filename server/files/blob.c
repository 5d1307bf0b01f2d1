/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting content in and taking it out of the world. Reading it is blob_read.c.
 */
#include "files/blob.h"

#include "base/clock.h"
#include "crypto/sign.h"
#include "files/seal.h"
#include "store/ring.h"

/*
 * What one run of a put's transaction works with. The transaction may run twice: result is written
 * anew each time.
 */
struct putting {
    const struct blob_put *put;
    const struct file_hash *hash;   /* file-server half */
    const struct blob_owner *owner; /* room */
    struct arena *mem;              /* room */
    struct aead_key key;
    int64_t key_id;
    struct blob_result result;
};

static enum err refuse(struct putting *p, enum blob_refusal why)
{
    p->result.refusal = why;
    return ERR_DENIED;
}

static enum err insert_chunks(struct db *db, const struct putting *p, int64_t blob)
{
    AUTO_BUF struct buf sealed = buf_make(FILE_CHUNK_BYTES + KIB(1));
    struct span rest = p->put->body;
    enum err e = OK;
    for (int64_t n = 0; e == OK && rest.len > 0; n++) {
        buf_reset(&sealed);
        e = seal_piece(&p->key, blob, n, span_first(rest, FILE_CHUNK_BYTES), &sealed);
        if (e == OK)
            e = files_chunk_send(db, p->put->day, blob, n, buf_span(&sealed));
        rest = span_skip(rest, FILE_CHUNK_BYTES);
    }
    enum err settled = db_settle(db);
    return e == OK ? settled : e;
}

static struct blob_row wanted_row(const struct putting *p)
{
    return (struct blob_row){.size = (int64_t)p->put->body.len,
                             .key_id = p->key_id,
                             .day = p->put->day,
                             .room = p->owner ? p->owner->room : 0,
                             .by_stranger = p->put->by_stranger};
}

/* Before the chunks go over the wire: what will certainly not fit need not be sent. */
static enum err check_quota(struct db *db, struct putting *p)
{
    const struct blob_row wanted = wanted_row(p);
    const struct file_quota *quota = &p->put->quota;
    int64_t size = file_charge(wanted.size);
    struct file_usage stored;
    enum err e = files_usage(db, &stored);
    if (e == OK && (files_total(&stored) > quota->total - size ||
                    stored.bytes[files_payer(&wanted)] > quota->share - size))
        return refuse(p, BLOB_QUOTA);
    return e;
}

static enum err charge(struct db *db, struct putting *p)
{
    const struct blob_row wanted = wanted_row(p);
    enum err e = files_charge(db, &wanted, &p->put->quota, &p->result.stored_bytes);
    return e == ERR_TOO_LARGE ? refuse(p, BLOB_QUOTA) : e;
}

static enum err put_shared(struct db *db, void *arg)
{
    struct putting *p = arg;
    struct blob_row wanted = wanted_row(p), blob;
    bool created = false;
    p->result = (struct blob_result){.refusal = BLOB_ACCEPTED};
    enum err e = files_blob_claim(db, p->hash, &wanted, &blob, &created);
    if (e == OK && blob.blocked)
        return refuse(p, BLOB_BLOCKED);
    if (e == OK && created)
        e = check_quota(db, p);
    if (e == OK && created)
        e = insert_chunks(db, p, blob.id);
    if (e == OK)
        e = files_publish(db, blob.id, p->put->now, p->put->expiry, &p->result.expiry);
    if (e == OK && created)
        e = charge(db, p);
    return e;
}

enum err blob_put_shared(struct db *db, struct ring *ring, const struct file_hash *hash,
                         const struct blob_put *put, struct blob_result *ret_result)
{
    struct putting p = {.put = put, .hash = hash};
    enum err e = ring_key_current(ring, db, RING_FILES, 0, (int64_t)(put->now * SECOND_MS),
                                  &p.key_id, &p.key);
    if (e == OK)
        e = db_tx(db, put_shared, &p);
    crypto_wipe(&p.key, sizeof(p.key));
    if (e == OK || e == ERR_DENIED)
        *ret_result = p.result;
    return e;
}

/* Room files are not known by their hash: it is made only to compare it with what is blocked. */
static enum err is_blocked(struct db *db, struct span body, bool *ret_blocked)
{
    struct file_hash hash;
    bool any = false;
    enum err e = files_any_blocked(db, &any);
    if (e != OK || !any)
        return e;
    hash_file_id(hash.b, body);
    return files_is_blocked(db, &hash, ret_blocked);
}

/*
 * Whether the caller may, by what the database says now: memory may be a second behind
 * (docs/design.md, D7).
 */
static enum err ask_rules(struct db *db, struct putting *p, struct room_files_rules *ret_rules)
{
    bool is_operator = p->owner->user == 0;
    enum err e = is_operator
                     ? room_files_storage(db, p->mem, p->owner->room, ret_rules)
                     : room_files_rules(db, p->mem, p->owner->room, p->owner->user, ret_rules);
    if (e == ERR_MISSING)
        return refuse(p, BLOB_NO_ROOM);
    if (e == OK && !is_operator && !ret_rules->may_upload)
        return refuse(p, BLOB_NO_RIGHT);
    if (e == OK && ret_rules->bytes > ret_rules->quota - file_charge((int64_t)p->put->body.len))
        return refuse(p, BLOB_ROOM_QUOTA);
    bool blocked = false;
    if (e == OK)
        e = is_blocked(db, p->put->body, &blocked);
    return blocked ? refuse(p, BLOB_BLOCKED) : e;
}

static enum err publish_room(struct db *db, struct putting *p, int64_t blob)
{
    const struct blob_owner *owner = p->owner;
    struct room_files_new file = {.room = owner->room,
                                  .user = owner->user,
                                  .blob = blob,
                                  .uploaded = p->put->now,
                                  .expiry = p->put->expiry};
    AUTO_BUF struct buf name = buf_make(FILE_NAME_SEALED_MAX);
    enum err e = OK;
    if (owner->name.len > 0)
        e = seal_piece(&p->key, blob, SEAL_NAME, owner->name, &name);
    if (owner->name.len > 0)
        file.name = buf_span(&name);
    if (e == OK)
        e = room_files_add(db, &file, &p->result.id);
    return e == ERR_CONFLICT ? refuse(p, BLOB_NO_ROOM) : e;
}

static enum err put_room(struct db *db, void *arg)
{
    struct putting *p = arg;
    struct blob_row wanted = wanted_row(p), blob;
    struct room_files_rules rules;
    bool created = false;
    p->result = (struct blob_result){.refusal = BLOB_ACCEPTED, .expiry = p->put->expiry};
    enum err e = ask_rules(db, p, &rules);
    if (e == OK)
        e = check_quota(db, p);
    if (e == OK)
        e = files_blob_claim(db, NULL, &wanted, &blob, &created);
    if (e == OK)
        e = insert_chunks(db, p, blob.id);
    if (e == OK)
        e = publish_room(db, p, blob.id);
    if (e == OK) {
        e = room_files_charge(db, p->owner->room, file_charge(wanted.size), rules.quota);
        if (e == ERR_TOO_LARGE)
            return refuse(p, BLOB_ROOM_QUOTA);
    }
    return e == OK ? charge(db, p) : e;
}

enum err blob_put_room(struct db *db, struct ring *ring, const struct blob_owner *owner,
                       const struct blob_put *put, struct arena *mem,
                       struct blob_result *ret_result)
{
    struct putting p = {.put = put, .owner = owner, .mem = mem};
    enum err e = ring_key_current(ring, db, RING_FILES, owner->room,
                                  (int64_t)(put->now * SECOND_MS), &p.key_id, &p.key);
    if (e == ERR_CONFLICT)
        e = refuse(&p, BLOB_NO_ROOM);
    if (e == OK)
        e = store_tx(db, put_room, &p);
    crypto_wipe(&p.key, sizeof(p.key));
    if (e == OK || e == ERR_DENIED)
        *ret_result = p.result;
    return e;
}

/* ---- delete ---- */

static enum err delete_now(struct db *db, void *arg)
{
    const struct blob_ref *ref = arg;
    struct file_row file = {.id = 0};
    enum err e = ref->file > 0 ? room_files_lock(db, ref->file, &file)
                               : files_lock(db, &ref->hash, &file.blob);
    return e == OK ? files_remove(db, &file.blob) : e;
}

enum err blob_delete(struct db *db, const struct blob_ref *ref)
{
    struct blob_ref copy = *ref;
    return db_tx(db, delete_now, &copy);
}

static enum err block_now(struct db *db, void *arg)
{
    return files_block(db, arg);
}

enum err blob_block(struct db *db, const struct file_hash *hash)
{
    struct file_hash copy = *hash;
    return db_tx(db, block_now, &copy);
}

enum err blob_unblock(struct db *db, const struct file_hash *hash)
{
    return files_unblock(db, hash);
}
