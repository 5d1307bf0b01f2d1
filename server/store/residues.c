/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of the residues. The class of the advisory locks is one of its own, its number is the holder.
 */
#include "store/residues.h"

#include "crypto/keys.h"
#include "store/internal.h"

#define LOCK_CLASS "1131376228"
#define LIVE                                                                                       \
    "SELECT DISTINCT objid::bigint AS holder"                                                      \
    "  FROM pg_locks"                                                                              \
    " WHERE locktype = 'advisory' AND classid = " LOCK_CLASS " AND objsubid = 2 AND granted"       \
    "   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
#define LAZILY                                                                                     \
    "lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS done)"

const struct statement residues_statements[] = {
    /* Shared: every connection of a process may hold it. Once per connection. */
    {"residues.live",
     "SELECT CASE WHEN EXISTS ("
     "           SELECT 1 FROM pg_locks"
     "            WHERE locktype = 'advisory' AND classid = " LOCK_CLASS
     "              AND objid = $1::bigint::oid AND pid = pg_backend_pid())"
     "       THEN 1::bigint"
     "       ELSE pg_try_advisory_lock_shared(" LOCK_CLASS ", $1::bigint::int)::int::bigint END"},
    {"residues.claim",
     "WITH " LAZILY ","
     "live AS MATERIALIZED (" LIVE "),"
     "part AS (SELECT greatest($2 / count(*), 1) AS residues FROM live),"
     "placed AS ("
     "    SELECT p.residue, p.holder, l.holder IS NULL AS free,"
     "           row_number() OVER (PARTITION BY p.holder ORDER BY p.residue) AS place"
     "      FROM posted_residues p"
     "      LEFT JOIN live l ON l.holder = p.holder),"
     "wanted AS ("
     "    SELECT p.residue, p.holder"
     "      FROM placed p, part"
     "     WHERE p.holder <> $1 AND (p.free OR p.place > part.residues)"
     "     ORDER BY p.free DESC, p.place DESC"
     "     LIMIT (SELECT greatest(part.residues - (SELECT count(*)"
     "                                               FROM posted_residues"
     "                                              WHERE holder = $1), 0)"
     "              FROM part)),"
     "taken AS ("
     "    UPDATE posted_residues r"
     "       SET holder = $1"
     "      FROM wanted w, lazily"
     "     WHERE r.residue = w.residue AND r.holder = w.holder"
     "    RETURNING r.reserved_ms)"
     "SELECT coalesce(max(reserved_ms), 0) FROM taken"},
    {"residues.reserve",
     "WITH " LAZILY ","
     "reserved AS ("
     "    UPDATE posted_residues"
     "       SET reserved_ms = CASE WHEN reserved_ms > $2::bigint + $3::bigint THEN $2"
     "                              ELSE greatest(reserved_ms, $2) END"
     "      FROM lazily"
     "     WHERE holder = $1"
     "    RETURNING residue)"
     "SELECT coalesce(sum(1 << residue::int), 0)::bigint FROM reserved"},
    STATEMENTS_END,
};

int64_t residues_holder(void)
{
    uint32_t random = 0;
    crypto_random(&random, sizeof(random));
    return (random >> 1) | 1; /* fits the second number of an advisory lock */
}

enum err residues_claim(struct db *db, int64_t holder, int64_t *ret_reserved_ms)
{
    int64_t alive = 0;
    enum err e = STORE_ONE_I64(db, "residues.live", &alive, PARAM_I64(holder));
    if (e == OK)
        e = STORE_ONE_I64(db, "residues.claim", ret_reserved_ms, PARAM_I64(holder),
                          PARAM_I64(RESIDUES));
    return e;
}

enum err residues_reserve(struct db *db, int64_t holder, int64_t until_ms, int64_t forget_ms,
                          uint32_t *ret_held)
{
    int64_t held = 0;
    enum err e = STORE_ONE_I64(db, "residues.reserve", &held, PARAM_I64(holder),
                               PARAM_I64(until_ms), PARAM_I64(forget_ms));
    if (e == OK)
        *ret_held = (uint32_t)held;
    return e;
}
