/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Users, for whom something waits, and when they were last seen.
 *
 * PySOGS kept two spellings of one id apart, so the lower-case ones come first, and each other one
 * either is new or is merged into its twin. Ids that are none (the server's own, names that imports
 * of the year 2021 put in the place of an author) become ids that nobody can sign for: ff and 32
 * bytes.
 */
#include "base/clock.h"
#include "base/hex.h"
#include "crypto/sign.h"
#include "pysogs/import.h"
#include "store/users.h"

enum { NOBODY_PREFIX = 0xff, HOUR_S = 3600 };

/* True: somebody's. */
static bool read_id(struct span text, struct session_id *ret_id)
{
    if (session_id_read(text, ret_id) == OK)
        return true;
    if (hex_read(text, ret_id->b, sizeof(ret_id->b)) == OK && ret_id->b[0] == NOBODY_PREFIX)
        return false;
    ret_id->b[0] = NOBODY_PREFIX;
    hash_blake2b(ret_id->b + 1, sizeof(ret_id->b) - 1, text);
    return false;
}

static enum err take_user(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    struct session_id session;
    int64_t id = source_i64(s, 0);
    bool somebody = read_id(source_bytes(s, 1), &session);
    bool admin = somebody && source_i64(s, 6) != 0;
    bool moderator = admin || (somebody && source_i64(s, 5) != 0);
    if (id < 0)
        return import_refuse(im, "users", id, "its id is below 0");
    batch_begin(out, id);
    batch_i64(out, id == 0 ? im->system_user : id);
    batch_bytes(out, SPAN_OF_KEY(&session));
    batch_i64(out, import_hour(source_f64(s, 2)));
    batch_i64(out, import_hour(source_f64(s, 3)));
    batch_i16(out, somebody && !moderator && source_i64(s, 4) != 0);
    batch_i16(out, moderator);
    batch_i16(out, admin);
    batch_i16(out, moderator && source_i64(s, 7) != 0);
    return batch_end(out);
}

static void same_id(struct digest_row *out, struct session_id id)
{
    char text[2 * sizeof(id.b) + 1];
    hex_write(SPAN_OF_KEY(&id), text);
    digest_bytes(out, span_of(text, 2 * sizeof(id.b)));
}

static double same_hour(double seconds)
{
    return (double)import_hour(seconds) * HOUR_S;
}

static void same_user(struct import *im, struct digest_row *out)
{
    struct source *s = im->source;
    struct session_id session;
    bool somebody = read_id(source_bytes(s, 1), &session);
    bool admin = somebody && source_i64(s, 6) != 0;
    bool moderator = admin || (somebody && source_i64(s, 5) != 0);
    if (source_i64(s, 0) == 0)
        return; /* the old server itself, which every PySOGS has */
    digest_i64(out, source_i64(s, 0));
    same_id(out, session);
    digest_f64(out, same_hour(source_f64(s, 2)));
    digest_f64(out, same_hour(source_f64(s, 3)));
    digest_i64(out, somebody && !moderator && source_i64(s, 4) != 0);
    digest_i64(out, moderator);
    digest_i64(out, admin);
    digest_i64(out, moderator && source_i64(s, 7) != 0);
}

static void same_waiting(struct import *im, struct digest_row *out)
{
    struct session_id blinded = {{0}};
    (void)!session_id_read(source_bytes(im->source, 1), &blinded);
    same_id(out, blinded);
    import_same_user(im, out, source_i64(im->source, 0));
}

static void same_activity(struct import *im, struct digest_row *out)
{
    digest_i64(out, source_i64(im->source, 1));
    import_same_user(im, out, source_i64(im->source, 0));
    digest_f64(out, same_hour(source_f64(im->source, 2)));
}

/* A second spelling: by itself, since the row that it becomes has to be known. */
static enum err merge_user(struct import *im, struct batch *out)
{
    struct param params[BATCH_COLUMNS];
    int64_t id = source_i64(im->source, 0), became = 0;
    enum err e = take_user(im, out);
    if (e != OK)
        return e;
    e = taking_merge_user(im->db, params, batch_params(out, 0, 1, params), &became);
    batch_empty(out);
    if (e == ERR_CONFLICT)
        return import_refuse(im, "users", id, "it breaks a rule of this database");
    if (e == OK && became != id)
        e = import_remember_user(im, id, became);
    if (e != OK)
        return e;
    if (became == id) {
        struct digest_row same = {.len = 0};
        uint8_t hash[DIGEST_BYTES];
        same_user(im, &same);
        digest_row_end(&same, hash);
        digest_add(&im->old[GIVING_USERS], hash);
        import_took(im, "users", 1);
        return ERR_MISSING;
    }
    im->changed++;
    return import_leave(im, "second spellings of a user, now one with the first");
}

static enum err take_waiting(struct import *im, struct batch *out)
{
    struct session_id blinded;
    int64_t user = source_i64(im->source, 0);
    if (session_id_read(source_bytes(im->source, 1), &blinded) != OK ||
        blinded.b[0] != ID_BLINDED15)
        return import_refuse(im, "needs_blinding", user, "its blinded_abs is no 15 id");
    batch_begin(out, user);
    batch_bytes(out, SPAN_OF_KEY(&blinded));
    batch_i64(out, import_user(im, user));
    return batch_end(out);
}

static enum err take_activity(struct import *im, struct batch *out)
{
    int64_t user = source_i64(im->source, 0);
    int64_t hour = import_hour(source_f64(im->source, 2));
    if (hour < im->now_ms / HOUR_MS - ACTIVITY_KEPT_HOURS)
        return import_leave(im, "activity of more than 30 days ago");
    batch_begin(out, user);
    batch_i64(out, source_i64(im->source, 1));
    batch_i64(out, import_user(im, user));
    batch_i64(out, hour);
    return batch_end(out);
}

#define USERS_WHERE(condition)                                                                     \
    "SELECT id, session_id, created, last_active, CAST(banned AS INTEGER),"                        \
    "       CAST(moderator AS INTEGER), CAST(admin AS INTEGER), CAST(visible_mod AS INTEGER)"      \
    "  FROM users WHERE session_id " condition " lower(session_id) ORDER BY id"

static const struct import_table tables[] = {
    {"users", USERS_WHERE("="), TAKING_USERS, "ibiissss", take_user, same_user, GIVING_USERS},
    {"users", USERS_WHERE("<>"), TAKING_USERS, "ibiissss", merge_user, same_user, GIVING_USERS},
    {"needs_blinding", "SELECT \"user\", blinded_abs FROM needs_blinding", TAKING_NEEDS_BLINDING,
     "bi", take_waiting, same_waiting, GIVING_NEEDS_BLINDING},
    {"room_users", "SELECT \"user\", room, last_active FROM room_users", TAKING_ACTIVITY, "iii",
     take_activity, same_activity, GIVING_ACTIVITY},
};

enum err import_people(struct import *im)
{
    /* Its id is 0 there, which means nobody here. */
    im->system_user = im->last.users + 1;
    enum err e = import_remember_user(im, 0, im->system_user);
    for (size_t i = 0; e == OK && i < COUNT_OF(tables); i++)
        e = import_table(im, &tables[i]);
    return e;
}
