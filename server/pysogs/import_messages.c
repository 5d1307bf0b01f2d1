/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages with their numbers as they are, and pins. PySOGS keeps what was posted without its
 * padding and how long it was; clients check the signature over all of it, so it is put back once,
 * before the body is sealed.
 */
#include "base/unpad.h"
#include "pysogs/import.h"
#include "store/messages.h"

/* Above every message that ever came through an onion request. */
enum { DATA_MAX = 16 * 1024 * 1024 };

enum column {
    ID,
    ROOM,
    AUTHOR,
    POSTED,
    EDITED,
    SEQNO,
    SEQNO_DATA,
    SEQNO_REACTIONS,
    SEQNO_CREATION,
    DATA,
    DATA_SIZE,
    SIGNATURE,
    FILTERED,
    WHISPER,
    WHISPER_MODS,
    RECIPIENT /* the id of whom it is for */
};

static enum err pad(struct span data, int64_t size, struct buf *out)
{
    buf_put(out, data);
    size_t missing = (size_t)size - data.len;
    if (missing == 0)
        return buf_verdict(out);
    uint8_t *padding = buf_reserve(out, missing);
    if (padding == NULL)
        return buf_verdict(out);
    memset(padding, 0, missing);
    padding[0] = 0x80;
    buf_commit(out, missing);
    return buf_verdict(out);
}

/* Why not; NULL: it is as it should be. */
static const char *trouble_of(struct span data, int64_t size, struct span signature)
{
    if (signature.len != MESSAGE_SIGNATURE_BYTES)
        return "its signature has not 64 bytes";
    if (size < (int64_t)data.len)
        return "its data_size is less than its data";
    return size > DATA_MAX ? "its data_size is more than 16 MB" : NULL;
}

/*
 * The numbers of the row, as they count. seqno is what PySOGS compares and clients have seen;
 * imports of its version 0.1 left the others above it, and above what their room has drawn since.
 */
struct numbers {
    int64_t creation, data, reactions;
};

static int64_t lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct numbers numbers_of(struct source *s)
{
    int64_t seqno = source_i64(s, SEQNO);
    struct numbers n = {.data = lower(source_i64(s, SEQNO_DATA), seqno),
                        .reactions = lower(source_i64(s, SEQNO_REACTIONS), seqno)};
    /* Ours is the later of the two. */
    if (n.data < seqno && n.reactions < seqno)
        n.data = seqno;
    n.creation = lower(source_i64(s, SEQNO_CREATION), n.data);
    return n;
}

static enum err seal(struct import *im, const struct aead_key *key, struct buf *out)
{
    struct source *s = im->source;
    struct span data = source_bytes(s, DATA), signature = source_bytes(s, SIGNATURE);
    int64_t size = source_i64(s, DATA_SIZE);
    const char *trouble = trouble_of(data, size, signature);
    if (trouble != NULL)
        return import_refuse(im, "messages", source_i64(s, ID), trouble);
    AUTO_BUF struct buf padded = buf_make((size_t)size);
    enum err e = pad(data, size, &padded);
    if (e != OK)
        return e;
    return message_seal(key, source_i64(s, ROOM), numbers_of(s).creation, signature,
                        buf_span(&padded), out);
}

/* For whom the row is a whisper; -1: it is none, or one for moderators alone. */
static int64_t recipient_of(struct import *im)
{
    struct span text = source_bytes(im->source, RECIPIENT);
    struct session_id id;
    int64_t whisper = source_i64(im->source, WHISPER);
    /* Without a text there is no such user, and the row is passed over. */
    bool nobody = text.p != NULL && session_id_read(text, &id) != OK;
    return whisper < 0 || nobody ? -1 : import_user(im, whisper);
}

/*
 * A text that is no id came in the place of an author, or of a recipient, when PySOGS imported its
 * version of 2021.
 */
static bool is_for_nobody(struct import *im)
{
    return source_i64(im->source, WHISPER) >= 0 && recipient_of(im) < 0 &&
           source_i64(im->source, WHISPER_MODS) == 0;
}

static void put_message(struct import *im, int64_t key_id, struct span body, struct batch *out)
{
    struct source *s = im->source;
    int64_t id = source_i64(s, ID);
    struct numbers numbers = numbers_of(s);
    batch_begin(out, id);
    batch_i64(out, id);
    batch_i64(out, source_i64(s, ROOM));
    batch_i64(out, import_user(im, source_i64(s, AUTHOR)));
    batch_f64(out, source_f64(s, POSTED));
    batch_f64(out, source_f64(s, EDITED));
    batch_i64(out, numbers.creation);
    batch_i64(out, numbers.data);
    batch_i64(out, numbers.reactions);
    batch_i16(out, source_i64(s, FILTERED) != 0 ? MESSAGE_FILTERED : MESSAGE_VISIBLE);
    batch_i64(out, recipient_of(im));
    batch_i16(out, source_i64(s, WHISPER_MODS) != 0);
    batch_i64(out, key_id);
    batch_bytes(out, body);
}

