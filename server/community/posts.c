/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /room/R/message (protocol 02, 2.5). A lone post is handed to the batch writer straight from the pool thread, with
 * its nonce, and answered when the batch has committed; inside a batch a worker waits for it.
 */
#include "community/community.h"
#include "community/gate.h"
#include "router/json_in.h"
#include "state/state.h"

/* `files`: ids as integers or decimal text, as clients send them. Ids that cannot be adopted are ignored, bad types not. */
static bool files_well_formed(const struct json_in *in)
{
    const json_t *files = json_object_get(in->root, "files");
    if (!files || json_is_null(files))
        return true;
    if (!json_is_array(files))
        return false;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        struct span text = span_of(json_string_value(file), json_string_length(file));
        int64_t id;
        if (!(json_is_string(file) && span_to_i64(text, &id) == OK) &&
            !(json_is_integer(file) && json_integer_value(file) >= 0))
            return false;
    }
    return true;
}

/* Everything lands in the call's arena: the op outlives this function. */
static enum err read_post(struct call *call, struct post_in *ret_post)
{
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct post_in post = {.data = json_base64(&in, "data"),
                           .signature = json_base64(&in, "signature")};
    struct span whisper_to = json_text_or(&in, "whisper_to", (struct span){0});
    post.whisper_mods = json_bool_or(&in, "whisper_mods", false);
    if (!json_ok(&in) || !files_well_formed(&in))
        return ERR_MALFORMED;
    if (whisper_to.p) {
        if (session_id_read(whisper_to, &post.whisper_to) != OK)
            return ERR_MALFORMED;
        post.has_whisper_to = true;
    }
    post.whisper = post.has_whisper_to || post.whisper_mods;
    *ret_post = post;
    return OK;
}

static void write_reply(struct call *call, void *arg)
{
    const struct write_op *op = arg;
    struct reply *reply = call->reply;
    switch (op->result) {
    case WRITE_DONE:
        if (state_write_posted(&op->posted, op->post.state == MESSAGE_FILTERED,
                               reply_json(reply, 201)) != OK)
            reply_error(reply, ERR_NO_MEMORY);
        break;
    case WRITE_REPLAYED:
        reply_text(reply, 425, "Invalid authentication: X-SOGS-Nonce cannot be reused");
        break;
    case WRITE_ROOM_GONE:
        reply_error(reply, ERR_MISSING);
        break;
    case WRITE_BANNED:
    case WRITE_DENIED:
        reply_text(reply, 403, "Permission denied");
        break;
    case WRITE_RATE_LIMITED:
        reply_text(reply, 429, "Rate limited");
        break;
    case WRITE_BUSY:
        reply_error(reply, ERR_BUSY);
        break;
    }
}

static void complete_later(struct write_op *op)
{
    struct call *call = op->owner;
    call->later.complete(call);
}

static enum err start_later(struct call *call, struct write_op *op)
{
    op->done = complete_later;
    op->owner = call;
    call->later.finish = write_reply;
    call->later.arg = op;
    call->later.started = true; /* before the submit: the writer may be done before it returns */
    enum err e = writer_submit(call->services->writer, op);
    if (e != OK)
        call->later.started = false;
    return e;
}

enum err message_post(struct call *call)
{
    if (!call->later.allowed && !call->db)
        return ERR_RETRY;
    struct write_op *op = ARENA_NEW(call->mem, struct write_op);
    if (!op)
        return ERR_NO_MEMORY;
    *op = (struct write_op){.kind = WRITE_POST,
                            .room = state_room_id(call->room),
                            .author = call->who.id,
                            .has_nonce = !call->nonce_claimed,
                            .nonce = {.day = call->nonce.day}};
    memcpy(op->nonce.b, call->nonce.b, sizeof(op->nonce.b));
    enum err e = read_post(call, &op->post);
    if (e != OK)
        return e;
    if (gate_post(call, &op->post) == GATE_REFUSE)
        return OK;
    if (call->later.allowed)
        return start_later(call, op);
    e = writer_run(call->services->writer, op);
    if (e == OK)
        write_reply(call, op);
    return e;
}
