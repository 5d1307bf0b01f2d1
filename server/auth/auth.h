/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hooks that app.c hands to the dispatcher: who is asking, whether they may, and that it
 * happens once. They join the pure rules (identity.h, access.h) with the server's memory and
 * database.
 */
#ifndef CONCLAVE_AUTH_AUTH_H
#define CONCLAVE_AUTH_AUTH_H

#include "router/dispatch.h"

/* What authentication remembers between requests: known keys and used nonces. Owned by app.c. */
struct auth;

/* ERR_NO_MEMORY. About 9 MB of address space, resident only as it fills. */
MUST_USE enum err auth_new(struct auth **ret_auth);
void auth_free(struct auth *auth);

/* Contracts: struct dispatcher (router/dispatch.h). Any thread. */
bool auth_authenticate(struct call *call);
enum err auth_welcome(struct call *call);
bool auth_claim(struct call *call);
void auth_forget(struct call *call);
enum err auth_admit(struct call *call, enum access access);
void auth_release(struct call *call);
bool auth_is_stranger(const struct call *call);

#endif
