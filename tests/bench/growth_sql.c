/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's own statements under EXPLAIN (ANALYZE, BUFFERS), as generic plans, which is how it
 * runs them. Pages do not depend on who else uses the machine.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/growth.h"
#include "store/store.h"

bool growth_sql(const struct bench *b, const char *sql)
{
    PGconn *c = PQconnectdb(b->world.database_url);
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!fine)
        (void)fprintf(stderr, "bench: %s", PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
    return fine;
}

static const char *sql_of(const char *name)
{
    for (size_t t = 0; t < store_statement_count; t++)
        for (const struct statement *s = store_statements[t].statements; s->name != NULL; s++)
            if (strcmp(s->name, name) == 0)
                return s->sql;
    return NULL;
}

static bool command(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);
    bool fine = PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    return fine;
}

static bool prepare(PGconn *c, const char *name, const char *statement)
{
    const char *sql = sql_of(statement);
    struct buf text AUTO_BUF = buf_make(KIB(32));
    buf_put_text(&text, "PREPARE ");
    buf_put_text(&text, name);
    buf_put_text(&text, " AS ");
    buf_put_text(&text, sql != NULL ? sql : "");
    buf_put_byte(&text, 0);
    return sql != NULL && buf_verdict(&text) == OK && command(c, (const char *)text.p);
}

static double behind(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    return at != NULL ? strtod(at + strlen(key), NULL) : 0;
}

/* The second run: the first one warms the cache. */
static bool explain(PGconn *c, const char *execute, const char *what)
{
    double pages = -1, ms = 0;
    char sql[300];
    (void)snprintf(sql, sizeof(sql), "EXPLAIN (ANALYZE, BUFFERS) EXECUTE %s", execute);
    for (int run = 0; run < 2; run++) {
        PGresult *r = PQexec(c, sql);
        pages = -1;
        for (int i = 0; i < PQntuples(r); i++) {
            const char *line = PQgetvalue(r, i, 0);
            if (pages < 0 && strstr(line, "Buffers: shared") != NULL) /* of the topmost node */
                pages = behind(line, "hit=") + behind(line, "read=");
            if (strstr(line, "Execution Time: ") != NULL)
                ms = behind(line, "Execution Time: ");
        }
        PQclear(r);
    }
    (void)printf("    SQL %-44s %6.0f pages %8.2f ms\n", what, pages, ms);
    return pages >= 0;
}

bool growth_explain(const struct bench *b, const char *token, int64_t seqno)
{
    const struct {
        const char *what;
        long long since;
    } readers[] = {{"since, the newest 20", (long long)seqno - 20},
                   {"since, from the middle", (long long)seqno / 2},
                   {"since, from the beginning", 0}};
    char execute[200], find[160];
    PGconn *c = PQconnectdb(b->world.database_url);
    (void)snprintf(find, sizeof(find), "SELECT id FROM conclave.rooms WHERE token = '%s'", token);
    PGresult *r = PQexec(c, find);
    long long room = PQntuples(r) == 1 ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
    PQclear(r);
    bool fine = room > 0 && command(c, "SET search_path = pg_catalog, conclave") &&
                command(c, "SET plan_cache_mode = force_generic_plan") &&
                prepare(c, "events", "messages.events") && prepare(c, "before", "messages.before");
    for (size_t i = 0; fine && i < COUNT_OF(readers); i++) {
        (void)snprintf(execute, sizeof(execute), "events(%lld, %lld, %lld, 101, true, %lld)", room,
                       readers[i].since, (long long)seqno, readers[i].since);
        fine = explain(c, execute, readers[i].what);
    }
    (void)snprintf(execute, sizeof(execute), "before(%lld, 9223372036854775807, 100)", room);
    fine = fine && explain(c, execute, "recent, 100");
    PQfinish(c);
    return fine;
}
