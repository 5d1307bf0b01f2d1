/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EXPLAIN's text form, read line by line: the first line about buffers belongs to the topmost node,
 * which counts everything below it.
 */
#include "integration/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static bool has(struct span line, const char *words)
{
    return line.len > 0 && memmem(line.p, line.len, words, strlen(words)) != NULL;
}

/* The number behind the first occurrence of key; 0: there is none. */
static double number_behind(struct span line, const char *key)
{
    const char *at = memmem(line.p, line.len, key, strlen(key));
    return at != NULL ? strtod(at + strlen(key), NULL) : 0;
}

static void explain(struct db *db, const char *how, const char *execute, struct rows *rows)
{
    struct buf sql AUTO_BUF = buf_make(KIB(2));
    buf_put_text(&sql, how);
    buf_put_text(&sql, execute);
    buf_put_byte(&sql, '\0');
    assert_int_equal(buf_verdict(&sql), OK);
    assert_int_equal(db_query(db, (const char *)sql.p, NULL, 0, rows), OK);
}

int64_t plan_pages(struct db *db, const char *execute, int64_t at_most, double *ret_ms)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    struct buf plan AUTO_BUF = buf_make(MIB(1));
    int64_t pages = -1;
    explain(db, "EXPLAIN (ANALYZE, BUFFERS) EXECUTE ", execute, &rows);
    while (rows_next(&rows, &row)) {
        struct span line = row_bytes(&row, 0);
        if (pages < 0 && has(line, "Planning:"))
            pages = 0; /* the statement itself touched none */
        if (pages < 0 && has(line, "Buffers: shared"))
            pages = (int64_t)(number_behind(line, "hit=") + number_behind(line, "read="));
        if (ret_ms != NULL && has(line, "Execution Time: "))
            *ret_ms = number_behind(line, "Execution Time: ");
        buf_put(&plan, line);
        buf_put_byte(&plan, '\n');
    }
    if (pages > at_most)
        print_message("%s\n%.*s", execute, (int)plan.len, (const char *)plan.p);
    return pages < 0 ? 0 : pages;
}

static int64_t parameters_of(struct db *db, const char *name)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(db_query(db,
                              "SELECT cardinality(parameter_types)::bigint"
                              "  FROM pg_prepared_statements"
                              " WHERE name = $1",
                              (const struct param[]){PARAM_TEXT(span_of_text(name))}, 1, &rows),
                     OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

void plan_text(struct db *db, const char *name, struct buf *out)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    struct buf execute AUTO_BUF = buf_make(KIB(1));
    int64_t count = parameters_of(db, name);
    buf_put_byte(&execute, '"');
    buf_put_text(&execute, name);
    buf_put_byte(&execute, '"');
    for (int64_t i = 0; i < count; i++)
        buf_put_text(&execute, i == 0 ? "(NULL" : ", NULL");
    if (count > 0)
        buf_put_byte(&execute, ')');
    buf_put_byte(&execute, '\0');
    explain(db, "EXPLAIN (COSTS OFF) EXECUTE ", (const char *)execute.p, &rows);
    while (rows_next(&rows, &row)) {
        buf_put(out, row_bytes(&row, 0));
        buf_put_byte(out, '\n');
    }
    assert_int_equal(buf_verdict(out), OK);
}

/* ---- faults ---- */

/* One node of a plan, as far as it matters here: lines of the plan, or empty. */
struct node {
    struct span head, condition, filter;
};

static bool has_any(struct span line, const char *const *words)
{
    for (; *words != NULL; words++)
        if (has(line, *words))
            return true;
    return false;
}

static bool reads_a_table(const struct node *node)
{
    static const char *const others[] = {"CTE Scan", "Function Scan", "Subquery Scan",
                                         "Bitmap Heap Scan", NULL};
    return has(node->head, " Scan ") && !has_any(node->head, others);
}

/* Tables of one row, or of sixteen, are always read so. */
static bool reads_everything(const struct node *node)
{
    static const char *const small[] = {" on server", " on file_usage", " on posted_residues",
                                        NULL};
    return reads_a_table(node) && node->condition.len == 0 && !has_any(node->head, small);
}

static bool walks_past_others(const struct node *node)
{
    static const char *const owners[] = {
        "(room = ", "(recipient = ", "(sender = ", "(user_id = ", "(author = ", NULL};
    static const char *const equal[] = {" = ", " IS NULL", NULL};
    return reads_a_table(node) && !has_any(node->condition, equal) && has_any(node->filter, owners);
}

static bool has_node(struct span plan, bool (*is_fault)(const struct node *node))
{
    struct node node = {0};
    bool found = false;
    while (plan.len > 0) {
        struct span line = span_first(plan, span_find(plan, '\n'));
        plan = span_skip(plan, line.len + 1);
        if (has(line, "Index Cond: ")) {
            node.condition = line;
        } else if (has(line, " Filter: ")) {
            node.filter = line;
        } else if (has(line, "->") || has(line, " Scan ")) {
            found = found || is_fault(&node);
            node = (struct node){.head = line};
        }
    }
    return found || is_fault(&node);
}

bool plan_reads_everything(struct span plan)
{
    return has_node(plan, reads_everything);
}

bool plan_walks_past_others(struct span plan)
{
    return has_node(plan, walks_past_others);
}
