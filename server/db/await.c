/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waiting for PostgreSQL's answer, no longer than it may take. PostgreSQL ends a statement by
 * itself after statement_timeout; one that says nothing some time later (stopped, swapped out, its
 * disk or its host stuck) never will in time, and libpq would wait for ever: keep-alive knows
 * nothing of a process, and a Unix socket has none. Such a connection counts as lost.
 */
#include "db/internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"

/* How long PostgreSQL's own "time is up" may be on its way. */
enum { MARGIN_MS = 2 * SECOND_MS };

/* From now on; statements without a limit may take their time (an operator's commands). */
static int64_t deadline_of(const struct db *db)
{
    int64_t limit_ms = db->options.statement_timeout_ms;
    return limit_ms > 0 ? clock_mono_ms() + limit_ms + MARGIN_MS : INT64_MAX;
}

/*
 * False: the deadline has passed, or we are to stop. What is wrong with the socket, libpq finds
 * out.
 */
static bool wait_for(const struct db *db, short events, int64_t deadline_ms, short *ret_events)
{
    struct pollfd p[] = {
        {.fd = PQsocket(db->conn), .events = events},
        {.fd = db->options.stop_fd > 0 ? db->options.stop_fd : -1, .events = POLLIN}};
    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        if (left_ms <= 0)
            return false;
        int n = poll(p, COUNT_OF(p), left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
        if (n < 0 && errno != EINTR)
            return false;
        *ret_events = p[0].revents;
        if (p[0].revents != 0)
            return true;
        if (n > 0)
            return false;
    }
}

/*
 * What PostgreSQL has read already it may still do; it shall find nobody there afterwards, and we
 * not wait to say so.
 */
static bool give_up(struct db *db)
{
    if (!stop_asked(db->options.stop_fd))
        log_event(LOG_WARN, "db.silent",
                  LOG_I64("limit_ms", db->options.statement_timeout_ms + MARGIN_MS));
    (void)shutdown(PQsocket(db->conn), SHUT_RDWR);
    db_drop(db);
    db->reason = DB_NO_ANSWER;
    return false;
}

bool db_flush(struct db *db)
{
    int64_t deadline_ms = deadline_of(db);
    short events = 0;
    while (PQflush(db->conn) == 1) {
        if (!wait_for(db, POLLIN | POLLOUT, deadline_ms, &events))
            return give_up(db);
        /* A server that speaks first would otherwise wait for us while we wait for it. */
        if ((events & POLLIN) != 0 && PQconsumeInput(db->conn) == 0)
            break; /* lost: the result says so */
    }
    return true;
}

bool db_receive(struct db *db, PGresult **ret_result)
{
    int64_t deadline_ms = deadline_of(db);
    short events = 0;
    while (PQisBusy(db->conn) != 0) {
        if (!wait_for(db, POLLIN, deadline_ms, &events))
            return give_up(db);
        if (PQconsumeInput(db->conn) == 0)
            break;
    }
    *ret_result = PQgetResult(db->conn);
    return true;
}

PGresult *db_await(struct db *db, int sent)
{
    PGresult *last = NULL, *next = NULL;
    if (sent != 1 || !db_flush(db))
        return NULL;
    while (db_receive(db, &next)) {
        if (next == NULL)
            return last;
        PQclear(last); /* as PQexec does: the last of several */
        last = next;
        if (PQstatus(db->conn) != CONNECTION_OK)
            return last;
    }
    PQclear(last);
    return NULL;
}
