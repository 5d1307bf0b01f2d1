/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of direct messages, and the seal of their bodies.
 */
#include "store/dms.h"

#include "base/clock.h"
#include "crypto/box.h"
#include "store/internal.h"
#include "store/users.h"

enum { PLACE_BYTES = 16 };

/*
 * Both people, little-endian: the data that a seal also covers, so that rows cannot be exchanged
 * between them.
 */
static struct span place(const struct dm_people *people, uint8_t out[static PLACE_BYTES])
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)people->sender >> (8 * i));
        out[8 + i] = (uint8_t)((uint64_t)people->recipient >> (8 * i));
    }
    return span_of(out, PLACE_BYTES);
}

/* ---- reading ---- */

static enum err open_with(const struct aead_key *key, const struct dm_people *people,
                          struct bytes sealed, struct span *ret_message)
{
    struct bytes plain;
    uint8_t ad[PLACE_BYTES];
    enum err e = box_open(CIPHER_XCHACHA20, key, place(people, ad), sealed, &plain);
    if (e == OK)
        *ret_message = span_of_bytes(plain);
    return e;
}

enum err dms_open(struct db *db, struct ring *ring, struct dm_sealed *sealed,
                  struct span *ret_message)
{
    struct aead_key key;
    enum err e = ring_key_for(ring, db, RING_DMS, 0, sealed->key_id, &key);
    if (e == OK)
        e = open_with(&key, &sealed->people, (struct bytes){sealed->body.p, sealed->body.len},
                      ret_message);
    crypto_wipe(&key, sizeof(key));
    return e;
}

/*
 * Opens a copy in mem, in place. Without a key there is no copy: a whole inbox may have lost its
 * own.
 */
static enum err open_body(struct ring *ring, struct db *db, struct arena *mem,
                          const struct row *row, struct dm_row *dm)
{
    struct aead_key key;
    const struct dm_people people = {.sender = row_i64(row, 5), .recipient = row_i64(row, 6)};
    struct span body = row_bytes(row, 8);
    enum err e = ring_key_for(ring, db, RING_DMS, 0, row_i64(row, 7), &key);
    uint8_t *copy = e == OK ? arena_alloc(mem, body.len) : NULL;
    if (e == OK && copy == NULL)
        e = ERR_NO_MEMORY;
    if (copy != NULL && body.len > 0)
        memcpy(copy, body.p, body.len);
    if (e == OK)
        e = open_with(&key, &people, (struct bytes){copy, body.len}, &dm->message);
    crypto_wipe(&key, sizeof(key));
    return e;
}

/* One page. *ret_last: the id of its last row, opened or not; 0: there was none. */
static enum err read_page(struct db *db, struct ring *ring, struct arena *mem,
                          const struct dm_query *q, struct dm_row **ret_rows, size_t *ret_count,
                          int64_t *ret_last)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, q->box == DM_INBOX ? "dms.inbox" : "dms.outbox", &rows,
                        PARAM_BYTES(SPAN_OF_KEY(&q->owner)), PARAM_I64(q->since), PARAM_F64(q->now),
                        PARAM_I64(q->limit), PARAM_I64(DMS_PAGE_BYTES));
    if (e != OK)
        return e;
    struct dm_row *dms = ARENA_ARRAY(mem, (size_t)rows.count, struct dm_row);
    if (dms == NULL)
        return ERR_NO_MEMORY;
    struct row row;
    size_t count = 0;
    int64_t last = 0;
    while (e == OK && rows_next(&rows, &row)) {
        last = row_i64(&row, 0);
        dms[count] = (struct dm_row){
            .id = row_i64(&row, 0), .posted_at = row_f64(&row, 1), .expires_at = row_f64(&row, 2)};
        row_key(&row, 3, dms[count].sender.b, sizeof(dms[count].sender.b));
        row_key(&row, 4, dms[count].recipient.b, sizeof(dms[count].recipient.b));
        e = open_body(ring, db, mem, &row, &dms[count]);
        if (e == OK)
            count++;
        else if (damage_is(e)) {
            damage_note(ring_damage(ring), DAMAGED_DM, last);
            e = OK;
        }
    }
    if (e == OK && !rows_ok(&rows))
        e = ERR_DEFECT;
    if (e != OK)
        return e;
    *ret_rows = dms;
    *ret_count = count;
    *ret_last = last;
    return OK;
}

enum err dms_list(struct db *db, struct ring *ring, struct arena *mem, const struct dm_query *q,
                  struct dm_row **ret_rows, size_t *ret_count)
{
    struct dm_query page = *q;
    for (;;) {
        enum err e = read_page(db, ring, mem, &page, ret_rows, ret_count, &page.since);
        if (e != OK || *ret_count > 0 || page.since == 0)
            return e;
    }
}

enum err dms_newest(struct db *db, const struct session_id *owner, int64_t ret_ids[static DM_BOXES])
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    int64_t ids[DM_BOXES] = {0};
    enum err e = DB_RUN(db, "dms.newest", &rows, PARAM_BYTES(SPAN_OF_KEY(owner)));
    if (e != OK)
        return e;
    if (rows_next(&rows, &row)) {
        ids[DM_INBOX] = row_i64_or(&row, 0, 0);
        ids[DM_OUTBOX] = row_i64_or(&row, 1, 0);
    }
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    memcpy(ret_ids, ids, sizeof(ids));
    return OK;
}

