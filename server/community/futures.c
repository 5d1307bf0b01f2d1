/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET and POST /room/R/futurePermissions (docs/protocol/community.md, 2.3): what shall change at a
 * later time. A job applies it.
 */
#include "base/clock.h"
#include "community/authority.h"
#include "community/community.h"
#include "community/tristate.h"
#include "crypto/secret.h"
#include "state/state.h"
#include "store/futures.h"
#include "store/person.h"

static const double DELAY_MAX_S = 1e9; /* docs/protocol/community.md, 2.3 */

/* user 0: everybody's, with their ids. */
static enum err write_futures(struct call *call, int64_t user)
{
    struct future_row *rows = NULL;
    size_t count = 0;
    enum err e = futures_list(call->db, call->mem, state_room_id(call->room), user, &rows, &count);
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    buf_put_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        json_out_open(out, '{');
        if (user == 0) {
            json_out_key(out, "session_id");
            json_out_hex(out, SPAN_OF_KEY(&rows[i].session));
        }
        json_out_key(out, "at");
        json_out_double(out, rows[i].at);
        tristate_put(out, "read", rows[i].read);
        tristate_put(out, "write", rows[i].write);
        tristate_put(out, "upload", rows[i].upload);
        tristate_put(out, "banned", rows[i].banned);
        json_out_close(out, '}');
    }
    buf_put_byte(out, ']');
    return buf_verdict(out);
}

enum err futures_get_all(struct call *call)
{
    return call->db == NULL ? ERR_RETRY : write_futures(call, 0);
}

enum err futures_get_one(struct call *call)
{
    if (call->db == NULL)
        return ERR_RETRY;
    struct person person = person_of(&call->services->keys->blind15_factor, &call->params.user);
    enum err e = person_find(call->db, &person);
    if (e == OK)
        return write_futures(call, person.user);
    if (e == ERR_MISSING)
        buf_put_text(reply_json(call->reply, 200), "[]");
    return e == ERR_MISSING ? OK : e;
}

struct plan {
    struct call *call;
    struct permission_future future;
    struct person person;
};

static enum err read_plan(struct call *call, struct plan *p)
{
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct permission_future *f = &p->future;
    f->room = state_room_id(call->room);
    f->read = tristate_read(&in, "read");
    f->write = tristate_read(&in, "write");
    f->upload = tristate_read(&in, "upload");
    double delay_s = json_number(&in, "in");
    f->at = (double)call->now_ms / SECOND_MS + delay_s;
    bool any = f->read != TRI_NULL || f->write != TRI_NULL || f->upload != TRI_NULL;
    return json_ok(&in) && any && delay_s > 0 && delay_s < DELAY_MAX_S ? OK : ERR_MALFORMED;
}

static enum err schedule(struct db *db, void *arg)
{
    struct plan *p = arg;
    enum err e = authority_confirm_here(p->call, db, AS_MODERATOR);
    if (e == OK)
        e = person_resolve(db, &p->person, p->call->now_ms);
    p->future.user = p->person.user;
    return e == OK ? futures_add(db, &p->future) : e;
}

enum err futures_post(struct call *call)
{
    struct plan p = {.call = call};
    enum err e = read_plan(call, &p);
    if (e != OK)
        return e;
    if (!authority_begins(call, 1))
        return OK;
    p.person = person_of(&call->services->keys->blind15_factor, &call->params.user);
    e = store_tx(call->db, schedule, &p);
    if (e != OK)
        return e;
    authority_used(call); /* somebody may be waited for now */
    return write_futures(call, p.person.user);
}
