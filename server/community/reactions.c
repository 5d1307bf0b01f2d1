/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reactions (docs/protocol/community.md, 2.10): adding and taking back one's own, removing them as
 * a moderator, and who reacted.
 */
#include "auth/fair.h"
#include "base/arena.h"
#include "base/utf8.h"
#include "community/community.h"
#include "community/writes.h"
#include "router/json_out.h"
#include "state/state.h"
#include "store/reactions.h"

enum {
    LIST_ARENA_BYTES = 16 * 1024 * 1024, /* REACTORS_LISTED_MAX of them, twice */
    /* ["<66 digits>",<seconds>]: no reactor takes less of a reply. */
    REACTOR_LEAST_BYTES = 72,
};

/* The rest of a path is valid UTF-8 and not empty. False: refused. */
static bool read_reaction(struct call *call, struct span *ret_text)
{
    if (utf8_count(call->params.text) > REACTION_MAX_CODE_POINTS) {
        reply_text(call->reply, 400, "Invalid reaction: more than 12 characters");
        return false;
    }
    *ret_text = call->params.text;
    return true;
}

static void write_outcome(struct call *call, const char *key, const struct write_op *op)
{
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, key);
    if (op->kind == WRITE_CLEAR_REACTIONS)
        buf_put_i64(out, op->answer.count);
    else
        json_out_bool(out, op->answer.count > 0);
    json_out_key(out, "seqno");
    buf_put_i64(out, op->answer.seqno);
    json_out_close(out, '}');
}

static void write_added(struct call *call, const struct write_op *op)
{
    write_outcome(call, "added", op);
}

static void write_removed(struct call *call, const struct write_op *op)
{
    write_outcome(call, "removed", op);
}

static enum err new_op(struct call *call, enum write_kind kind, struct span reaction,
                       struct write_op **ret_op)
{
    struct write_op *op = NULL;
    enum err e = write_new(call, kind, &op);
    if (e != OK)
        return e;
    op->message = call->params.number;
    op->reaction = reaction;
    *ret_op = op;
    return OK;
}

static enum err remove_some(struct call *call, enum write_kind kind, struct span reaction)
{
    struct write_op *op = NULL;
    if (call->db == NULL)
        return ERR_RETRY;
    if (!fair_allows(call, LIMIT_REACTIONS, 0))
        return OK;
    enum err e = write_target_is_there(call);
    if (e == OK)
        e = new_op(call, kind, reaction, &op);
    return e == OK ? write_send(call, op, write_removed) : e;
}

enum err reaction_add(struct call *call)
{
    struct span text;
    if (!read_reaction(call, &text))
        return OK;
    struct write_op *op = NULL;
    enum err e = new_op(call, WRITE_REACT, text, &op);
    if (e != OK || !fair_allows(call, LIMIT_REACTIONS, 0))
        return e;
    return write_send(call, op, write_added);
}

enum err reaction_remove(struct call *call)
{
    struct span text;
    return read_reaction(call, &text) ? remove_some(call, WRITE_UNREACT, text) : OK;
}

enum err reaction_clear(struct call *call)
{
    struct span text;
    return read_reaction(call, &text) ? remove_some(call, WRITE_CLEAR_REACTIONS, text) : OK;
}

enum err reactions_clear(struct call *call)
{
    return remove_some(call, WRITE_CLEAR_REACTIONS, (struct span){NULL, 0});
}

enum err reactors_get(struct call *call)
{
    static const struct int_range limit_range = {
        .fallback = 0, .min = 0, .max = REACTORS_LISTED_MAX};
    struct reactors_query query = {.message = call->params.number};
    struct reactor_row *rows = NULL;
    size_t count = 0;
    enum err e = request_query_int(call->req, call->mem, "limit", limit_range, &query.limit);
    if (e != OK || !read_reaction(call, &query.text))
        return e;
    /* In a batch whose reply is nearly full, nothing is read that cannot be said. */
    query.most = (int64_t)((call->reply->body.max - call->reply->body.len) / REACTOR_LEAST_BYTES);
    if (query.most == 0)
        return ERR_TOO_LARGE;
    if (call->db == NULL)
        return ERR_RETRY;
    if (query.limit == 0) /* none, as PySOGS has it */
        query.limit = REACTORS_LISTED_MAX;
    query.room = state_room_id(call->room);
    AUTO_ARENA struct arena *mem = arena_new(LIST_ARENA_BYTES);
    if (mem == NULL)
        return ERR_NO_MEMORY;
    e = reactions_reactors(call->db, call->services->ring, mem, &query, &rows, &count);
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        json_out_open(out, '[');
        json_out_hex(out, SPAN_OF_KEY(&rows[i].session));
        json_out_comma(out);
        json_out_double(out, rows[i].at);
        json_out_close(out, ']');
    }
    json_out_close(out, ']');
    return buf_verdict(out);
}
