/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few kinds of lines that we understand. Names are our own, in lower case: pg_dump does not
 * quote them, and whatever it quotes is not ours.
 */
#include "store/restore_script.h"

#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

enum { OBJECTS_MAX_BYTES = 4 << 20 };

/* ---- words of a line ---- */

/* Takes text from the front of the line. */
static bool skip(struct span *line, const char *text)
{
    if (!span_starts_with(*line, span_of_text(text)))
        return false;
    *line = span_skip(*line, strlen(text));
    return true;
}

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool take_name(struct span *line, char out[static RESTORE_WORD_MAX])
{
    size_t n = 0;
    while (n < line->len && is_name_byte(line->p[n]))
        n++;
    if (n == 0 || n >= RESTORE_WORD_MAX)
        return false;
    memcpy(out, line->p, n);
    out[n] = '\0';
    *line = span_skip(*line, n);
    return true;
}

/* Digits, with a sign before them or not. */
static bool take_number(struct span *line, int64_t *ret_number)
{
    size_t n = line->len > 0 && line->p[0] == '-' ? 1 : 0;
    while (n < line->len && line->p[n] >= '0' && line->p[n] <= '9')
        n++;
    if (span_to_i64(span_first(*line, n), ret_number) != OK)
        return false;
    *line = span_skip(*line, n);
    return true;
}

/* ---- tables ---- */

/*
 * Makes sure that a table of ours is there: partitions of a day are made as a server makes them.
 * *ret_ours false: it is none.
 */
static enum err find_table(struct restore_script *s, const char *name, bool *ret_ours)
{
    int64_t there = 0;
    const struct param by_name = PARAM_TEXT(span_of_text(name));
    enum err e = store_query_i64(
        s->db,
        "SELECT CASE"
        "    WHEN EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = 'conclave'::regnamespace"
        "                    AND relname = $1 AND relkind IN ('r', 'p')) THEN 1"
        "    WHEN EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = 'conclave'::regnamespace"
        "                    AND relname = substring($1 FROM '^(.+)_d[0-9]{1,9}$')"
        "                    AND relkind = 'p')"
        "    THEN conclave.partitions_add(substring($1 FROM '^(.+)_d[0-9]+$'),"
        "                                 substring($1 FROM '_d([0-9]+)$')::integer,"
        "                                 substring($1 FROM '_d([0-9]+)$')::integer)"
        "    ELSE 0 END::bigint",
        &by_name, 1, &there);
    if (e == OK)
        *ret_ours = there > 0;
    return e;
}

/* "rooms (id, token) FROM stdin;" */
static enum err begin_table(struct restore_script *s, struct span line, struct buf *copy)
{
    char name[RESTORE_WORD_MAX], column[RESTORE_WORD_MAX];
    bool ours = false;
    if (!take_name(&line, name) || !skip(&line, " ("))
        return ERR_MALFORMED;
    enum err e = find_table(s, name, &ours);
    s->skipping = e == OK && !ours;
    if (e != OK || !ours)
        return e;
    buf_put_text(copy, "COPY conclave.");
    buf_put_text(copy, name);
    const char *before = " (";
    do {
        if (!take_name(&line, column))
            return ERR_MALFORMED;
        buf_put_text(copy, before);
        buf_put_text(copy, column);
        before = ", ";
    } while (skip(&line, ", "));
    buf_put_text(copy, ") FROM stdin");
    return span_eq_text(line, ") FROM stdin;") ? OK : ERR_MALFORMED;
}

/* "messages_id_seq', 12, true);" */
static enum err set_sequence(struct restore_script *s, struct span line)
{
    char name[RESTORE_WORD_MAX];
    int64_t value;
    if (!take_name(&line, name) || !skip(&line, "', ") || !take_number(&line, &value))
        return ERR_MALFORMED;
    bool called = span_eq_text(line, ", true);");
    if (!called && !span_eq_text(line, ", false);"))
        return ERR_MALFORMED;
    return DB_QUERY(s->db,
                    "SELECT setval(c.oid::regclass, $2, $3)"
                    "  FROM pg_class c"
                    " WHERE c.relnamespace = 'conclave'::regnamespace"
                    "   AND c.relname = $1 AND c.relkind = 'S'",
                    NULL, PARAM_TEXT(span_of_text(name)), PARAM_I64(value), PARAM_BOOL(called));
}

