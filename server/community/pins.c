/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /room/R/pin/N, /unpin/N and /unpin/all (docs/protocol/community.md, 2.9). Clients send them
 * without a body, or with any.
 */
#include "base/clock.h"
#include "community/authority.h"
#include "community/community.h"
#include "conf/conf.h"
#include "state/state.h"
#include "store/pins.h"
#include "store/rooms.h"

struct pinning {
    struct call *call;
    int64_t message; /* PINS_ALL */
    int64_t removed;
    int64_t info_updates;
};

static enum err read_counter(struct db *db, struct pinning *p)
{
    struct room_row room;
    enum err e = rooms_by_id(db, p->call->mem, state_room_id(p->call->room), &room);
    if (e == OK)
        p->info_updates = room.info_updates;
    return e;
}

static enum err pin(struct db *db, void *arg)
{
    struct pinning *p = arg;
    const struct pin add = {.room = state_room_id(p->call->room),
                            .message = p->message,
                            .by = p->call->who.id,
                            .now = (double)p->call->now_ms / SECOND_MS};
    enum err e = authority_confirm_here(p->call, db, AS_ADMIN);
    if (e == OK)
        e = pins_add(db, &add);
    return e == OK ? read_counter(db, p) : e;
}

static enum err unpin(struct db *db, void *arg)
{
    struct pinning *p = arg;
    double lifetime_s = (double)p->call->services->conf->files.room_ttl_ms / SECOND_MS;
    enum err e = authority_confirm_here(p->call, db, AS_ADMIN);
    if (e == OK)
        e = pins_remove(db, p->call->mem, state_room_id(p->call->room), p->message, lifetime_s,
                        &p->removed);
    return e == OK ? read_counter(db, p) : e;
}

static void write_counter(struct buf *out, const struct pinning *p)
{
    buf_put_text(out, "\"info_updates\":");
    buf_put_i64(out, p->info_updates);
    buf_put_byte(out, '}');
}

enum err pin_add(struct call *call)
{
    struct pinning p = {.call = call, .message = call->params.number};
    if (!authority_begins(call, 1))
        return OK;
    enum err e = store_tx(call->db, pin, &p);
    if (e != OK)
        return e;
    authority_used(call);
    struct buf *out = reply_json(call->reply, 200);
    buf_put_byte(out, '{');
    write_counter(out, &p);
    return OK;
}

enum err pin_remove(struct call *call)
{
    struct pinning p = {.call = call, .message = call->params.number};
    if (!authority_begins(call, 1))
        return OK;
    enum err e = store_tx(call->db, unpin, &p);
    if (e != OK)
        return e;
    authority_used(call);
    struct buf *out = reply_json(call->reply, 200);
    buf_put_text(out, p.removed > 0 ? "{\"unpinned\":true," : "{\"unpinned\":false,");
    write_counter(out, &p);
    return OK;
}

enum err pin_remove_all(struct call *call)
{
    struct pinning p = {.call = call, .message = PINS_ALL};
    if (!authority_begins(call, 1))
        return OK;
    enum err e = store_tx(call->db, unpin, &p);
    if (e != OK)
        return e;
    authority_used(call);
    struct buf *out = reply_json(call->reply, 200);
    buf_put_text(out, "{\"unpinned\":");
    buf_put_i64(out, p.removed);
    buf_put_byte(out, ',');
    write_counter(out, &p);
    return OK;
}
