/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages (docs/protocol/community.md, 2.12). Every open client asks for its inbox and
 * outbox every few seconds, so whoever has nothing new is answered from memory.
 */
#include "auth/fair.h"
#include "base/clock.h"
#include "community/community.h"
#include "conf/conf.h"
#include "router/dispatch.h"
#include "router/json_in.h"
#include "router/json_out.h"
#include "state/state.h"
#include "store/trusted_time.h"
#include "work/disk.h"
#include "store/versions.h"
#include "work/timestamps.h"

static const struct int_range limit_range = {.fallback = 100, .min = 1, .max = 256};

static void write_dm(struct buf *out, const struct dm_row *dm, bool with_message)
{
    json_out_open(out, '{');
    json_out_key(out, "id");
    buf_put_i64(out, dm->id);
    json_out_key(out, "posted_at");
    json_out_double(out, dm->posted_at);
    json_out_key(out, "expires_at");
    json_out_double(out, dm->expires_at);
    json_out_key(out, "sender");
    json_out_hex(out, SPAN_OF_KEY(&dm->sender));
    json_out_key(out, "recipient");
    json_out_hex(out, SPAN_OF_KEY(&dm->recipient));
    if (with_message) {
        json_out_key(out, "message");
        json_out_base64(out, dm->message);
    }
    json_out_close(out, '}');
}

/* ERR_MISSING: nothing there. */
static enum err write_box(struct call *call, enum dm_box box, int64_t since)
{
    struct state *state = call->services->state;
    struct dm_query q = {
        .box = box, .owner = call->who.id, .since = since, .now = (double)call->now_ms / SECOND_MS};
    struct dm_row *rows = NULL;
    size_t count = 0;
    enum err e = request_query_int(call->req, call->mem, "limit", limit_range, &q.limit);
    if (e != OK)
        return e;
    if (state_dms_nothing_after(state, &call->who.id, box, since))
        return ERR_MISSING;
    if (call->db == NULL)
        return ERR_RETRY;
    e = state_dms_learn(state, call->db, &call->who.id);
    if (e == OK)
        e = dms_list(call->db, call->services->ring, call->mem, &q, &rows, &count);
    if (e != OK)
        return e;
    if (count == 0)
        return ERR_MISSING;
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        json_out_comma(out);
        write_dm(out, &rows[i], true);
    }
    json_out_close(out, ']');
    return buf_verdict(out);
}

static enum err read_all(struct call *call, enum dm_box box)
{
    enum err e = write_box(call, box, 0);
    if (e != ERR_MISSING)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    buf_put_text(out, "[]");
    return buf_verdict(out);
}

/* Nothing new is 304 without headers and without a body. */
static enum err read_since(struct call *call, enum dm_box box)
{
    enum err e = write_box(call, box, call->params.number);
    if (e != ERR_MISSING)
        return e;
    reply_reset(call->reply);
    call->reply->status = 304;
    return OK;
}

enum err inbox_get(struct call *call)
{
    return read_all(call, DM_INBOX);
}

enum err inbox_get_since(struct call *call)
{
    return read_since(call, DM_INBOX);
}

enum err outbox_get(struct call *call)
{
    return read_all(call, DM_OUTBOX);
}

enum err outbox_get_since(struct call *call)
{
    return read_since(call, DM_OUTBOX);
}

/* Extra keys, among them a signature, are ignored: what is inside is between the two. */
static enum err read_message(struct call *call, struct span *ret_message)
{
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct span message = json_base64(&in, "message"); /* in the call's arena */
    if (!json_ok(&in))
        return ERR_MALFORMED;
    if (message.len > call->services->conf->rooms.message_bytes)
        return ERR_TOO_LARGE;
    *ret_message = message;
    return OK;
}

/* Stores it and tells everybody whom it concerns. */
static enum err store_dm(struct call *call, const struct dm_people *people, struct dm_row *dm)
{
    const struct services *s = call->services;
    int64_t posted_ms = 0, from_ms = 0;
    enum err e = timestamps_take(s->timestamps, call->db, call->now_ms, &posted_ms);
    if (e == OK)
        e = clock_shared(call->db, posted_ms, &from_ms);
    int64_t ttl_ms = s->conf->direct_messages.ttl_ms + from_ms - posted_ms;
    if (e == OK)
        e = dms_send(call->db, s->ring, people, dm->message, posted_ms, ttl_ms, &dm->id);
    if (e != OK)
        return e;
    dm->posted_at = (double)posted_ms / SECOND_MS;
    dm->expires_at = (double)(posted_ms + ttl_ms) / SECOND_MS;
    state_dms_sent(s->state, dm->id, &dm->sender, &dm->recipient);
    e = versions_notify(call->db);
    (void)e; /* it is stored; other processes find out by comparing versions */
    return OK;
}

static enum err send_dm(struct call *call, struct dm_row *dm)
{
    struct dm_people people = {.by_stranger = fair_kind(call) == CALLER_STRANGER};
    if (disk_level(call->services->disk) == DISK_NO_POSTS)
        return ERR_BUSY;
    bool proved = state_was_seen(call->services->state, &dm->recipient);
    enum err e = dms_recipient(call->db, &dm->recipient, proved, call->now_ms, &people.recipient);
    if (e == OK)
        e = read_message(call, &dm->message);
    if (e == OK)
        e = dms_sender(call->db, &dm->sender, call->now_ms, &people.sender);
    return e == OK ? store_dm(call, &people, dm) : e;
}

enum err dm_send(struct call *call)
{
    struct dm_row dm = {.sender = call->who.id, .recipient = call->params.user};
    if (dm.recipient.b[0] != ID_BLINDED15)
        return ERR_MISSING;
    if (!fair_allows(call, LIMIT_DMS, call->req->body.len) || dispatch_claim(call) != OK)
        return OK;
    enum err e = send_dm(call, &dm);
    if (e == ERR_CONFLICT) {
        reply_text(call->reply, 429, "Too many direct messages are waiting");
        return OK;
    }
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 201);
    write_dm(out, &dm, false);
    return buf_verdict(out);
}

enum err inbox_clear(struct call *call)
{
    int64_t removed = 0;
    if (!fair_allows(call, LIMIT_DELETIONS, 0) || dispatch_claim(call) != OK)
        return OK;
    enum err e = dms_clear_inbox(call->db, &call->who.id, &removed);
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, "deleted");
    buf_put_i64(out, removed);
    json_out_close(out, '}');
    return buf_verdict(out);
}