static enum err take_message(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    struct aead_key key;
    int64_t key_id = 0;
    bool deleted = source_bytes(s, DATA).p == NULL;
    AUTO_BUF struct buf body = buf_make(DATA_MAX + KIB(1));
    bool gone = source_i64(s, ROOM) == 0;
    if (gone || is_for_nobody(im)) {
        im->changed++; /* a file may belong to it */
        return import_leave(im, gone ? "messages of rooms that are gone"
                                     : "whispers to what is no account");
    }
    enum err e = ring_key_current(im->ring, im->db, RING_MESSAGES, source_i64(s, ROOM), im->now_ms,
                                  &key_id, &key);
    if (e == OK && !deleted)
        e = seal(im, &key, &body);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    put_message(im, key_id, deleted ? (struct span){NULL, 0} : buf_span(&body), out);
    e = batch_end(out);
    if (e == OK && deleted)
        im->tombstones++;
    return e;
}

static void same_message(struct import *im, struct digest_row *out)
{
    struct source *s = im->source;
    struct numbers n = numbers_of(s);
    struct span data = source_bytes(s, DATA);
    int64_t size = source_i64(s, DATA_SIZE), whisper = recipient_of(im);
    const int64_t numbers[] = {n.data > n.reactions ? n.data : n.reactions, n.data, n.reactions,
                               n.creation, source_i64(s, FILTERED) != 0};
    digest_i64(out, source_i64(s, ID));
    digest_i64(out, source_i64(s, ROOM));
    import_same_user(im, out, source_i64(s, AUTHOR));
    digest_f64(out, source_f64(s, POSTED));
    if (source_f64(s, EDITED) > 0)
        digest_f64(out, source_f64(s, EDITED));
    else
        digest_null(out);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        digest_i64(out, numbers[i]);
    import_same_number(out, whisper == im->system_user ? 0 : whisper);
    digest_i64(out, source_i64(s, WHISPER_MODS) != 0);
    if (data.p == NULL) {
        for (int i = 0; i < 3; i++)
            digest_null(out);
        return;
    }
    digest_bytes(out, size == (int64_t)data.len ? unpad_data(data) : data);
    digest_i64(out, size);
    digest_bytes(out, source_bytes(s, SIGNATURE));
}

static void same_pin(struct import *im, struct digest_row *out)
{
    digest_i64(out, source_i64(im->source, 1));
    digest_i64(out, source_i64(im->source, 0));
    import_same_user(im, out, source_i64(im->source, 2));
    digest_f64(out, source_f64(im->source, 3));
}

static enum err take_pin(struct import *im, struct batch *out)
{
    int64_t message = source_i64(im->source, 0);
    batch_begin(out, message);
    batch_i64(out, source_i64(im->source, 1));
    batch_i64(out, message);
    batch_i64(out, import_user(im, source_i64(im->source, 2)));
    batch_f64(out, source_f64(im->source, 3));
    return batch_end(out);
}

static const struct import_table tables[] = {
    {"messages",
     "SELECT m.id, (SELECT r.id FROM rooms r WHERE r.id = m.room), m.\"user\", m.posted,"
     "       coalesce(m.edited, 0), m.seqno, m.seqno_data, m.seqno_reactions, m.seqno_creation,"
     "       m.data, coalesce(m.data_size, length(m.data)), m.signature,"
     "       CAST(m.filtered AS INTEGER), coalesce(m.whisper, -1), CAST(m.whisper_mods AS INTEGER),"
     "       (SELECT u.session_id FROM users u WHERE u.id = m.whisper)"
     "  FROM messages m ORDER BY m.id",
     TAKING_MESSAGES, "iiiddiiisisib", take_message, same_message, GIVING_MESSAGES},
    {"pinned_messages", "SELECT message, room, pinned_by, pinned_at FROM pinned_messages",
     TAKING_PINS, "iiid", take_pin, same_pin, GIVING_PINS},
};

enum err import_messages(struct import *im)
{
    enum err e = import_table(im, &tables[0]);
    import_took(im, "  of them deleted", im->tombstones);
    return e == OK ? import_table(im, &tables[1]) : e;
}