/* "files;" or "'';" or "\"Files\";" */
static void set_tablespace(struct restore_script *s, struct span line)
{
    s->tablespace[0] = '\0';
    (void)skip(&line, "\"");
    size_t len = line.len;
    while (len > 0 && (line.p[len - 1] == ';' || line.p[len - 1] == '"'))
        len--;
    if (len == 0 || len >= RESTORE_WORD_MAX || line.p[0] == '\'')
        return;
    memcpy(s->tablespace, line.p, len);
    s->tablespace[len] = '\0';
}

/* The table is empty yet. */
static enum err place_table(struct restore_script *s, struct span line)
{
    char name[RESTORE_WORD_MAX];
    if (!s->tablespaces || s->tablespace[0] == '\0' || !take_name(&line, name) ||
        !span_starts_with(line, SPAN(" (")))
        return OK;
    bool ours = false;
    enum err e = find_table(s, name, &ours);
    if (e != OK || !ours)
        return e;
    const struct param by_name = PARAM_TEXT(span_of_text(s->tablespace));
    int64_t there = 0;
    e = store_query_i64(s->db, "SELECT count(*) FROM pg_tablespace WHERE spcname = $1", &by_name, 1,
                        &there);
    if (e == OK && there == 0)
        return ERR_MISSING;
    AUTO_BUF struct buf sql = buf_make(KIB(1));
    buf_put_text(&sql, "ALTER TABLE conclave.");
    buf_put_text(&sql, name);
    buf_put_text(&sql, " SET TABLESPACE \"");
    buf_put_text(
        &sql,
        s->tablespace); /* it is there, so it is a name; a quote in it is refused by PostgreSQL */
    buf_put_text(&sql, "\"");
    buf_put_byte(&sql, '\0');
    if (e == OK)
        e = buf_verdict(&sql);
    if (e == OK && strchr(s->tablespace, '"'))
        return ERR_MALFORMED;
    return e == OK ? db_script(s->db, (const char *)sql.p) : e;
}

/* ---- what it holds ---- */

static bool find_text(struct span line, const char *text, size_t *ret_at)
{
    const uint8_t *at = memmem(line.p, line.len, text, strlen(text));
    if (at)
        *ret_at = (size_t)(at - line.p);
    return at != NULL;
}

/*
 * "rooms; Type: TABLE; Schema: conclave; Owner: -". Whoever lies here gains nothing, since nothing
 * of it is run.
 */
static enum err remember_object(struct restore_script *s, struct span line)
{
    static const char type_mark[] = "; Type: ", schema_mark[] = "; Schema: ";
    size_t name_len, type_len;
    if (!find_text(line, type_mark, &name_len))
        return OK;
    struct span name = span_first(line, name_len);
    struct span type = span_skip(line, name_len + sizeof(type_mark) - 1);
    if (!find_text(type, schema_mark, &type_len))
        return OK;
    buf_put(&s->objects, span_first(type, type_len));
    buf_put_byte(&s->objects, '\n');
    buf_put(&s->objects, name);
    buf_put_byte(&s->objects, '\n');
    return buf_verdict(&s->objects);
}

enum err restore_script_line(void *arg, struct span line, struct buf *copy)
{
    struct restore_script *s = arg;
    if (s->skipping) {
        s->skipping = !span_eq_text(line, "\\.");
        return OK;
    }
    if (skip(&line, "-- Name: ") || skip(&line, "-- Data for Name: "))
        return remember_object(s, line);
    if (skip(&line, "COPY conclave."))
        return begin_table(s, line, copy);
    if (span_starts_with(line, SPAN("COPY ")))
        return ERR_MALFORMED;
    if (skip(&line, "SELECT pg_catalog.setval('conclave."))
        return set_sequence(s, line);
    if (skip(&line, "SET default_tablespace = "))
        set_tablespace(s, line);
    else if (skip(&line, "CREATE TABLE conclave."))
        return place_table(s, line);
    return OK;
}

