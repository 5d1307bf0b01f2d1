/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transaction ids and their status. No table of ours is touched.
 */
#include "store/outcome.h"

#include "store/internal.h"

const struct statement outcome_statements[] = {
    {"outcome.mark", "SELECT pg_current_xact_id()::text::bigint"},
    {"outcome.find", "SELECT pg_xact_status(($1::bigint)::text::xid8)::text"},
    STATEMENTS_END,
};

enum err outcome_mark(struct db *db, int64_t *ret_transaction)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = db_run(db, "outcome.mark", NULL, 0, &rows);
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    int64_t transaction = row_i64(&row, 0);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_transaction = transaction;
    return OK;
}

enum err outcome_find(struct db *db, int64_t transaction, bool *ret_committed)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "outcome.find", &rows, PARAM_I64(transaction));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    if (row_is_null(&row, 0))
        return ERR_MISSING;
    struct span status = row_bytes(&row, 0);
    if (span_eq(status, SPAN("in progress")))
        return ERR_RETRY;
    *ret_committed = span_eq(status, SPAN("committed"));
    return OK;
}
