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
enum { STATEMENTS_MAX_BYTES = 64 << 20 };

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

/* What the COPY came to; whoever sent its data learns of an error only here. */
static enum err end_copy(struct db *db)
{
    enum err e = PQputCopyEnd(db->conn, NULL) == 1 ? OK : ERR_BUSY;
    PGresult *r;
    while (db->conn != NULL && (r = PQgetResult(db->conn)) != NULL) {
        enum err found = db_judge(db, r, "restore.copy");
        PQclear(r);
        e = e == OK ? found : e;
    }
    return e;
}

/* The data ends in the middle: no half table, and no error of PostgreSQL's that would hide why. */
static enum err give_up_copy(struct db *db)
{
    (void)PQputCopyEnd(db->conn, "the dump ends here");
    for (PGresult *r = PQgetResult(db->conn); r != NULL; r = PQgetResult(db->conn))
        PQclear(r);
    if (PQstatus(db->conn) == CONNECTION_OK)
        return ERR_MALFORMED;
    db_drop(db);
    return ERR_BUSY;
}

static enum err play_table(struct player *p)
{
    PGresult *begun = PQexec(p->db->conn, p->line);
    bool copying = PQresultStatus(begun) == PGRES_COPY_IN;
    enum err e = copying ? OK : db_judge(p->db, begun, "restore.table");
    PQclear(begun);
    if (!copying)
        return e == OK ? ERR_DEFECT : e;
    bool whole = false, sent = true;
    while (sent && !whole && next_line(p)) {
        whole = line_is(p, "\\.\n");
        sent = whole || PQputCopyData(p->db->conn, p->line, (int)p->len) == 1;
    }
    if (sent && !whole)
        return give_up_copy(p->db);
    e = end_copy(p->db);
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
