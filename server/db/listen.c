/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waiting for a NOTIFY. What it says does not matter here: one channel, no payload, a hint to look
 * (docs/design.md, D7).
 */
#include "db/internal.h"

#include <poll.h>

/* Takes all that arrived. */
static bool drain(PGconn *conn)
{
    bool any = false;
    for (PGnotify *n = PQnotifies(conn); n != NULL; n = PQnotifies(conn)) {
        any = true;
        PQfreemem(n);
    }
    return any;
}

/* Reads what is there; false: the connection is lost (and closed here). */
static bool take_input(struct db *db)
{
    if (PQconsumeInput(db->conn) != 0 && PQstatus(db->conn) == CONNECTION_OK)
        return true;
    db_drop(db);
    return false;
}

enum err db_wait_notification(struct db *db, int timeout_ms)
{
    if (db->conn == NULL)
        return ERR_BUSY;
    /* First what came together with earlier answers: the socket says nothing of it any more. */
    if (!take_input(db))
        return ERR_BUSY;
    if (drain(db->conn))
        return OK;
    struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN};
    if (poll(&p, 1, timeout_ms) <= 0)
        return ERR_MISSING; /* an interrupted wait is a short one */
    if (!take_input(db))
        return ERR_BUSY;
    return drain(db->conn) ? OK : ERR_MISSING;
}
