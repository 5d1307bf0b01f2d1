/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of `conclave restore`.
 */
#include "store/restore.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/numbers.h"
#include "store/server.h"

enum err restore_begin(struct db *db)
{
    /* Every start of ours reads schema_migrations first. */
    return db_script(db, "SET LOCAL statement_timeout = 0;"
                         "SET LOCAL lock_timeout = '10s';"
                         "DO $$ BEGIN"
                         "    IF to_regclass('conclave.schema_migrations') IS NOT NULL THEN"
                         "        LOCK TABLE conclave.schema_migrations IN ACCESS EXCLUSIVE MODE;"
                         "    END IF;"
                         " END $$");
}

enum err restore_others(struct db *db, int64_t *ret_count)
{
    /* Every connection of ours bears the name (db/connection.c), whoever it belongs to. */
    enum err e = db_script(db, "SELECT pg_stat_clear_snapshot()");
    return e != OK ? e
                   : store_query_i64(db,
                                     "SELECT count(*)"
                                     "  FROM pg_stat_activity"
                                     " WHERE datname = current_database()"
                                     "   AND application_name = 'conclave'"
                                     "   AND pid <> pg_backend_pid()",
                                     NULL, 0, ret_count);
}

enum err restore_is_empty(struct db *db, bool *ret_empty)
{
    int64_t count;
    enum err e = store_query_i64(db,
                                 "SELECT count(*)"
                                 "  FROM pg_class"
                                 " WHERE relnamespace = to_regnamespace('conclave')",
                                 NULL, 0, &count);
    if (e == OK)
        *ret_empty = count == 0;
    return e;
}

enum err restore_clear(struct db *db)
{
    return db_script(
        db, "DO $$ DECLARE found record;"
            " BEGIN"
            "    IF to_regnamespace('conclave') IS NULL THEN"
            "        CREATE SCHEMA conclave;"
            "        COMMENT ON SCHEMA conclave IS 'All tables of the conclave server.';"
            "    END IF;"
            "    FOR found IN SELECT relname FROM pg_class"
            "                  WHERE relnamespace = to_regnamespace('conclave')"
            "                    AND relkind IN ('r', 'p') AND NOT relispartition LOOP"
            "        EXECUTE format('DROP TABLE IF EXISTS conclave.%I CASCADE', found.relname);"
            "    END LOOP;"
            "    FOR found IN SELECT oid::regprocedure AS routine FROM pg_proc"
            "                  WHERE pronamespace = to_regnamespace('conclave') LOOP"
            "        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.routine);"
            "    END LOOP;"
            " END $$");
}

/*
 * What is dropped here is kept as SQL in a setting of the transaction: there is no table to put it
 * in, and nothing of it comes from the backup. Indexes of constraints stay, since partitions have
 * theirs.
 */
enum err restore_prepare(struct db *db, int number, int64_t now_ms)
{
    enum err e = schema_make(db, number, now_ms);
    if (e != OK)
        return e;
    return db_script(
        db,
        "DO $$ DECLARE found record; again text;"
        " BEGIN"
        "    SELECT coalesce(string_agg(pg_get_indexdef(i.indexrelid), ';' ORDER BY i.indexrelid), "
        "'')"
        "      INTO again"
        "      FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
        "     WHERE t.relnamespace = 'conclave'::regnamespace AND t.relkind = 'r'"
        "       AND NOT t.relispartition"
        "       AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid);"
        "    PERFORM set_config('conclave.indexes', again, true);"
        "    FOR found IN SELECT i.indexrelid::regclass AS name"
        "                   FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
        "                  WHERE t.relnamespace = 'conclave'::regnamespace AND t.relkind = 'r'"
        "                    AND NOT t.relispartition"
        "                    AND NOT EXISTS (SELECT 1 FROM pg_constraint c"
        "                                     WHERE c.conindid = i.indexrelid) LOOP"
        "        EXECUTE format('DROP INDEX %s', found.name);"
        "    END LOOP;"
        "    SELECT coalesce(string_agg(format('ALTER TABLE %s ADD CONSTRAINT %I %s',"
        "                                      conrelid::regclass, conname,"
        "                                      pg_get_constraintdef(oid)), ';' ORDER BY oid), '')"
        "      INTO again"
        "      FROM pg_constraint"
        "     WHERE connamespace = 'conclave'::regnamespace AND contype = 'f' AND conparentid = 0;"
        "    PERFORM set_config('conclave.foreign_keys', again, true);"
        "    FOR found IN SELECT conrelid::regclass AS name, conname FROM pg_constraint"
        "                  WHERE connamespace = 'conclave'::regnamespace AND contype = 'f'"
        "                    AND conparentid = 0 LOOP"
        "        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.name, found.conname);"
        "    END LOOP;"
        "    FOR found IN SELECT oid::regclass AS name, relkind AS kind FROM pg_class"
        "                  WHERE relnamespace = 'conclave'::regnamespace"
        "                    AND relkind IN ('r', 'p') LOOP"
        "        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', found.name);"
        "        IF found.kind = 'r' THEN"
        "            EXECUTE format('TRUNCATE ONLY %s', found.name);"
        "        END IF;"
        "    END LOOP;"
        " END $$");
}

enum err restore_complete(struct db *db)
{
    return db_script(db, "DO $$ DECLARE found record;"
                         " BEGIN"
                         "    EXECUTE current_setting('conclave.indexes');"
                         "    EXECUTE current_setting('conclave.foreign_keys');"
                         "    FOR found IN SELECT oid::regclass AS name FROM pg_class"
                         "                  WHERE relnamespace = 'conclave'::regnamespace"
                         "                    AND relkind IN ('r', 'p') LOOP"
                         "        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', found.name);"
                         "    END LOOP;"
                         " END $$");
}

enum err restore_raise(struct db *db, int64_t margin)
{
    enum err e = numbers_raise(db, margin);
    /* Numbers are given out here from now on, whatever timeline the backup was made on. */
    if (e == OK)
        e = db_query(db, "UPDATE conclave.server SET timeline = NULL", NULL, 0, NULL);
    if (e != OK)
        return e;
    /* Servers plan their statements once. */
    return db_script(db, "DO $$ DECLARE found record;"
                         " BEGIN"
                         "    FOR found IN SELECT relname FROM pg_class"
                         "                  WHERE relnamespace = 'conclave'::regnamespace"
                         "                    AND relkind IN ('r', 'p') AND NOT relispartition LOOP"
                         "        EXECUTE format('ANALYZE conclave.%I', found.relname);"
                         "    END LOOP;"
                         " END $$");
}

enum err restore_summary(struct db *db, struct restore_summary *ret_summary)
{
    struct restore_summary s;
    enum err e = store_query_i64(db, "SELECT count(*) FROM conclave.rooms", NULL, 0, &s.rooms);
    if (e == OK)
        e = store_query_i64(db,
                            "SELECT coalesce((SELECT (posted * 1000)::bigint FROM conclave.messages"
                            "                  ORDER BY id DESC LIMIT 1), 0)",
                            NULL, 0, &s.newest_ms);
    if (e == OK)
        e = store_query_i64(db, "SELECT count(*) FROM conclave.users WHERE moderator OR admin",
                            NULL, 0, &s.admins);
    if (e == OK)
        e = store_query_i64(db, "SELECT coalesce(max(trusted_s), 0) * 1000 FROM conclave.server",
                            NULL, 0, &s.trusted_ms);
    if (e == OK)
        *ret_summary = s;
    return e;
}
