/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pool side of every request. libmicrohttpd calls the access handler once when the headers are
 * complete (and again after each resume), then for each part of the body, then once at its end;
 * whatever is known is kept in the exchange.
 *
 * Which path was asked is decided on the raw request target, before anything is unescaped or a
 * query is split off: only the exact text is ours.
 */
#include "http/intake.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/exchange.h"
#include "http/invite.h"
#include "http/limits.h"
#include "http/refuse.h"
#include "http/stream.h"
#include "http/watch.h"

struct outer_route {
    const char *path;
    enum envelope_kind kind;
};

static const struct outer_route outer_routes[] = {
    {"/oxen/v4/lsrpc", ENVELOPE_V4},
    {"/oxen/v3/lsrpc", ENVELOPE_V3},
    {"/loki/v3/lsrpc", ENVELOPE_V3},
};

/* NULL when there was no memory at the start of the connection. */
static struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

void intake_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    const struct intake *in = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context = info == NULL ? NULL : watch_add(in->watch, info->connect_fd);
    } else if (*socket_context != NULL) {
        watch_remove(in->watch, *socket_context);
        *socket_context = NULL;
    }
}

void *intake_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    const struct intake *in = cls;
    struct conn *conn = conn_of(connection);
    if (conn == NULL)
        return NULL;
    (void)conn_started(conn, clock_mono_ms());
    conn->routed = false;
    conn->invited = in->invite != NULL && invite_is_asked(in->invite, uri);
    for (size_t i = 0; i < COUNT_OF(outer_routes); i++) {
        if (strcmp(uri, outer_routes[i].path) != 0)
            continue;
        conn->routed = true;
        conn->kind = (int)outer_routes[i].kind;
    }
    return NULL;
}

/* ---- headers ---- */

struct framing {
    int lengths, encodings;
    int64_t length; /* -1: not a number that we take */
};

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   size_t key_size, const char *value, size_t value_size)
{
    (void)kind;
    struct framing *framing = cls;
    struct span name = span_of(key, key_size);
    if (span_eq_nocase(name, SPAN("Transfer-Encoding"))) {
        framing->encodings++;
    } else if (span_eq_nocase(name, SPAN("Content-Length"))) {
        framing->lengths++;
        if (span_to_i64(span_of(value, value_size), &framing->length) != OK)
            framing->length = -1;
    }
    return MHD_YES;
}

/*
 * 0 when the body may come. Two lengths, or a length beside an encoding, are read differently by
 * different proxies (request smuggling); a body without a length could not be admitted before it is
 * here.
 */
static unsigned check_framing(const struct intake *in, struct MHD_Connection *connection,
                              uint64_t *ret_length)
{
    struct framing framing = {.length = -1};
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, note_header, &framing);
    if (framing.lengths == 0)
        return MHD_HTTP_LENGTH_REQUIRED;
    if (framing.lengths > 1 || framing.encodings > 0 || framing.length <= 0)
        return MHD_HTTP_BAD_REQUEST; /* an empty body is no frame */
    if ((uint64_t)framing.length > in->max_body_bytes)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    *ret_length = (uint64_t)framing.length;
    return 0;
}

/* ---- the reply ---- */

static struct MHD_Response *make_response(struct exchange *ex)
{
    if (ex->stream != NULL)
        return MHD_create_response_from_callback(stream_length(ex->stream), STREAM_BLOCK_BYTES,
                                                 stream_read, ex, NULL);
    struct bytes sealed = buf_take(&ex->sealed);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(sealed.len, sealed.p, mem_free);
    if (response == NULL)
        mem_free(sealed.p);
    return response;
}

static bool add_headers(const struct exchange *ex, struct MHD_Response *response)
{
    const char *type = ex->kind == ENVELOPE_V4 ? "application/octet-stream" : "text/plain";
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) != MHD_YES)
        return false;
    return !atomic_load(&ex->host->closing) ||
           MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
}

/* From now on it is the reader who is waited for. */
static void begin_writing(struct conn *conn)
{
    atomic_store(&conn->writing_from_ms, clock_mono_ms());
    atomic_store(&conn->phase, CONN_WRITING);
}

