/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of raised numbers. Everybody who raises locks the row of `server` first, so that it happens
 * once.
 */
#include "store/numbers.h"

#include "base/log.h"
#include "store/internal.h"

/*
 * Not prepared: a restore runs them on tables that were not there when its connection was opened.
 */
static const char *const raises[] = {
    /* In the order in which writers lock them. */
    "SELECT id FROM conclave.rooms ORDER BY id FOR NO KEY UPDATE",
    "UPDATE conclave.rooms"
    "   SET message_sequence = message_sequence + $1, info_updates = info_updates + $1",
    /* Among them the one that ids of direct messages are drawn from. */
    "UPDATE conclave.versions"
    "   SET value = value + $1",
    /*
     * Ids that clients know: a new message or file must not be taken for one that went with the old
     * database.
     */
    "SELECT setval(s, nextval(s) + $1)"
    "  FROM (SELECT pg_get_serial_sequence('conclave.' || t, 'id')::regclass AS s"
    "          FROM unnest(ARRAY['messages', 'files']) t) sequences",
};

enum err numbers_raise(struct db *db, int64_t margin)
{
    enum err e = db_query(db, raises[0], NULL, 0, NULL);
    for (size_t i = 1; e == OK && i < COUNT_OF(raises); i++)
        e = DB_QUERY(db, raises[i], NULL, PARAM_I64(margin));
    return e;
}

static enum err new_timeline(struct db *db, void *arg)
{
    const int64_t *current = arg;
    int64_t recorded;
    enum err e = store_one_i64(db, "numbers.lock", NULL, 0, &recorded);
    if (e != OK || recorded == *current)
        return e;
    if (recorded >= 0)
        e = numbers_raise(db, NUMBERS_MARGIN);
    if (e == OK)
        e = DB_RUN(db, "numbers.record", NULL, PARAM_I64(*current));
    return e;
}

enum err numbers_on_open(struct db *db)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = db_run(db, "numbers.timeline", NULL, 0, &rows);
    if (e != OK || !rows_next(&rows, &row))
        return e; /* no server owns this database yet */
    int64_t recorded = row_i64(&row, 0), current = row_i64(&row, 1);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    if (current == 0 || current == recorded)
        return OK;
    e = db_tx(db, new_timeline, &current);
    if (e == OK && recorded >= 0)
        log_event(LOG_WARN, "database.promoted", LOG_I64("numbers_raised_by", NUMBERS_MARGIN));
    return e;
}

struct claim {
    int64_t room, claimed;
};

static enum err believe(struct db *db, void *arg)
{
    const struct claim *claim = arg;
    int64_t one;
    enum err e = STORE_ONE_I64(db, "numbers.believe", &one, PARAM_I64(claim->room),
                               PARAM_I64(claim->claimed));
    return e == OK ? numbers_raise(db, NUMBERS_MARGIN) : e;
}

enum err numbers_believe(struct db *db, int64_t room, int64_t claimed)
{
    struct claim claim = {room, claimed};
    enum err e = db_tx(db, believe, &claim);
    if (e == OK)
        log_event(LOG_ERROR, "clients.ahead", LOG_I64("numbers_raised_by", NUMBERS_MARGIN));
    return e;
}

/* What this process has seen, and the statement that tells where it stands now. */
struct evidence {
    const char *statement;
    int64_t scope, id, seen;
};

/* ERR_MISSING: somebody else has raised them, or the room is gone. */
static enum err catch_up(struct db *db, void *arg)
{
    const struct evidence *evidence = arg;
    int64_t timeline, now;
    enum err e = store_one_i64(db, "numbers.lock", NULL, 0, &timeline);
    if (e == OK)
        e = STORE_ONE_I64(db, evidence->statement, &now, PARAM_I64(evidence->id),
                          PARAM_I64(evidence->scope));
    if (e == OK)
        e = now < evidence->seen ? numbers_raise(db, NUMBERS_MARGIN) : ERR_MISSING;
    return e;
}

static enum err raise_by(struct db *db, struct evidence evidence)
{
    enum err e = db_tx(db, catch_up, &evidence);
    if (e == OK)
        log_event(LOG_ERROR, "database.went_back", LOG_I64("numbers_raised_by", NUMBERS_MARGIN));
    return e == ERR_MISSING ? OK : e;
}

enum err numbers_catch_up(struct db *db, const struct version_row *seen)
{
    return raise_by(db, (struct evidence){"numbers.version", seen->scope, seen->id, seen->value});
}

enum err numbers_catch_up_room(struct db *db, int64_t room, int64_t seen)
{
    return raise_by(db, (struct evidence){"numbers.room", 0, room, seen});
}
