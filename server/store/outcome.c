/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Marks are rows among the nonces: unique, without any meaning, and forgotten with their day.
 */
#include "store/outcome.h"

#include "crypto/keys.h"
#include "store/internal.h"

enum err outcome_mark(struct db *db, struct outcome_mark *ret_mark)
{
    struct outcome_mark mark = {.day = 0};
    crypto_random(mark.b, sizeof(mark.b));
    enum err e = STORE_ONE_I64(db, "outcome.mark", &mark.day, PARAM_BYTES(SPAN_OF_KEY(&mark)));
    if (e == OK)
        *ret_mark = mark;
    return e;
}

enum err outcome_find(struct db *db, const struct outcome_mark *mark, bool *ret_committed)
{
    int64_t one;
    enum err e = STORE_ONE_I64(db, "outcome.find", &one, PARAM_I32(mark->day),
                               PARAM_BYTES(SPAN_OF_KEY(mark)));
    if (e != OK && e != ERR_MISSING)
        return e;
    *ret_committed = e == ERR_MISSING;
    return OK;
}

enum err outcome_probe(struct db *db, bool with_row)
{
    struct outcome_mark mark;
    return with_row ? outcome_mark(db, &mark) : db_run(db, "outcome.probe", NULL, 0, NULL);
}
