/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens between the last byte of a request and the first of its reply: peel, dispatch, seal;
 * on the pool thread as long as memory answers, else in a lane (docs/design.md, D1). Everything
 * that could be decrypted is answered sealed.
 */
#include "http/exchange.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/limits.h"
#include "http/stream.h"
#include "metrics/metrics.h"
#include "router/dispatch.h"
#include "work/shares.h"

enum {
    STATUS_OK = 200,
    STATUS_BAD_REQUEST = 400,
    STATUS_BAD_GATEWAY = 502,
    STATUS_BUSY = 503,
    /* A sealed reply, as base64 in v3. */
    SEALED_MAX_BYTES = REPLY_MAX_BYTES / 3 * 4 + 1024,
};

/* ---- sealing ---- */

static void reply_busy(struct exchange *ex)
{
    metrics_add(ex->host->services->metrics, METRIC_REFUSED_BUSY, 1);
    reply_text(&ex->reply, STATUS_BUSY, "Service Unavailable");
}

static void count_reply(const struct exchange *ex)
{
    static const enum metric by_class[] = {METRIC_REPLIES_2XX, METRIC_REPLIES_3XX,
                                           METRIC_REPLIES_4XX, METRIC_REPLIES_5XX};
    int class = ex->reply.status / 100 - 2;
    if (class >= 0 && class < (int)COUNT_OF(by_class))
        metrics_add(ex->host->services->metrics, by_class[class], 1);
}

/* The request's own body is read to its end; its memory must not stand in the way of the reply. */
static void drop_large_body(struct exchange *ex)
{
    if (!ex->large)
        return;
    buf_done(&ex->body);
    budget_keep(ex->host->budget, &ex->ticket, EXCHANGE_OVERHEAD_BYTES, ex->ticket.working);
}

/* For v3, whose reply is one base64 text: the source is read into the body. */
static enum err read_source(struct exchange *ex, struct db *db)
{
    struct body_source *source = ex->reply.source;
    ex->reply.source = NULL;
    enum err e = source->length > REPLY_MAX_BYTES ? ERR_TOO_LARGE : OK;
    if (e == OK)
        e = budget_grow(ex->host->budget, &ex->ticket, source->length, exchange_is_strangers(ex));
    if (e == OK)
        e = body_source_read(source, db, &ex->reply.body);
    source->close(source);
    return e;
}

/* A source becomes a stream (v4) or a body (v3); what fails becomes a reply that says so. */
static void open_source(struct exchange *ex, struct db *db)
{
    enum err e = ex->kind == ENVELOPE_V4 ? stream_new(ex, db, &ex->stream) : read_source(ex, db);
    if (e == OK)
        return;
    reply_reset(&ex->reply);
    if (e == ERR_TOO_LARGE || e == ERR_MISSING) /* missing: deleted meanwhile, or damaged */
        reply_error(&ex->reply, e);
    else
        reply_busy(ex);
}

/*
 * A large reply exists twice while it is sealed: both are paid for, without waiting, or it is not
 * made.
 */
static void pay_for_reply(struct exchange *ex)
{
    size_t bytes = ex->reply.body.len;
    if (bytes <= EXCHANGE_OVERHEAD_BYTES)
        return;
    if (budget_grow(ex->host->budget, &ex->ticket, 2 * bytes, exchange_is_strangers(ex)) != OK)
        reply_busy(ex);
}

/*
 * Whoever reads the reply slowly keeps the reply and nothing else. A source has memory of its own.
 */
static void forget_request(struct exchange *ex)
{
    envelope_forget(&ex->key);
    reply_done(&ex->reply);
    arena_free(ex->mem);
    ex->mem = NULL;
    buf_done(&ex->body);
    size_t kept = ex->stream != NULL ? (size_t)STREAM_TOTAL_BYTES : ex->sealed.cap;
    budget_keep(ex->host->budget, &ex->ticket, EXCHANGE_OVERHEAD_BYTES, kept);
}

static void seal(struct exchange *ex, struct db *db)
{
    ex->step = STEP_SEND;
    drop_large_body(ex);
    if (ex->reply.source != NULL)
        open_source(ex, db);
    count_reply(ex);
    if (ex->reply.status == STATUS_BUSY && ex->call.authenticated)
        dispatch_forget(&ex->call);
    ex->http_status = STATUS_OK;
    if (ex->stream == NULL) {
        pay_for_reply(ex);
        ex->sealed = buf_make(SEALED_MAX_BYTES);
        enum err e = envelope_seal(&ex->key, &ex->reply, &ex->sealed);
        if (e != OK) {
            log_event(LOG_ERROR, "http.seal_failed", LOG_ERR(e));
            ex->http_status = STATUS_BAD_GATEWAY;
        }
    }
    forget_request(ex);
}

