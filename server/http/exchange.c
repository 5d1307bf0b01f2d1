/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of an exchange: who holds it, and what is released when nobody does.
 */
#include "http/exchange.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/limits.h"
#include "http/stream.h"
#include "router/dispatch.h"

void host_unref(struct host *host)
{
    if (host == NULL || atomic_fetch_sub(&host->refs, 1) != 1)
        return;
    lot_free(host->lot);
    mem_free(host);
}

struct exchange *exchange_new(struct host *host, struct conn *conn,
                              struct MHD_Connection *connection, uint64_t length)
{
    struct exchange *ex = MEM_NEW(struct exchange);
    if (ex == NULL)
        return NULL;
    ex->host = host;
    ex->conn = conn;
    ex->connection = connection;
    ex->kind = (enum envelope_kind)conn->kind;
    ex->first_byte_ms = conn_started(conn, clock_mono_ms());
    ex->length = length;
    ex->large = length > SMALL_BODY_MAX_BYTES;
    ex->body = buf_make((size_t)length);
    ex->step = ex->large ? STEP_ADMIT : STEP_BODY;
    ex->ticket.kind = ex->large ? BUDGET_LARGE : BUDGET_SMALL;
    atomic_init(&ex->refs, 1);
    reply_init(&ex->reply);
    (void)atomic_fetch_add(&host->refs, 1);
    (void)atomic_fetch_add(&host->exchanges, 1);
    return ex;
}

void exchange_ref(struct exchange *ex)
{
    (void)atomic_fetch_add(&ex->refs, 1);
}

static void release(struct exchange *ex)
{
    struct host *host = ex->host;
    /*
     * A handler's own part of a call that finishes later is released by finish, so that has to run
     * in any case.
     */
    if (ex->call.later.started && !ex->finished)
        dispatch_finish(&ex->call);
    stream_free(ex->stream);
    reply_done(&ex->reply);
    buf_done(&ex->sealed);
    buf_done(&ex->body);
    envelope_forget(&ex->key);
    arena_free(ex->mem);
    budget_give_back(host->budget, &ex->ticket);
    mem_free(ex);
    (void)atomic_fetch_sub(&host->exchanges, 1);
    host_unref(host);
}

void exchange_unref(struct exchange *ex)
{
    if (atomic_fetch_sub(&ex->refs, 1) == 1)
        release(ex);
}
