/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a script of pg_restore: the data of its tables goes into our own connection and
 * transaction, so that a restore is all or nothing, together with what we do before and after it.
 * Its statements are not run.
 *
 * Such a script is lines of SQL, and between them tables: a line "COPY ... FROM stdin;", lines of
 * data, the line "\.".
 */
#include "db/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum { FLUSH_BYTES = 64 << 10, COPY_MAX_BYTES = 64 << 10 };

struct player {
    struct db *db;
    FILE *script;
    const struct play_reader *reader;
    char *line; /* getline's */
    size_t size;
    ssize_t len;     /* of the line */
    struct buf copy; /* the reader's answer */
};

static bool next_line(struct player *p)
{
    p->len = getline(&p->line, &p->size, p->script);
    return p->len > 0;
}

static bool line_is(const struct player *p, const char *text)
{
    return strcmp(p->line, text) == 0;
}

/* What is left of the answers to a COPY; the first error counts. */
static enum err drain(struct db *db)
{
    enum err e = OK;
    PGresult *r = NULL;
    while (db->conn != NULL && db_receive(db, &r) && r != NULL) {
        enum err found = db_judge(db, r, "restore.copy");
        PQclear(r);
        e = e == OK ? found : e;
    }
    return e == OK && db->conn == NULL ? ERR_BUSY : e;
}

static enum err begin_copy(struct player *p)
{
    PGresult *begun = NULL;
    if (PQsendQuery(p->db->conn, (const char *)p->copy.p) != 1 || !db_flush(p->db) ||
        !db_receive(p->db, &begun))
        return ERR_BUSY;
    bool copying = PQresultStatus(begun) == PGRES_COPY_IN;
    enum err e = copying ? OK : db_judge(p->db, begun, "restore.table");
    PQclear(begun);
    if (copying)
        return OK;
    enum err rest = drain(p->db);
    return e != OK ? e : rest != OK ? rest : ERR_DEFECT;
}

/*
 * Lines up to the end of the table. A connection that does not block keeps what it cannot send yet:
 * it is emptied often.
 */
static bool send_lines(struct player *p, bool *ret_whole)
{
    size_t kept = 0;
    while (next_line(p)) {
        if (line_is(p, "\\.\n")) {
            *ret_whole = true;
            return true;
        }
        if (PQputCopyData(p->db->conn, p->line, (int)p->len) != 1)
            return false;
        kept += (size_t)p->len;
        if (kept < FLUSH_BYTES)
            continue;
        kept = 0;
        if (!db_flush(p->db))
            return false;
    }
    return true;
}

/* The data ends in the middle: no half table, and no complaint of PostgreSQL's about that. */
static enum err give_up_copy(struct db *db)
{
    PGresult *r = NULL;
    bool there = PQputCopyEnd(db->conn, "the dump ends here") == 1 && db_flush(db);
    while (there && db_receive(db, &r) && r != NULL)
        PQclear(r);
    if (db->conn != NULL && PQstatus(db->conn) == CONNECTION_OK)
        return ERR_MALFORMED;
    db_drop(db);
    return ERR_BUSY;
}

static enum err play_table(struct player *p)
{
    enum err e = begin_copy(p);
    if (e != OK)
        return e;
    bool whole = false;
    bool sent = send_lines(p, &whole);
    if (p->db->conn == NULL)
        return ERR_BUSY;
    if (sent && !whole)
        return give_up_copy(p->db);
    if (PQputCopyEnd(p->db->conn, NULL) != 1 || !db_flush(p->db))
        sent = false;
    e = drain(p->db);
    return e == OK && !sent ? ERR_BUSY : e;
}

static enum err play(struct player *p)
{
    enum err e = OK;
    while (e == OK && next_line(p)) {
        size_t len = (size_t)p->len - (p->line[p->len - 1] == '\n');
        buf_reset(&p->copy);
        e = p->reader->line(p->reader->arg, span_of(p->line, len), &p->copy);
        if (e != OK || p->copy.len == 0)
            continue;
        buf_put_byte(&p->copy, '\0');
        e = buf_verdict(&p->copy);
        if (e == OK)
            e = play_table(p);
    }
    return e == OK && ferror(p->script) != 0 ? ERR_MALFORMED : e;
}

enum err db_play(struct db *db, FILE *script, const struct play_reader *reader)
{
    if (db->conn == NULL)
        return ERR_BUSY;
    struct player p = {
        .db = db, .script = script, .reader = reader, .copy = buf_make(COPY_MAX_BYTES)};
    enum err e = play(&p);
    buf_done(&p.copy);
    free(p.line); /* getline's memory */
    return e;
}
