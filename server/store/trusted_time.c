/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL and rules of trusted time. This is the only file that asks the database for its clock.
 */
#include "store/trusted_time.h"

#include "base/clock.h"
#include "store/internal.h"

enum {
    APART_MAX_MS = 2 * SECOND_MS,
    /*
     * Two days without a trusted time: longer than a restart or a weekend's repair, shorter than
     * what a file lives.
     */
    JUMP_MAX_MS = 48 * HOUR_MS,
    REMEMBER_EVERY_S = 60,
    SIGNED_WITHIN_MS = 24 * HOUR_MS, /* as auth/identity.c accepts signed timestamps */
};

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

bool clock_far_from(int64_t now_ms, int64_t trusted_ms)
{
    return trusted_ms != 0 && distance(now_ms, trusted_ms) > JUMP_MAX_MS;
}

void clock_judge(struct clock_reading *reading, int64_t asked_ms)
{
    int64_t database_ms = reading->database_ms;
    reading->ahead_ms = 0;
    if (database_ms < asked_ms)
        reading->ahead_ms = asked_ms - database_ms;
    else if (database_ms > reading->now_ms)
        reading->ahead_ms = reading->now_ms - database_ms;
    reading->doubt = CLOCK_TRUSTED;
    if (distance(reading->ahead_ms, 0) > APART_MAX_MS)
        reading->doubt = CLOCK_APART;
    else if (clock_far_from(reading->now_ms, reading->trusted_ms))
        reading->doubt = CLOCK_JUMPED;
}

enum err clock_read(struct db *db, struct clock_reading *ret_reading)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    int64_t asked_ms = clock_wall_ms();
    enum err e = db_run(db, "clock.read", NULL, 0, &rows);
    if (e != OK)
        return e;
    struct clock_reading reading = {.now_ms = clock_wall_ms()};
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    reading.database_ms = row_i64(&row, 0);
    reading.trusted_ms = row_i64(&row, 1) * SECOND_MS;
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    clock_judge(&reading, asked_ms);
    *ret_reading = reading;
    return OK;
}

static void put_span(struct buf *out, int64_t ms)
{
    bool long_one = ms >= 2 * HOUR_MS;
    int64_t unit_ms = long_one ? HOUR_MS : SECOND_MS;
    buf_put_i64(out, (ms + unit_ms / 2) / unit_ms);
    buf_put_text(out, long_one ? " hours" : " seconds");
}

void clock_explain(const struct clock_reading *reading, struct buf *out)
{
    int64_t away_ms = reading->now_ms - reading->trusted_ms;
    switch (reading->doubt) {
    case CLOCK_TRUSTED:
        return;
    case CLOCK_APART:
        buf_put_text(out, "the clock of this process is ");
        put_span(out, distance(reading->ahead_ms, 0));
        buf_put_text(out, reading->ahead_ms > 0 ? " ahead of" : " behind");
        buf_put_text(out, " the database's, and it deletes nothing: set the wrong one right\n");
        return;
    case CLOCK_JUMPED:
        buf_put_text(out, "the clock stands ");
        put_span(out, distance(away_ms, 0));
        buf_put_text(out, away_ms > 0 ? " after" : " before");
        buf_put_text(out, " the last time that was trusted, and nothing is deleted: set it right, "
                          "or type `conclave clock confirm` if it is right\n");
        return;
    }
}

bool clock_refuses_members(const struct clock_reading *reading)
{
    return reading->doubt == CLOCK_APART && distance(reading->ahead_ms, 0) > SIGNED_WITHIN_MS;
}

enum err clock_remember(struct db *db, int64_t now_ms)
{
    return DB_RUN(db, "clock.remember", NULL, PARAM_I64(now_ms / SECOND_MS),
                  PARAM_I64(REMEMBER_EVERY_S));
}

enum err clock_accept(struct db *db, int64_t now_ms)
{
    return DB_RUN(db, "clock.accept", NULL, PARAM_I64(now_ms / SECOND_MS));
}

enum err clock_shared(struct db *db, int64_t now_ms, int64_t *ret_ms)
{
    int64_t database_ms = 0;
    enum err e = store_one_i64(db, "clock.database", NULL, 0, &database_ms);
    if (e == OK)
        *ret_ms = distance(database_ms, now_ms) > APART_MAX_MS ? database_ms : now_ms;
    return e;
}
