/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that change things, or look as if they did: C3, C6, C10.
 */
#include <sodium.h>
#include <stdio.h>

#include "attack/attack.h"
#include "base/clock.h"

enum {
    DELETERS = 5,
    DELETIONS = 20,
    UNKNOWN_MESSAGES = 500,
    PADDED_BYTES = 66000,
    TINY_FILES = 500,
    TINY_BATCHES = 3,
    DM_SENDERS = 72,
    DMS_EACH = 60, /* [limits] direct_messages in ten minutes */
    DM_BYTES = 300,
    SECONDS_MAX = 130,
};

static void put_delete_all(const struct stage *s, const struct bench_user *user, size_t n,
                           struct buf *out)
{
    (void)s, (void)n;
    buf_put_text(out, "{\"method\":\"DELETE\",\"path\":\"/rooms/all/");
    buf_put_text(out, account_id_text(&user->blinded.id).s);
    buf_put_text(out, "\"}");
}

static void put_delete_unknown(const struct stage *s, const struct bench_user *user, size_t n,
                               struct buf *out)
{
    (void)s, (void)user;
    buf_put_text(out, "{\"method\":\"DELETE\",\"path\":\"/room/lobby/message/");
    buf_put_u64(out, 900000000 + n);
    buf_put_text(out, "\"}");
}

/* The same batch of five identities in turn, so many times a second. */
static bool deleters(const struct stage *s, struct weapon *w, const struct weapon_batch *batch,
                     double batches_per_s)
{
    size_t count = (size_t)(SECONDS_MAX * batches_per_s) + DELETERS;
    bool fine = weapon_reserve(w, count);
    for (size_t i = 0; fine && i < count; i++)
        fine = weapon_add_batch(s, w, &s->aged[i % DELETERS], batch);
    w->connections = DELETERS;
    w->rate_per_s = batches_per_s;
    return fine;
}

static bool delete_all(struct stage *s, struct weapon *w)
{
    const struct weapon_batch batch = {DELETIONS, put_delete_all, 0};
    bool fine = deleters(s, w, &batch, DELETERS);
    if (fine && !s->is_short)
        weapon_pace(w, 2800);
    return fine;
}

static bool delete_all_padded(struct stage *s, struct weapon *w)
{
    const struct weapon_batch batch = {DELETIONS, put_delete_all, PADDED_BYTES};
    return deleters(s, w, &batch, s->is_short ? DELETERS : 1);
}

static bool delete_unknown(struct stage *s, struct weapon *w)
{
    const struct weapon_batch batch = {UNKNOWN_MESSAGES, put_delete_unknown, 0};
    return deleters(s, w, &batch, 1);
}

/* ---- C6 ---- */

static void put_tiny_file(const struct stage *s, const struct bench_user *user, size_t n,
                          struct buf *out)
{
    (void)s, (void)user, (void)n;
    uint8_t bytes[2];
    randombytes_buf(bytes, sizeof(bytes));
    buf_put_text(out, "{\"method\":\"POST\",\"path\":\"/file\",\"b64\":\"");
    buf_put_base64(out, span_of(bytes, sizeof(bytes)));
    buf_put_text(out, "\"}");
}

/* Three batches at once, and then as many a minute. */
static bool tiny_files(struct stage *s, struct weapon *w)
{
    const struct weapon_batch batch = {TINY_FILES, put_tiny_file, 0};
    bool fine = weapon_reserve(w, TINY_BATCHES);
    for (size_t i = 0; fine && i < TINY_BATCHES; i++)
        fine = weapon_add_batch(s, w, NULL, &batch);
    w->connections = TINY_BATCHES;
    return fine;
}

/* ---- C10 ---- */

/* The last aged identities are written to and write honestly. */
static const struct bench_user *victim_of(const struct stage *s)
{
    return &s->aged[STAGE_AGED - 2];
}

static void put_message(struct buf *out)
{
    uint8_t bytes[DM_BYTES];
    randombytes_buf(bytes, sizeof(bytes));
    buf_put_text(out, "{\"message\":\"");
    buf_put_base64(out, span_of(bytes, sizeof(bytes)));
    buf_put_text(out, "\"}");
}

static void put_dm(const struct stage *s, const struct bench_user *user, size_t n, struct buf *out)
{
    (void)user, (void)n;
    buf_put_text(out, "{\"method\":\"POST\",\"path\":\"/inbox/");
    buf_put_text(out, account_id_text(&victim_of(s)->blinded.id).s);
    buf_put_text(out, "\",\"json\":");
    put_message(out);
    buf_put_text(out, "}");
}

/* Each identity sends what one person may send in ten minutes. */
static bool full_inbox(struct stage *s, struct weapon *w)
{
    const struct weapon_batch batch = {DMS_EACH, put_dm, 0};
    bool fine = weapon_reserve(w, DM_SENDERS);
    for (size_t i = 0; fine && i < DM_SENDERS; i++)
        fine = weapon_add_batch(s, w, &s->aged[i], &batch);
    w->connections = 4;
    return fine;
}

static bool inbox_is_open(struct stage *s, char ret_why[static ATTACK_WHY_MAX])
{
    struct buf body AUTO_BUF = buf_make(KIB(4));
    struct bench_request request = {
        .method = "POST", .content_type = "application/json", .is_signed = true};
    put_message(&body);
    request.body = buf_span(&body);
    (void)snprintf(request.target, sizeof(request.target), "/inbox/%s",
                   account_id_text(&victim_of(s)->blinded.id).s);
    int code = stage_ask(s, &s->aged[STAGE_AGED - 1], &request, NULL);
    (void)snprintf(ret_why, ATTACK_WHY_MAX, "an honest direct message is answered %d", code);
    return code == 201;
}

const struct attack attack_changes[] = {
    {"C3a", "20 deletions of everything of oneself in 63 rooms, five aged identities", false, false,
     delete_all, NULL},
    {"C3b", "the same, padded to 66 KB", false, false, delete_all_padded, NULL},
    {"C3c", "500 deletions of unknown messages in a batch, one batch a second", false, false,
     delete_unknown, NULL},
    {"C6", "three anonymous batches of 500 files of two bytes", false, true, tiny_files, NULL},
    {"C10", "4,320 direct messages from 72 aged identities to one inbox", false, true, full_inbox,
     inbox_is_open},
    {0},
};
