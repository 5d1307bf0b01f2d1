/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list of queries that count what should not be: each answers 0.
 */
#include "torture/check.h"

#include <poll.h>

#include "base/clock.h"
#include "db/db.h"

enum { STATEMENT_TIMEOUT_MS = 120 * SECOND_MS, LOCK_TIMEOUT_MS = 5 * SECOND_MS, STEP_MS = 200 };

struct rule {
    const char *words; /* what is wrong when the count is not 0 */
    const char *count;
};

/* Holds only where no clock jumps. */
static const struct rule times_differ = {
    "messages that share a millisecond",
    "SELECT count(*) - count(DISTINCT floor(posted * 1000)) FROM conclave.messages"};

static const struct rule rules[] = {
    {"rooms whose counter is not that of their last event",
     "SELECT count(*) FROM conclave.rooms r"
     " WHERE r.message_sequence <>"
     "       coalesce((SELECT max(m.seqno) FROM conclave.messages m WHERE m.room = r.id), 0)"},
    {"numbers that a room gave to two events",
     "SELECT count(*) FROM (SELECT room, n, count(*) FROM ("
     "  SELECT room, id, seqno_creation AS n FROM conclave.messages WHERE seqno_creation > 0"
     "   UNION SELECT room, id, seqno_data FROM conclave.messages WHERE seqno_data > 0"
     "   UNION ALL SELECT room, id, seqno_reactions FROM conclave.messages WHERE seqno_reactions > "
     "0"
     ") e GROUP BY room, n HAVING count(*) > 1) d"},
    {"messages whose id and number run in different directions",
     "SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY room ORDER BY seqno_creation) AS "
     "before FROM conclave.messages WHERE seqno_creation > 0) m WHERE m.id <= m.before"},
    /* Times that a clock brought more than five hours ahead are not followed; a burst may take two
     * of these seconds. */
    {"posts of a room whose times run back",
     "SELECT count(*) FROM (SELECT posted, lag(posted) OVER (PARTITION BY room ORDER BY "
     "seqno_creation) AS before FROM conclave.messages) m"
     " WHERE m.posted < m.before AND m.before - m.posted <= 17998"},
    /* Every post of this load brings its nonce along. */
    {"posts without a nonce", "SELECT greatest(0, (SELECT count(*) FROM conclave.messages) -"
                              "                   (SELECT count(*) FROM conclave.nonces))"},
    {"rooms without their versions",
     "SELECT count(*) FROM conclave.rooms r WHERE 2 <> (SELECT count(*) FROM conclave.versions v "
     "WHERE v.scope IN (2, 3) AND v.id = r.id)"},
    {"chunks without content",
     "SELECT count(*) FROM conclave.chunks c"
     " WHERE NOT EXISTS (SELECT 1 FROM conclave.blobs b WHERE b.id = c.blob AND b.chunk_day = "
     "c.day)"},
    {"contents whose chunks are not complete",
     "SELECT count(*) FROM conclave.blobs b"
     " WHERE NOT b.blocked AND (b.size + 262143) / 262144 <>"
     "       (SELECT count(*) FROM conclave.chunks c WHERE c.day = b.chunk_day AND c.blob = b.id)"},
    {"contents that no file refers to",
     "SELECT count(*) FROM conclave.blobs b"
     " WHERE NOT b.blocked"
     "   AND NOT EXISTS (SELECT 1 FROM conclave.files f WHERE f.blob = b.id)"},
    {"bytes that the sum of all files is off by",
     "SELECT abs((SELECT bytes FROM conclave.file_usage) -"
     "           (SELECT coalesce(sum(conclave.file_charge(size)), 0) FROM conclave.blobs WHERE "
     "NOT blocked))::bigint"},
    {"rooms whose sum of files is off",
     "SELECT count(*) FROM conclave.room_storage r"
     " WHERE r.bytes <> (SELECT coalesce(sum(conclave.file_charge(b.size)), 0) FROM conclave.files "
     "f"
     "                     JOIN conclave.blobs b ON b.id = f.blob WHERE f.room = r.room)"},
    {"contents of the file server with two files",
     "SELECT count(*) FROM (SELECT blob FROM conclave.files WHERE room IS NULL GROUP BY blob "
     "HAVING "
     "count(*) > 1) f"},
};

static struct db *connect_to(const char *url)
{
    const struct db_options options = {.url = url,
                                       .origin = DB_COMMAND,
                                       .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                                       .lock_timeout_ms = LOCK_TIMEOUT_MS};
    struct db *db = NULL;
    if (db_new(&options, &db) != OK)
        return NULL;
    if (db_ensure(db) == OK)
        return db;
    db_free(db);
    return NULL;
}

static int64_t ask(struct db *db, const char *sql)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    if (db_query(db, sql, NULL, 0, &rows) != OK || !rows_next(&rows, &row))
        return -1;
    int64_t number = row_i64(&row, 0);
    return rows_ok(&rows) ? number : -1;
}

int64_t check_number(const char *url, const char *sql)
{
    struct db *db = connect_to(url);
    if (db == NULL)
        return -1;
    int64_t number = ask(db, sql);
    db_free(db);
    return number;
}

static void apply(struct db *db, const struct rule *rule, struct ledger *ledger)
{
    int64_t found = ask(db, rule->count);
    if (found < 0)
        ledger_complain(ledger, "cannot be counted: %s", rule->words);
    else if (found > 0)
        ledger_complain(ledger, "%lld %s", (long long)found, rule->words);
}

enum err check_database(const char *url, bool clock_jumped, struct ledger *ledger)
{
    struct db *db = connect_to(url);
    if (db == NULL)
        return ERR_BUSY;
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        apply(db, &rules[i], ledger);
    if (!clock_jumped)
        apply(db, &times_differ, ledger);
    db_free(db);
    return OK;
}

enum err check_swept(const char *url, int timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    for (;;) {
        if (check_number(url, "SELECT count(*) FROM conclave.files WHERE expiry < uploaded + 60") ==
            0)
            return OK;
        if (clock_mono_ms() >= deadline_ms)
            return ERR_BUSY;
        (void)poll(NULL, 0, STEP_MS);
    }
}
