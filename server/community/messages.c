/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading messages (docs/protocol/community.md, 2.4): since, recent, before, one. Parameters are
 * read here; which rows a reader gets and how they look is state/'s.
 */
#include "community/community.h"
#include "state/state.h"

/* Protocol 02, 1.5: out of range is clamped, not an integer is 400. */
static const struct int_range limit_range = {.fallback = 100, .min = 1, .max = 256};
static const struct int_range reactors_range = {.fallback = 4, .min = 0, .max = 20};

/*
 * Reads the parameters that all four share, and counts the activity (docs/protocol/community.md,
 * 3.7).
 */
static enum err reader_view(struct call *call, struct reader_view *ret_view)
{
    struct reader_view view = {.who = &call->who, .moderator = call->rights.moderator};
    enum err e = request_query_int(call->req, call->mem, "limit", limit_range, &view.limit);
    if (e == OK)
        e = request_query_int(call->req, call->mem, "reactors", reactors_range, &view.reactors);
    if (e != OK)
        return e;
    if (call->who.known)
        state_active(call->services->state, call->room, &call->who.id, call->stranger,
                     call->now_ms);
    *ret_view = view;
    return OK;
}

enum err messages_get_since(struct call *call)
{
    struct reader_view view;
    bool asked = false;
    struct span flags = {0};
    enum err e = request_query(call->req, call->mem, "t", &asked, &flags);
    if (e == OK)
        e = reader_view(call, &view);
    if (e != OK)
        return e;
    bool reactions = asked && span_find(flags, 'r') < flags.len;
    return state_write_since(call->services->state, call->db, call->room, &view,
                             call->params.number, reactions, reply_json(call->reply, 200));
}

enum err messages_get_recent(struct call *call)
{
    struct reader_view view;
    enum err e = reader_view(call, &view);
    if (e != OK)
        return e;
    return state_write_recent(call->services->state, call->db, call->room, &view,
                              reply_json(call->reply, 200));
}

enum err messages_get_before(struct call *call)
{
    struct reader_view view;
    enum err e = reader_view(call, &view);
    if (e != OK)
        return e;
    return state_write_before(call->services->state, call->db, call->room, &view,
                              call->params.number, reply_json(call->reply, 200));
}

enum err message_get_one(struct call *call)
{
    struct reader_view view;
    enum err e = reader_view(call, &view);
    if (e != OK)
        return e;
    return state_write_one(call->services->state, call->db, call->room, &view, call->params.number,
                           reply_json(call->reply, 200));
}
