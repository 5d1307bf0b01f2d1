/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the rules of identity and access meet state/ and store/. Apart from them, so that they can
 * be tested against outside vectors without a server around them.
 */
#include "auth/auth.h"

#include "auth/access.h"
#include "auth/identity.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/blind.h"
#include "crypto/secret.h"
#include "state/state.h"
#include "store/nonces.h"
#include "store/pending.h"
#include "store/versions.h"

enum {
    KNOWN_KEYS_LOG2 = 17,  /* 1 MB: the people of a very large server */
    USED_NONCES_LOG2 = 20, /* 8 MB: the newest million requests (docs/design.md, D5) */
};

struct auth {
    struct recall *keys;
    struct recall *nonces;
};

enum err auth_new(struct auth **ret_auth)
{
    struct auth *auth = MEM_NEW(struct auth);
    if (auth == NULL)
        return ERR_NO_MEMORY;
    enum err e = recall_new(KNOWN_KEYS_LOG2, &auth->keys);
    if (e == OK)
        e = recall_new(USED_NONCES_LOG2, &auth->nonces);
    if (e != OK) {
        auth_free(auth);
        return e;
    }
    *ret_auth = auth;
    return OK;
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    recall_free(auth->keys);
    recall_free(auth->nonces);
    mem_free(auth);
}

static bool is_banned(void *state, const struct session_id *id)
{
    return state_is_banned(state, id);
}

bool auth_authenticate(struct call *call)
{
    const struct services *services = call->services;
    const struct identity_rules rules = {
        .server = &services->keys->pub,
        .blinding_required = true,
        .banned = is_banned,
        .banned_arg = services->state,
        .keys = services->auth->keys,
        .nonces = services->auth->nonces,
    };
    if (!identity_check(&rules, call))
        return false;
    call->stranger =
        !call->who.known || !state_is_member(services->state, &call->who.id, call->now_ms);
    if (call->who.known)
        state_seen(services->state, &call->who.id, call->stranger, call->now_ms);
    return true;
}

bool auth_is_stranger(const struct call *call)
{
    struct session_id id;
    return !identity_claimed(call->req, &id) ||
           !state_is_member(call->services->state, &id, call->now_ms);
}

static enum err refuse(struct call *call, enum err e)
{
    reply_error(call->reply, e);
    return ERR_DENIED;
}

/*
 * The first contact of an account that was known by its 05 id (docs/protocol/community.md, 3.9).
 * Nearly nobody is, which memory knows; who is waits for the move, since it may be a ban.
 */
enum err auth_welcome(struct call *call)
{
    struct state *state = call->services->state;
    if (!state_is_pending(state, &call->who.id))
        return OK;
    if (call->db == NULL)
        return ERR_RETRY;
    struct session_id absolute = blind15_absolute_form(&call->who.id);
    enum err e = pending_move(call->db, &absolute, &call->who.id);
    if (e == OK)
        e = state_refresh(state, call->db);
    if (e != OK)
        return refuse(call, e);
    e = versions_notify(call->db);
    if (e != OK) /* the others find out by comparing versions */
        log_event(LOG_DEBUG, "auth.notify_failed");
    if (!state_is_banned(state, &call->who.id))
        return OK;
    reply_text(call->reply, 403, IDENTITY_BANNED);
    return ERR_DENIED;
}

bool auth_claim(struct call *call)
{
    struct nonce_key nonce = {.signed_s = call->nonce.signed_s};
    memcpy(nonce.b, call->nonce.b, sizeof nonce.b);
    enum err e = nonces_claim(call->db, &nonce);
    if (e == ERR_CONFLICT)
        e = ERR_BUSY; /* there is no partition for that day yet; the job makes it within seconds */
    if (e == ERR_TOO_EARLY)
        reply_text(call->reply, 425, IDENTITY_REPLAYED);
    else if (e != OK)
        reply_error(call->reply, e);
    return e == OK;
}

void auth_forget(struct call *call)
{
    recall_remove(call->services->auth->nonces, span_of(call->nonce.b, sizeof call->nonce.b));
}

/* call->room and call->rights of a route with {room}. ERR_DENIED: refusal written. */
static enum err find_room(struct call *call)
{
    struct state *state = call->services->state;
    enum err e = state_room_by_token(state, call->params.room, &call->room);
    if (e == ERR_RETRY && call->db == NULL)
        return e;
    if (e != OK)
        return refuse(call, e);
    state_rights(state, call->room, &call->who, &call->rights);
    return OK;
}

/* Asked before the room is looked for: whoever is none gets the same answer for every token. */
static enum err admit_global_admin(struct call *call)
{
    if (!access_check(ACCESS_GLOBAL_ADMIN, &call->who, NULL, call->reply))
        return ERR_DENIED;
    if (state_may_globally(call->services->state, &call->who.id, true))
        return OK;
    reply_text(call->reply, 403, "This endpoint requires global admin permissions");
    return ERR_DENIED;
}

enum err auth_admit(struct call *call, enum access access)
{
    bool has_room = call->params.room.len > 0;
    /*
     * Rights that nobody could compare with the database for a minute are no rights
     * (docs/design.md, D7).
     */
    if ((has_room || access != ACCESS_PUBLIC) &&
        !state_is_fresh(call->services->state, clock_mono_ms()))
        return refuse(call, ERR_BUSY);
    enum err e = access == ACCESS_GLOBAL_ADMIN ? admit_global_admin(call) : OK;
    if (e == OK && has_room)
        e = find_room(call);
    if (e != OK)
        return e;
    const struct rights *rights = has_room ? &call->rights : NULL;
    return access_check(access, &call->who, rights, call->reply) ? OK : ERR_DENIED;
}

void auth_release(struct call *call)
{
    if (call->room != NULL)
        state_room_release(call->room);
    call->room = NULL;
}