/*
 * Types without a check have no name of their own, or none that could act. A partition has the
 * constraints and indexes of its parent, under names of its own.
 */
static const char extras_sql[] =
    "WITH held AS ("
    "    SELECT part[1] AS type, part[2] AS name, split_part(part[2], ' ', 1) AS rel,"
    "           substr(part[2], strpos(part[2], ' ') + 1) AS own"
    "      FROM regexp_matches(convert_from($1, 'UTF8'), '([^\\n]*)\\n([^\\n]*)\\n', 'g') part),"
    " extra AS ("
    "    SELECT type, name FROM held"
    "     WHERE CASE"
    "         WHEN type IN ('SCHEMA', 'COMMENT', 'TABLE DATA', 'SEQUENCE SET', 'TABLE ATTACH',"
    "                       'INDEX ATTACH') THEN false"
    "         WHEN type IN ('TABLE', 'SEQUENCE', 'INDEX') THEN NOT EXISTS ("
    "             SELECT 1 FROM pg_class c WHERE c.relnamespace = 'conclave'::regnamespace"
    "                AND c.relname = name AND CASE type WHEN 'TABLE' THEN c.relkind IN ('r', 'p')"
    "                    WHEN 'SEQUENCE' THEN c.relkind = 'S' ELSE c.relkind IN ('i', 'I') END)"
    "         WHEN type IN ('CONSTRAINT', 'FK CONSTRAINT') THEN NOT EXISTS ("
    "             SELECT 1 FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
    "              WHERE t.relnamespace = 'conclave'::regnamespace AND t.relname = rel"
    "                AND c.conname = own)"
    "         WHEN type = 'TRIGGER' THEN NOT EXISTS ("
    "             SELECT 1 FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid"
    "              WHERE t.relnamespace = 'conclave'::regnamespace AND t.relname = rel"
    "                AND g.tgname = own)"
    "         WHEN type = 'FUNCTION' THEN NOT EXISTS ("
    "             SELECT 1 FROM pg_proc p WHERE p.pronamespace = 'conclave'::regnamespace"
    "                AND format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) ="
    "                    name"
    "                 OR format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)) = name)"
    "         ELSE true END)"
    "SELECT (SELECT count(*) FROM extra),"
    "       (SELECT type || ' ' || name FROM extra ORDER BY type = 'TABLE', type, name LIMIT 1)";

enum err restore_script_extras(struct restore_script *s, int64_t *ret_count,
                               char first[static RESTORE_OBJECT_MAX])
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = DB_QUERY(s->db, extras_sql, &rows, PARAM_BYTES(buf_span(&s->objects)));
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    int64_t count = row_i64(&row, 0);
    struct span name = count > 0 ? row_bytes(&row, 1) : (struct span){0};
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    name = span_first(name, RESTORE_OBJECT_MAX - 1);
    for (size_t i = 0; i < name.len; i++) /* for a terminal */
        first[i] = name.p[i] >= ' ' && name.p[i] < 0x7f ? (char)name.p[i] : '?';
    first[name.len] = '\0';
    *ret_count = count;
    return OK;
}

void restore_script_init(struct restore_script *s, struct db *db, bool tablespaces)
{
    *s = (struct restore_script){
        .db = db, .tablespaces = tablespaces, .objects = buf_make(OBJECTS_MAX_BYTES)};
}

void restore_script_done(struct restore_script *s)
{
    buf_done(&s->objects);
}

int restore_script_number(FILE *script)
{
    static const char head[] = "COPY conclave.schema_migrations (number,";
    char *line = NULL;
    size_t size = 0;
    bool inside = false;
    long newest = 0;
    while (getline(&line, &size, script) > 0) {
        if (strncmp(line, head, sizeof(head) - 1) == 0)
            inside = true;
        else if (strcmp(line, "\\.\n") == 0)
            inside = false;
        else if (inside && strtol(line, NULL, 10) > newest)
            newest = strtol(line, NULL, 10);
    }
    free(line); /* getline's memory */
    return newest > INT32_MAX ? INT32_MAX : (int)newest;
}
