/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reactions, in the order of first use as their ids have it, and who has them, in the order of
 * time. Ours is an order of numbers: they count from 1 within a reaction, which is below every
 * number that its room draws from now on, since each of them has drawn one.
 */
#include "base/utf8.h"
#include "pysogs/import.h"
#include "store/reactions.h"

static enum err take_reaction(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    struct aead_key key;
    struct reaction_sealed sealed;
    int64_t id = source_i64(s, 0), message = source_i64(s, 1), room = source_i64(s, 2), key_id = 0;
    struct span text = source_bytes(s, 3);
    if (room == 0 || source_i64(s, 4) == 0)
        return import_leave(im, "reactions to deleted messages, or that nobody has");
    if (text.len == 0 || text.len > REACTION_MAX_BYTES || !utf8_valid(text))
        return import_refuse(im, "reactions", id, "its text is no text of 1 to 48 bytes");
    enum err e = ring_key_current(im->ring, im->db, RING_MESSAGES, room, im->now_ms, &key_id, &key);
    if (e == OK)
        e = reaction_seal(&key, room, message, text, &sealed);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    batch_begin(out, id);
    batch_i64(out, id);
    batch_i64(out, message);
    batch_i64(out, key_id);
    batch_bytes(out, SPAN_OF_KEY(&sealed));
    batch_i64(out, source_i64(s, 4));
    return batch_end(out);
}

static enum err take_reactor(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    int64_t reaction = source_i64(s, 0);
    im->reactors = reaction == im->last_reaction ? im->reactors + 1 : 1;
    im->last_reaction = reaction;
    batch_begin(out, reaction);
    batch_i64(out, reaction);
    batch_i64(out, import_user(im, source_i64(s, 1)));
    batch_i64(out, im->reactors);
    batch_f64(out, source_f64(s, 2));
    return batch_end(out);
}

static void same_reaction(struct import *im, struct digest_row *out)
{
    digest_i64(out, source_i64(im->source, 0));
    digest_i64(out, source_i64(im->source, 1));
    digest_bytes(out, source_bytes(im->source, 3));
}

static void same_reactor(struct import *im, struct digest_row *out)
{
    digest_i64(out, source_i64(im->source, 0));
    import_same_user(im, out, source_i64(im->source, 1));
    digest_f64(out, source_f64(im->source, 2));
}

static const struct import_table tables[] = {
    {"reactions",
     "SELECT r.id, r.message,"
     "       (SELECT m.room FROM messages m JOIN rooms o ON o.id = m.room"
     "         WHERE m.id = r.message AND m.data IS NOT NULL),"
     "       r.reaction, (SELECT count(*) FROM user_reactions u WHERE u.reaction = r.id)"
     "  FROM reactions r ORDER BY r.id",
     TAKING_REACTIONS, "iiibi", take_reaction, same_reaction, GIVING_REACTIONS},
    {"user_reactions", "SELECT reaction, \"user\", at FROM user_reactions ORDER BY reaction, at",
     TAKING_USER_REACTIONS, "iiid", take_reactor, same_reactor, GIVING_USER_REACTIONS},
};

enum err import_reactions(struct import *im)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < COUNT_OF(tables); i++)
        e = import_table(im, &tables[i]);
    return e;
}