static bool read_people(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct dm_row *dm = element;
    dm->id = row_i64(row, 0);
    row_key(row, 1, dm->sender.b, sizeof(dm->sender.b));
    row_key(row, 2, dm->recipient.b, sizeof(dm->recipient.b));
    return true;
}

enum err dms_after(struct db *db, struct arena *mem, int64_t after, int64_t limit,
                   struct dm_row **ret_rows, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *all = NULL;
    enum err e = DB_RUN(db, "dms.after", &rows, PARAM_I64(after), PARAM_I64(limit));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct dm_row), read_people, &all, ret_count);
    if (e == OK)
        *ret_rows = all;
    return e;
}

/* ---- writing ---- */

static enum err is_banned(struct db *db, int64_t user, bool *ret_banned)
{
    int64_t banned = 0;
    enum err e = STORE_ONE_I64(db, "dms.banned", &banned, PARAM_I64(user));
    if (e == OK)
        *ret_banned = banned != 0;
    return e;
}

enum err dms_recipient(struct db *db, const struct session_id *id, bool proved, int64_t now_ms,
                       int64_t *ret_user)
{
    struct session_id same;
    int64_t user = 0;
    bool banned = false;
    enum err e = users_find(db, id, NULL, 0, &user, &same);
    if (e == ERR_MISSING && proved)
        e = users_resolve(db, id, NULL, 0, now_ms, &user, &same);
    if (e == OK)
        e = is_banned(db, user, &banned);
    if (e == OK && banned)
        e = ERR_MISSING;
    if (e == OK)
        *ret_user = user;
    return e;
}

enum err dms_sender(struct db *db, const struct session_id *id, int64_t now_ms, int64_t *ret_user)
{
    struct session_id same;
    int64_t user = 0;
    bool banned = false;
    enum err e = users_resolve(db, id, NULL, 0, now_ms, &user, &same);
    if (e == OK)
        e = is_banned(db, user, &banned);
    if (e == OK && banned)
        e = ERR_DENIED;
    if (e == OK)
        *ret_user = user;
    return e;
}

enum err dms_seal(struct db *db, struct ring *ring, int64_t now_ms, struct dm_sealed *sealed,
                  struct span message)
{
    struct aead_key key;
    uint8_t ad[PLACE_BYTES];
    enum err e = ring_key_current(ring, db, RING_DMS, 0, now_ms, &sealed->key_id, &key);
    if (e != OK)
        return e;
    e = box_seal(CIPHER_XCHACHA20, &key, place(&sealed->people, ad), message, &sealed->body);
    crypto_wipe(&key, sizeof(key));
    return e;
}

struct sending {
    const struct dm_sealed *sealed;
    int64_t posted_ms, ttl_ms;
    int64_t id;
};

/* ERR_MISSING: the sender, the inbox, or its part for strangers has as many as are kept. */
static enum err insert(struct db *db, struct sending *s)
{
    const struct dm_people *people = &s->sealed->people;
    return STORE_ONE_I64(db, "dms.send", &s->id, PARAM_I64(people->sender),
                         PARAM_I64(people->recipient), PARAM_F64((double)s->posted_ms / SECOND_MS),
                         PARAM_F64((double)(s->posted_ms + s->ttl_ms) / SECOND_MS),
                         PARAM_I64(s->sealed->key_id), PARAM_BYTES(buf_span(&s->sealed->body)),
                         PARAM_I64(DMS_PER_SENDER), PARAM_I64(DMS_PER_RECIPIENT),
                         PARAM_BOOL(people->by_stranger), PARAM_I64(DMS_OF_STRANGERS));
}

/* Both or neither: nobody loses a message for one that is not stored. */
static enum err insert_in_full(struct db *db, void *arg)
{
    struct sending *s = arg;
    const struct dm_people *people = &s->sealed->people;
    int64_t gone = 0;
    enum err e = STORE_ONE_I64(db, "dms.make_room", &gone, PARAM_I64(people->recipient),
                               PARAM_BOOL(people->by_stranger), PARAM_I64(DMS_PER_RECIPIENT),
                               PARAM_I64(DMS_OF_STRANGERS));
    return e == OK ? insert(db, s) : e;
}

enum err dms_send(struct db *db, struct ring *ring, const struct dm_people *people,
                  struct span message, int64_t posted_ms, int64_t ttl_ms, int64_t *ret_id)
{
    struct dm_sealed sealed = {.people = *people, .body = buf_make(message.len + KIB(1))};
    struct sending s = {.sealed = &sealed, .posted_ms = posted_ms, .ttl_ms = ttl_ms};
    enum err e = dms_seal(db, ring, posted_ms, &sealed, message);
    if (e == OK)
        e = insert(db, &s);
    if (e == ERR_MISSING)
        e = db_tx(db, insert_in_full, &s);
    buf_done(&sealed.body);
    if (e == OK)
        *ret_id = s.id;
    return e == ERR_MISSING ? ERR_CONFLICT : e;
}

enum err dms_clear_inbox(struct db *db, const struct session_id *owner, int64_t *ret_removed)
{
    return STORE_ONE_I64(db, "dms.clear", ret_removed, PARAM_BYTES(SPAN_OF_KEY(owner)));
}

enum err dms_expire(struct db *db, double now, int64_t limit, int64_t *ret_removed)
{
    return STORE_ONE_I64(db, "dms.expire", ret_removed, PARAM_F64(now), PARAM_I64(limit));
}