static enum MHD_Result queue_reply(const struct intake *in, struct exchange *ex)
{
    begin_writing(ex->conn);
    if (!exchange_is_strangers(ex))
        atomic_store(&ex->conn->is_members, true);
    if (ex->http_status != MHD_HTTP_OK)
        return (enum MHD_Result)refuse_queue(in->refusals, ex->connection, ex->http_status);
    struct MHD_Response *response = make_response(ex);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result queued = MHD_NO;
    if (add_headers(ex, response))
        queued = MHD_queue_response(ex->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response); /* ours; libmicrohttpd keeps its own count */
    return queued;
}

/* ---- steps ---- */

static void granted(struct budget_ticket *ticket, bool yes)
{
    struct exchange *ex = ticket->owner;
    ex->admitted = yes;
    lot_wake(ex->host->lot, &ex->place);
}

/* Under the budget's lock, while the connection is suspended: its descriptor is open. */
static bool is_arriving(const struct budget_ticket *ticket)
{
    const struct exchange *ex = ticket->owner;
    return conn_unread_bytes(ex->conn) >= LARGE_ARRIVING_BYTES;
}

/* Charges bytes to the exchange's ticket; ERR_RETRY: granted() will say. */
static enum err charge(const struct intake *in, struct exchange *ex, uint64_t bytes)
{
    int64_t now = clock_mono_ms();
    ex->ticket.granted = granted;
    ex->ticket.owner = ex;
    ex->ticket.deadline_ms = now + (ex->large ? LARGE_ADMISSION_MAX_MS : SMALL_ADMISSION_MAX_MS);
    if (ex->large) {
        ex->ticket.arriving = is_arriving;
        ex->ticket.arrive_by_ms = now + LARGE_ARRIVING_MAX_MS;
    }
    ex->admitted = false;
    enum err e = budget_take(in->host->budget, &ex->ticket, bytes);
    /* After ERR_RETRY granted() may have spoken already: what it wrote stays. */
    if (e == OK)
        ex->admitted = true;
    ex->waiting = e == ERR_RETRY;
    return e;
}

/* The clock of a body runs only while it is being read: waiting for memory was our doing. */
static void begin_body(struct exchange *ex)
{
    ex->step = STEP_BODY;
    atomic_store(&ex->conn->body_length, (int64_t)ex->length);
    atomic_store(&ex->conn->body_bytes, 0);
    atomic_store(&ex->conn->body_from_ms, clock_mono_ms());
    atomic_store(&ex->conn->phase, CONN_BODY);
}

/*
 * Whatever can be done now; ends with a queued reply, a suspended connection, or a wish for more of
 * the body.
 */
static enum MHD_Result proceed(const struct intake *in, struct exchange *ex)
{
    for (;;) {
        if (ex->waiting) {
            enum lot_answer answer = lot_park(ex->host->lot, &ex->place, ex->connection);
            if (answer != LOT_WOKEN)
                return answer == LOT_PARKED ? MHD_YES : MHD_NO;
            ex->waiting = false;
        }
        switch (ex->step) {
        case STEP_ADMIT:
            if (!ex->admitted) {
                ex->http_status = MHD_HTTP_BAD_GATEWAY;
                ex->step = STEP_SEND;
                break;
            }
            /* Whole at once: growing would hold it twice for a moment. */
            if (buf_reserve(&ex->body, (size_t)ex->length) == NULL)
                return MHD_NO;
            begin_body(ex);
            return MHD_YES;
        case STEP_BODY:
            if (ex->received < ex->length)
                return MHD_YES; /* the first call, repeated after a resume */
            atomic_store(&ex->conn->phase, CONN_WORK);
            if (!ex->drained) {
                exchange_work(ex);
                break;
            }
            ex->http_status = MHD_HTTP_BAD_GATEWAY;
            ex->step = STEP_SEND;
            break;
        case STEP_FINISH:
            exchange_finish(ex);
            break;
        case STEP_SEND:
            return queue_reply(in, ex);
        }
    }
}

/* What has no body to wait for is answered at once. */
static enum MHD_Result refuse(const struct intake *in, struct MHD_Connection *connection,
                              struct conn *conn, unsigned status)
{
    begin_writing(conn);
    return (enum MHD_Result)refuse_queue(in->refusals, connection, status);
}

static enum MHD_Result show_invite(const struct intake *in, struct MHD_Connection *connection,
                                   struct conn *conn, const char *url)
{
    begin_writing(conn);
    return (enum MHD_Result)invite_queue(in->invite, connection, url + 1);
}