/* ---- peeling ---- */

static void refuse(struct exchange *ex, unsigned http_status)
{
    ex->http_status = http_status;
    ex->step = STEP_SEND;
}

/* Runs when the request is complete; from then on it has a reply in the end. */
static void call_complete(struct call *call)
{
    struct exchange *ex = call->later.owner;
    lot_wake(ex->host->lot, &ex->place);
    exchange_unref(ex);
}

static void call_init(struct exchange *ex, const struct request *req)
{
    ex->call = (struct call){
        .mem = ex->mem,
        .services = ex->host->services,
        .req = req,
        .reply = &ex->reply,
        .now_ms = clock_wall_ms(),
        .begin_until_ms = ex->first_byte_ms + START_MAX_MS,
        .later = {.complete = call_complete, .owner = ex},
    };
}

/* True: there is a call to run. False: the exchange is ready to send. */
static bool peel(struct exchange *ex)
{
    metrics_add(ex->host->services->metrics, METRIC_REQUESTS, 1);
    ex->mem = arena_new(ex->large ? LARGE_ARENA_MAX_BYTES : SMALL_ARENA_MAX_BYTES);
    if (ex->mem == NULL) {
        refuse(ex, STATUS_BAD_GATEWAY);
        return false;
    }
    struct bytes plain;
    struct bytes frame = {ex->body.p, ex->body.len};
    enum err e =
        envelope_open(ex->mem, ex->host->services->keys, ex->kind, frame, &plain, &ex->key);
    if (e != OK) {
        refuse(ex, e == ERR_NO_MEMORY ? STATUS_BAD_GATEWAY : STATUS_BAD_REQUEST);
        return false;
    }
    struct request *req = NULL;
    e = envelope_parse(ex->mem, ex->kind, span_of_bytes(plain), &req);
    if (e == OK) {
        call_init(ex, req);
        return true;
    }
    if (e == ERR_MALFORMED)
        reply_text(&ex->reply, STATUS_BAD_REQUEST, ENVELOPE_V4_BAD_REQUEST);
    else
        reply_error(&ex->reply, e);
    seal(ex, NULL);
    return false;
}

/* The last hop is about to give up, or has: nobody would read the answer. */
static bool is_too_late(const struct exchange *ex)
{
    return clock_mono_ms() - ex->first_byte_ms > START_MAX_MS;
}

/* ---- members and strangers (docs/design.md, D14) ---- */

/* As far as the headers claim. */
static bool is_stranger(const struct exchange *ex)
{
    bool (*ask)(const struct call *call) = ex->host->services->dispatcher->is_stranger;
    return ask != NULL && ask(&ex->call);
}

/* After the work: by what was proved, so that a false claim is a stranger's expense. */
static void charge(const struct exchange *ex, bool member, int64_t began_us)
{
    int64_t now_us = clock_mono_us();
    if (ex->host->shares != NULL)
        shares_charge(ex->host->shares, !member, now_us - began_us, now_us);
}

/* ---- in a lane ---- */

/* The reply, or the start of it: a source still has to be opened. */
static void dispatch(struct exchange *ex, struct db *db, bool busy)
{
    if (ex->dispatched)
        return;
    ex->dispatched = true;
    if (busy || db == NULL) {
        reply_busy(ex);
        return;
    }
    ex->call.db = db;
    ex->call.later.allowed = false;
    enum err e = dispatch_request(&ex->call);
    if (e != OK)
        reply_error(&ex->reply, e == ERR_RETRY ? ERR_DEFECT : e);
    ex->call.db = NULL;
}

static void hand_back(struct exchange *ex)
{
    lot_wake(ex->host->lot, &ex->place);
    exchange_unref(ex);
}

static void run_general(struct job *job, struct db *db, bool overdue)
{
    struct exchange *ex = (struct exchange *)(void *)job;
    dispatch(ex, db, overdue || is_too_late(ex));
    seal(ex, db);
    hand_back(ex);
}

/*
 * Who sent a large body is known only when it is open. False: it is answered already, or waits
 * again.
 */
