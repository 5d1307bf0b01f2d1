/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /rooms and GET /room/R (docs/protocol/community.md, 2.2). The room object itself is rendered
 * by state/, once per role class.
 */
#include "base/clock.h"
#include "community/community.h"
#include "router/json_out.h"
#include "state/state.h"

enum err rooms_get_all(struct call *call)
{
    struct state *state = call->services->state;
    struct room **rooms = NULL;
    size_t count = 0;
    /*
     * The route is public, so nobody asked yet: a picture that is a minute old shows no rooms
     * (docs/design.md, D7).
     */
    if (!state_is_fresh(state, clock_mono_ms()))
        return ERR_BUSY;
    enum err e = state_rooms(state, call->mem, &rooms, &count);
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        struct rights rights;
        state_rights(state, rooms[i], &call->who, &rights);
        if (e == OK && !rights.banned && (rights.read || rights.accessible)) {
            json_out_comma(out);
            e = state_write_room(state, rooms[i], &rights, out);
        }
        state_room_release(rooms[i]);
    }
    json_out_close(out, ']');
    return e == OK ? buf_verdict(out) : e;
}

enum err room_get(struct call *call)
{
    struct buf *out = reply_json(call->reply, 200);
    return state_write_room(call->services->state, call->room, &call->rights, out);
}
