/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages that still wait.
 */
#include "base/clock.h"
#include "pysogs/import.h"
#include "store/dms.h"

enum { BODY_MAX = 16 * 1024 * 1024, USUAL_TTL_S = 15 * 24 * 60 * 60 };

/* bunsogs writes milliseconds there, so that its direct messages would stay for ever. */
static double expiry_of(struct source *s)
{
    const double seconds_end = 1e11; /* the year 5138 */
    double expiry = source_f64(s, 5);
    return expiry < seconds_end ? expiry : source_f64(s, 4) + USUAL_TTL_S;
}

static enum err take_dm(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    int64_t id = source_i64(s, 0);
    struct span body = source_bytes(s, 3);
    double expiry = expiry_of(s);
    struct dm_sealed sealed = {.people = {.sender = import_user(im, source_i64(s, 1)),
                                          .recipient = import_user(im, source_i64(s, 2))},
                               .body = buf_make(BODY_MAX + KIB(1))};
    if (expiry * SECOND_MS <= (double)im->now_ms)
        return import_leave(im, "direct messages whose time is over");
    if (body.len > BODY_MAX)
        return import_refuse(im, "inbox", id, "its body has more than 16 MB");
    enum err e = dms_seal(im->db, im->ring, im->now_ms, &sealed, body);
    if (e == OK) {
        batch_begin(out, id);
        batch_i64(out, id);
        batch_i64(out, sealed.people.sender);
        batch_i64(out, sealed.people.recipient);
        batch_f64(out, source_f64(s, 4));
        batch_f64(out, expiry);
        batch_i64(out, sealed.key_id);
        batch_bytes(out, buf_span(&sealed.body));
        e = batch_end(out);
    }
    buf_done(&sealed.body);
    return e;
}

static void same_dm(struct import *im, struct digest_row *out)
{
    struct source *s = im->source;
    digest_i64(out, source_i64(s, 0));
    import_same_user(im, out, source_i64(s, 2));
    import_same_user(im, out, source_i64(s, 1));
    digest_f64(out, source_f64(s, 4));
    digest_f64(out, expiry_of(s));
    digest_bytes(out, source_bytes(s, 3));
}

enum err import_dms(struct import *im)
{
    static const struct import_table inbox = {
        .name = "inbox",
        .sql = "SELECT id, sender, recipient, body, posted_at, expiry FROM inbox ORDER BY id",
        .what = TAKING_DMS,
        .letters = "iiiddib",
        .row = take_dm,
        .same = same_dm,
        .giving = GIVING_DMS,
    };
    return import_table(im, &inbox);
}
