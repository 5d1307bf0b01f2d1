/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Playing a script of pg_restore: what psql would do, but on our own connection and in our own transaction, so that a
 * restore is all or nothing, together with what we do before and after it.
 *
 * Such a script is lines of SQL, and between them tables: a line "COPY ... FROM stdin;", lines of data, the line "\.".
 */
#include "db/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

/* Everything between two tables goes as one text; the longest has the whole schema with its functions. */
enum { STATEMENTS_MAX_BYTES = 64 << 20, FLUSH_BYTES = 64 << 10 };

struct player {
    struct db *db;
    FILE *script;
    char *line; /* getline's */
    size_t size;
    ssize_t len;    /* of the line */
    struct buf sql; /* what stands between two tables */
    bool says;      /* more than comments, which alone are no statement */
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

static bool begins_table(const struct player *p)
{
    static const char head[] = "COPY ", tail[] = " FROM stdin;\n";
    const size_t len = (size_t)p->len, tail_len = sizeof tail - 1;
    return strncmp(p->line, head, sizeof head - 1) == 0 && len > tail_len &&
           strcmp(p->line + len - tail_len, tail) == 0;
}

/* Orders to psql, which newer ones of pg_restore put around everything. */
static bool is_for_psql(const struct player *p)
{
    return strncmp(p->line, "\\restrict ", 10) == 0 || strncmp(p->line, "\\unrestrict ", 12) == 0;
}

static void put_line(struct player *p)
{
    buf_put(&p->sql, span_of(p->line, (size_t)p->len));
    p->says = p->says || (!line_is(p, "\n") && strncmp(p->line, "--", 2) != 0);
}

static enum err run(struct player *p)
{
    buf_put_byte(&p->sql, '\0');
    enum err e = buf_verdict(&p->sql);
    if (e == OK && p->says)
        e = db_script(p->db, (const char *)p->sql.p);
    buf_reset(&p->sql);
    p->says = false;
    return e;
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
    if (PQsendQuery(p->db->conn, p->line) != 1 || !db_flush(p->db) || !db_receive(p->db, &begun))
        return ERR_BUSY;
    bool copying = PQresultStatus(begun) == PGRES_COPY_IN;
    enum err e = copying ? OK : db_judge(p->db, begun, "restore.table");
    PQclear(begun);
    if (copying)
        return OK;
    enum err rest = drain(p->db);
    return e != OK ? e : rest != OK ? rest : ERR_DEFECT;
}

/* Lines up to the end of the table. A connection that does not block keeps what it cannot send yet: it is emptied often. */
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
        if (begins_table(p)) {
            e = run(p);
            if (e == OK)
                e = play_table(p);
        } else if (!is_for_psql(p)) {
            put_line(p);
        }
    }
    if (e == OK)
        e = run(p);
    return e == OK && ferror(p->script) != 0 ? ERR_MALFORMED : e;
}

enum err db_play(struct db *db, FILE *script)
{
    if (db->conn == NULL)
        return ERR_BUSY;
    struct player p = {.db = db, .script = script, .sql = buf_make(STATEMENTS_MAX_BYTES)};
    enum err e = play(&p);
    buf_done(&p.sql);
    free(p.line); /* getline's memory */
    return e;
}