static bool peel_large(struct exchange *ex)
{
    if (ex->peeled)
        return true;
    if (!peel(ex)) {
        hand_back(ex);
        return false;
    }
    ex->peeled = true;
    ex->job.stranger = is_stranger(ex);
    struct metrics *metrics = ex->host->services->metrics;
    if (!ex->job.stranger || lane_step_back(ex->host->upload, &ex->job) != OK)
        return true;
    metrics_add(metrics, METRIC_STRANGERS_WAITED, 1); /* ex is another worker's already */
    return false;
}

static void run_upload(struct job *job, struct db *db, bool overdue)
{
    struct exchange *ex = (struct exchange *)(void *)job;
    if (!peel_large(ex))
        return;
    dispatch(ex, db, overdue || is_too_late(ex));
    seal(ex, db);
    hand_back(ex);
}

/* The line is long: who stands in it holds little, or has paid for it. */
static bool may_wait(struct exchange *ex)
{
    size_t bytes = arena_used(ex->mem);
    return bytes <= EXCHANGE_OVERHEAD_BYTES ||
           budget_grow(ex->host->budget, &ex->ticket, bytes, exchange_is_strangers(ex)) == OK;
}

static bool hand_over(struct exchange *ex, struct lane *lane,
                      void (*run)(struct job *job, struct db *db, bool overdue))
{
    ex->job.run = run;
    ex->waiting = true;
    exchange_ref(ex);
    if (lane_submit(lane, &ex->job) == OK)
        return true;
    exchange_unref(ex);
    ex->waiting = false;
    return false;
}

/* ---- on the pool thread ---- */

static void work_large(struct exchange *ex)
{
    ex->step = STEP_SEND;
    if (hand_over(ex, ex->host->upload, run_upload))
        return;
    if (peel(ex)) {
        reply_busy(ex);
        seal(ex, NULL);
    }
}

static void work_in_lane(struct exchange *ex)
{
    ex->step = STEP_SEND;
    if (may_wait(ex) && hand_over(ex, ex->host->general, run_general))
        return;
    reply_reset(&ex->reply);
    reply_busy(ex);
    seal(ex, NULL);
}

/* Opened, and it is not its turn: to the workers, where members come first. */
static bool must_wait(struct exchange *ex)
{
    struct shares *shares = ex->host->shares;
    if (shares == NULL || !shares_spent(shares, clock_mono_us()) || !is_stranger(ex))
        return false;
    metrics_add(ex->host->services->metrics, METRIC_STRANGERS_WAITED, 1);
    return true;
}

/*
 * The writer's line is long as well. By then the arena holds what the body says, decoded: less than
 * it twice. Who cannot pay for that goes through the lane.
 */
static bool may_finish_later(struct exchange *ex)
{
    size_t bytes = 2 * ex->body.len;
    return bytes <= EXCHANGE_OVERHEAD_BYTES ||
           budget_grow(ex->host->budget, &ex->ticket, bytes, exchange_is_strangers(ex)) == OK;
}

/* Returns whether a member's request was worked on. */
static bool work_small(struct exchange *ex)
{
    if (!peel(ex))
        return false;
    if (must_wait(ex)) {
        ex->job.stranger = true;
        work_in_lane(ex);
        return false;
    }
    ex->call.later.allowed = may_finish_later(ex);
    exchange_ref(ex); /* for whoever completes it later */
    enum err e = dispatch_request(&ex->call);
    bool member = ex->call.authenticated && !ex->call.stranger;
    if (e == OK && ex->call.later.started) {
        ex->waiting = true;
        ex->step = STEP_FINISH;
        return member;
    }
    exchange_unref(ex);
    ex->job.stranger = !member; /* for the lane, if it goes there */
    if (e == ERR_RETRY) {
        reply_reset(&ex->reply);
        buf_done(&ex->reply.body); /* the half that memory gave may be megabytes */
        work_in_lane(ex);
        return member;
    }
    if (e != OK)
        reply_error(&ex->reply, e);
    ex->dispatched = true;
    if (ex->reply.source != NULL)
        work_in_lane(ex); /* its pieces come from the database */
    else
        seal(ex, NULL);
    return member;
}

void exchange_work(struct exchange *ex)
{
    if (ex->large) {
        work_large(ex);
        return;
    }
    int64_t began_us = clock_mono_us();
    charge(ex, work_small(ex), began_us);
}

void exchange_finish(struct exchange *ex)
{
    ex->finished = true;
    dispatch_finish(&ex->call);
    seal(ex, NULL);
}