/* The headers of a request are complete. */
static enum MHD_Result begin(const struct intake *in, struct MHD_Connection *connection,
                             struct conn *conn, const char *method, void **con_cls)
{
    unsigned refused = MHD_HTTP_NOT_FOUND;
    uint64_t length = 0;
    if (conn->routed && strcmp(method, MHD_HTTP_METHOD_POST) == 0)
        refused = check_framing(in, connection, &length);
    if (refused != 0)
        return refuse(in, connection, conn, refused);
    struct exchange *ex = exchange_new(in->host, conn, connection, length);
    if (ex == NULL)
        return MHD_NO;
    *con_cls = ex;
    if (!ex->large) {
        begin_body(ex);
        return MHD_YES;
    }
    atomic_store(&conn->phase, CONN_WORK);
    enum err e = charge(in, ex, length + EXCHANGE_OVERHEAD_BYTES);
    if (e == ERR_TOO_LARGE) /* [memory] bodies may be as small as max_body: then it comes alone */
        e = charge(in, ex, length);
    if (e != OK && e != ERR_RETRY) {
        ex->http_status = MHD_HTTP_CONTENT_TOO_LARGE;
        ex->step = STEP_SEND;
    }
    return proceed(in, ex);
}

/* Its memory is needed elsewhere; what is still to come is read, so that it can be answered. */
static void drain(const struct intake *in, struct exchange *ex)
{
    ex->drained = true;
    buf_done(&ex->body);
    budget_give_back(in->host->budget, &ex->ticket);
}

/* The time during which it waited for memory does not count as its own. */
static void body_goes_on(struct exchange *ex)
{
    atomic_fetch_add(&ex->conn->body_from_ms, clock_mono_ms() - ex->parked_ms);
    atomic_store(&ex->conn->phase, CONN_BODY);
}

/*
 * Charges the next part of a small body. False: not now (the connection is suspended with what
 * libmicrohttpd holds, which then comes again), or never, when the listener ends.
 */
static bool charge_part(const struct intake *in, struct exchange *ex, size_t size)
{
    if (!ex->waiting) {
        if (charge(in, ex, size + (ex->received == 0 ? EXCHANGE_OVERHEAD_BYTES : 0)) == ERR_RETRY) {
            ex->parked_ms = clock_mono_ms();
            atomic_store(&ex->conn->phase, CONN_WORK);
            enum lot_answer answer = lot_park(ex->host->lot, &ex->place, ex->connection);
            ex->waiting = answer == LOT_PARKED;
            if (answer != LOT_WOKEN)
                return false;
            body_goes_on(ex);
        }
    } else {
        ex->waiting = false;
        if (lot_is_closed(in->host->lot))
            return false;
        body_goes_on(ex);
    }
    if (!ex->admitted)
        drain(in, ex);
    return true;
}

static enum MHD_Result receive(const struct intake *in, struct exchange *ex, const char *data,
                               size_t *size)
{
    if (!ex->large && !ex->drained && !charge_part(in, ex, *size))
        return ex->waiting ? MHD_YES : MHD_NO;
    if (!ex->drained)
        buf_put(&ex->body, span_of(data, *size));
    ex->received += *size;
    *size = 0;
    if (buf_verdict(&ex->body) != OK)
        return MHD_NO;
    atomic_store(&ex->conn->body_bytes, (int64_t)ex->received);
    return MHD_YES;
}

enum MHD_Result intake_request(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **con_cls)
{
    (void)version;
    const struct intake *in = cls;
    struct exchange *ex = *con_cls;
    if (ex == NULL) {
        struct conn *conn = conn_of(connection);
        if (conn == NULL)
            return MHD_NO;
        atomic_store(&conn->had_headers, true);
        bool reads =
            strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
        /* Without escapes in the target, url is its path to the letter. */
        return conn->invited && reads ? show_invite(in, connection, conn, url)
                                      : begin(in, connection, conn, method, con_cls);
    }
    if (*upload_data_size != 0)
        return receive(in, ex, upload_data, upload_data_size);
    if (ex->waiting) {
        /* Resumed: by whoever had the turn, or because the listener ends while he still has it. */
        if (lot_is_closed(in->host->lot))
            return MHD_NO;
        ex->waiting = false;
    }
    return proceed(in, ex);
}

void intake_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                      enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)code;
    struct conn *conn = conn_of(connection);
    if (conn != NULL)
        conn_finished(conn);
    if (*con_cls != NULL)
        exchange_unref(*con_cls);
    *con_cls = NULL;
}
