/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 300, test-seconds: 60
 *
 * A backup that somebody had in his hands: altered, cut off, put together from two, of another
 * server, or with more in it than conclave makes. Each is refused in a sentence, nothing of it is
 * run, and the database is as it was; from a file and from a pipe, where the beginning of it has
 * been read already when the end turns out to be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/backup_format.h"
#include "integration/dumped.h"
#include "integration/world_settings.h"

enum { FRAME_BYTES = 4 + BACKUP_PIECE_BYTES + MAC_BYTES, SPREAD = 17 };

static const char altered[] = "was altered, or is damaged; nothing was changed";
static const char cut_off[] = "is it complete? Nothing was changed";

/* The same through a pipe; where a reader may have begun its transaction, it is rolled back. */
static void refused_through_pipe(const char *file, const char *words)
{
    int64_t before = dumped_fingerprint();
    struct dumped_path err = dumped_path("err"), from = dumped_path(file);
    char line[WORLD_PROGRAM_MAX + 2 * DUMPED_PATH_BYTES], path[WORLD_PROGRAM_MAX];
    struct world_settings settings;
    struct process p;
    int status = -1;
    world_program(&dumped_world, path);
    (void)snprintf(line, sizeof(line), "cat '%s' | '%s' restore --replace --yes -", from.s, path);
    const char *argv[] = {"/bin/sh", "-c", line, NULL};
    assert_int_equal(world_settings(&dumped_world, 0, NULL, &settings), OK);
    (void)unlink(err.s);
    const struct process_spec spec = {
        .argv = argv, .env = settings.env, .out_path = "/dev/null", .err_path = err.s};
    assert_int_equal(process_start(&spec, &p), OK);
    assert_int_equal(process_wait(&p, DUMPED_WAIT_MS, &status), OK);
    char said[2000] = "";
    FILE *f = fopen(err.s, "re");
    assert_non_null(f);
    assert_true(fread(said, 1, sizeof(said) - 1, f) > 0);
    (void)fclose(f);
    const char *newline = strchr(said, '\n');
    bool one_line = newline && newline[1] == '\0';
    if (status != 1 || !strstr(said, words) || !one_line)
        fail_msg("%s through a pipe: exit code %d, said: %s", file, status, said);
    assert_int_equal(dumped_fingerprint(), before);
}

/* One sentence, too. Whoever calls it compares the database before with the one after. */
static void refused(const char *file, const char *words)
{
    dumped_expect(NULL, RESTORE(IN_FOLDER(file)), 1, words);
    const char *newline = strchr(dumped_said.err, '\n');
    assert_true(newline && newline[1] == '\0');
    assert_string_equal(dumped_said.out, "");
}

static void backup__altered_in_any_byte__is_refused(void **state)
{
    (void)state;
    const struct span whole = buf_span(&dumped);
    int64_t before = dumped_fingerprint();
    /*
     * All of the head, both sides of every border between pieces, the ends, and places in between.
     */
    for (size_t at = BACKUP_MAGIC_BYTES; at < whole.len;
         at += at < BACKUP_HEAD_BYTES + 8 ? 4 : (whole.len / SPREAD)) {
        dumped.p[at] ^= 0x01;
        dumped_write("altered", whole);
        dumped.p[at] ^= 0x01;
        command_run(&dumped_world, NULL, RESTORE(IN_FOLDER("altered")), &dumped_said);
        bool is_key = at >= 40 && at < 48, is_version = at >= 16 && at < 20;
        assert_int_equal(dumped_said.status, is_key ? 3 : 1);
        if (!is_key && !is_version && !strstr(dumped_said.err, altered) &&
            !strstr(dumped_said.err, cut_off))
            fail_msg("byte %zu: %s", at, dumped_said.err);
    }
    const size_t ends[] = {whole.len - 1, whole.len - MAC_BYTES, whole.len - MAC_BYTES - 1,
                           BACKUP_HEAD_BYTES + FRAME_BYTES - 1, BACKUP_HEAD_BYTES + FRAME_BYTES};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        dumped.p[ends[i]] ^= 0x80;
        dumped_write("altered", whole);
        dumped.p[ends[i]] ^= 0x80;
        dumped_expect(NULL, RESTORE(IN_FOLDER("altered")), 1, "othing was changed");
    }
    assert_int_equal(dumped_fingerprint(), before);
}

static void backup__altered_and_read_from_a_pipe__is_refused(void **state)
{
    (void)state;
    const struct span whole = buf_span(&dumped);
    const size_t places[] = {BACKUP_HEAD_BYTES + 100, whole.len / 2, whole.len - MAC_BYTES - 1,
                             whole.len - 1};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        dumped.p[places[i]] ^= 0x10;
        dumped_write("altered", whole);
        dumped.p[places[i]] ^= 0x10;
        refused_through_pipe("altered", altered);
    }
    dumped_write("cut", span_first(whole, whole.len / 2));
    refused_through_pipe("cut", cut_off);
    dumped_write("cut", span_first(whole, whole.len - 1));
    refused_through_pipe("cut", cut_off);
}

static void backup__cut_off_anywhere__is_refused(void **state)
{
    (void)state;
    int64_t before = dumped_fingerprint();
    const struct span whole = buf_span(&dumped);
    const size_t cuts[] = {BACKUP_MAGIC_BYTES,
                           100,
                           BACKUP_HEAD_BYTES,
                           BACKUP_HEAD_BYTES + 3,
                           BACKUP_HEAD_BYTES + FRAME_BYTES - 1,
                           BACKUP_HEAD_BYTES + FRAME_BYTES, /* between two pieces */
                           BACKUP_HEAD_BYTES + 2 * FRAME_BYTES,
                           whole.len / 2,
                           whole.len - 1000,
                           whole.len - 1};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        dumped_write("cut", span_first(whole, cuts[i]));
        refused("cut", cut_off);
    }
    dumped_write("cut", span_first(whole, 5));
    refused("cut", "this is no backup");
    assert_int_equal(dumped_fingerprint(), before);
}

static void put_frame(struct buf *out, struct span from, size_t i)
{
    buf_put(out, span_first(span_skip(from, BACKUP_HEAD_BYTES + i * FRAME_BYTES), FRAME_BYTES));
}

static void backup__put_together_anew__is_refused(void **state)
{
    (void)state;
    int64_t before = dumped_fingerprint();
    const struct span whole = buf_span(&dumped);
    AUTO_BUF struct buf other = buf_make(MIB(16));
    /* Something after the end. */
    buf_put(&other, whole);
    buf_put_byte(&other, 0);
    dumped_write("longer", buf_span(&other));
    refused("longer", altered);
    /* Two pieces exchanged; one twice; one left out. */
    const size_t orders[][3] = {{1, 0, 2}, {0, 0, 2}, {0, 2, 3}};
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        buf_reset(&other);
        buf_put(&other, span_first(whole, BACKUP_HEAD_BYTES));
        for (size_t n = 0; n < 3; n++)
            put_frame(&other, whole, orders[i][n]);
        buf_put(&other, span_skip(whole, BACKUP_HEAD_BYTES + 3 * FRAME_BYTES));
        dumped_write("mixed", buf_span(&other));
        refused("mixed", altered);
    }
    /* The same piece of another backup of the same database. */
    (void)unlink(IN_FOLDER("second"));
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("second")), 0, NULL);
    static uint8_t head[BACKUP_HEAD_BYTES + FRAME_BYTES];
    FILE *f = fopen(IN_FOLDER("second"), "re");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, sizeof(head), f), sizeof(head));
    (void)fclose(f);
    buf_reset(&other);
    buf_put(&other, span_of(head, sizeof(head)));
    buf_put(&other, span_skip(whole, sizeof(head)));
    dumped_write("mixed", buf_span(&other));
    refused("mixed", altered);
    assert_int_equal(dumped_fingerprint(), before);
    dumped_expect(NULL, RESTORE(IN_FOLDER("second")), 0, "Restored");
}

static void backup__with_missing_or_exchanged_keys__is_refused(void **state)
{
    (void)state;
    char server[DUMPED_PATH_BYTES + 64], storage[DUMPED_PATH_BYTES + 64];
    (void)snprintf(server, sizeof(server), "CONCLAVE_SERVER_KEY_FILE=%s", IN_FOLDER("none.key"));
    dumped_refused(server, RESTORE(IN_FOLDER("good")), 3, "[server] key_file: there is no such");
    (void)snprintf(storage, sizeof(storage), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s",
                   IN_FOLDER("none.key"));
    dumped_refused(storage, RESTORE(IN_FOLDER("good")), 3,
                   "[server] storage_key_file: there is no such");
    /* Exchanged. */
    (void)snprintf(server, sizeof(server), "CONCLAVE_SERVER_KEY_FILE=%s", IN_FOLDER("storage.key"));
    (void)snprintf(storage, sizeof(storage), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s",
                   IN_FOLDER("server.key"));
    int64_t before = dumped_fingerprint();
    command_expect(&dumped_world, ARGS(server, storage), RESTORE(IN_FOLDER("good")), 3,
                   "storage_key_file is not the key that this backup was made with", &dumped_said);
    command_expect(&dumped_world, ARGS(storage), ARGS("backup", "--output", IN_FOLDER("wrong")), 3,
                   "storage_key_file is not the key", &dumped_said);
    assert_false(dumped_exists("wrong"));
    assert_int_equal(dumped_fingerprint(), before);
}

static void backup__of_another_server__is_refused(void **state)
{
    (void)state;
    char server[DUMPED_PATH_BYTES + 64], storage[DUMPED_PATH_BYTES + 64];
    (void)snprintf(server, sizeof(server), "CONCLAVE_SERVER_KEY_FILE=%s", IN_FOLDER("their.key"));
    (void)snprintf(storage, sizeof(storage), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s",
                   IN_FOLDER("their-storage.key"));
    command_expect(&dumped_world, ARGS(server, storage), ARGS("key", "generate"), 0, NULL,
                   &dumped_said);
    file_sql(&dumped_world, "CREATE DATABASE theirs");
    const char *url = dumped_url("theirs");
    command_expect(&dumped_world, ARGS(server, storage, url), ARGS("migrate"), 0, NULL,
                   &dumped_said);
    struct world_settings settings;
    char program[WORLD_PROGRAM_MAX];
    struct process p;
    world_program(&dumped_world, program);
    const char *argv[] = {program, "serve", "--init", NULL};
    assert_int_equal(world_settings(&dumped_world, 0, ARGS(server, storage, url), &settings), OK);
    const struct process_spec spec = {
        .argv = argv, .env = settings.env, .out_path = "/dev/null", .err_path = "/dev/null"};
    assert_int_equal(process_start(&spec, &p), OK);
    dumped_world.servers[0].process = p;
    assert_int_equal(world_wait_ready(&dumped_world, 0, DUMPED_WAIT_MS), OK);
    assert_int_equal(world_stop_server(&dumped_world, 0), 0);
    command_expect(&dumped_world, ARGS(server, storage, url),
                   ARGS("backup", "--output", IN_FOLDER("theirs")), 0, NULL, &dumped_said);
    dumped_refused(NULL, RESTORE(IN_FOLDER("theirs")), 3,
                   "storage_key_file is not the key that this backup was made with");
    dumped_refused(storage, RESTORE(IN_FOLDER("theirs")), 3,
                   "[server] key_file is not the key of the server that this backup belongs to");
}

/*
 * What an attacker with an older, unauthenticated backup plants, each of which would leave a row in
 * public.proof if it ran.
 */
static const char planted[] =
    "CREATE FUNCTION conclave.evil() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
    "    INSERT INTO public.proof VALUES (1); RETURN true; END $$;"
    "CREATE FUNCTION conclave.evil_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    "    INSERT INTO public.proof VALUES (2); RETURN NEW; END $$;"
    "CREATE TRIGGER planted BEFORE INSERT OR UPDATE ON conclave.messages"
    "    FOR EACH ROW EXECUTE FUNCTION conclave.evil_trigger();"
    "ALTER TABLE conclave.rooms ADD CONSTRAINT planted CHECK (conclave.evil());"
    "CREATE RULE planted AS ON DELETE TO conclave.users DO INSTEAD NOTHING;"
    "ALTER TABLE conclave.users ENABLE ROW LEVEL SECURITY;"
    "CREATE POLICY planted ON conclave.users USING (conclave.evil());"
    "CREATE TABLE conclave.planted (x integer DEFAULT length(conclave.evil()::text));"
    "INSERT INTO conclave.planted VALUES (1);"
    "ALTER TABLE conclave.files ALTER COLUMN name SET DEFAULT convert_to(conclave.evil()::text, "
    "'UTF8');";

static void unverified__with_planted_code__runs_none_of_it(void **state)
{
    (void)state;
    file_sql(&dumped_world, "CREATE TABLE public.proof (how integer)");
    dumped_copy("planting", planted);
    dumped_raw("planted", "planting");
    refused("planted", "--unverified restores it all the same");
    dumped_refused(NULL, RESTORE(IN_FOLDER("planted"), "--unverified"), 1,
                   "which conclave does not make");
    assert_int_equal(file_number(&dumped_world, "SELECT count(*) FROM public.proof"), 0);
    dumped_expect(NULL, RESTORE(IN_FOLDER("planted"), "--unverified", "--leave-out"), 0,
                  "Restored");
    assert_int_equal(file_number(&dumped_world, "SELECT count(*) FROM public.proof"), 0);
    assert_int_equal(
        file_number(&dumped_world,
                    "SELECT (SELECT count(*) FROM pg_proc WHERE proname ~ 'evil')"
                    "     + (SELECT count(*) FROM pg_trigger WHERE tgname = 'planted')"
                    "     + (SELECT count(*) FROM pg_constraint WHERE conname ~ 'plant')"
                    "     + (SELECT count(*) FROM pg_policy)"
                    "     + (SELECT count(*) FROM pg_rewrite WHERE rulename = 'planted')"
                    "     + (SELECT count(*) FROM pg_class WHERE relname = 'planted')"
                    "     + (SELECT count(*) FROM pg_attrdef"
                    "         WHERE pg_get_expr(adbin, adrelid) ~ 'evil')"
                    "     + (SELECT count(*) FROM pg_class WHERE relrowsecurity)"),
        0);
    dumped_expect(NULL, ARGS("check"), 0, "in order");
    /* A server works with it, and its triggers and keys are there again. */
    assert_int_equal(world_restart_server(&dumped_world, 0, NULL), OK);
    assert_int_equal(world_stop_server(&dumped_world, 0), 0);
    dumped_wait_for_silence();
}

/* The backup is authentic, but somebody had the database before it was made. */
static void backup__of_a_database_with_planted_code__is_refused_too(void **state)
{
    (void)state;
    (void)unlink(IN_FOLDER("sealed"));
    file_sql(&dumped_world, "CREATE FUNCTION conclave.evil() RETURNS integer LANGUAGE sql AS"
                            " 'SELECT 1'");
    dumped_expect(NULL, ARGS("backup", "--output", IN_FOLDER("sealed")), 0, NULL);
    file_sql(&dumped_world, "DROP FUNCTION conclave.evil()");
    refused("sealed", "FUNCTION evil()");
    dumped_expect(NULL, RESTORE(IN_FOLDER("sealed"), "--leave-out"), 0, "it is left out");
}

static void restored_schema__is_the_one_that_migrations_make(void **state)
{
    (void)state;
    /* Everything about it that PostgreSQL tells, as one number. */
    static const char made[] =
        "SELECT ('x' || substr(md5(string_agg(what, E'\\n' ORDER BY what COLLATE \"C\")), 1, 15))"
        "       ::bit(60)::bigint"
        "  FROM (SELECT pg_get_functiondef(oid) FROM pg_proc"
        "         WHERE pronamespace = 'conclave'::regnamespace"
        "        UNION ALL SELECT conrelid::regclass::text || ' ' || conname::text || "
        "pg_get_constraintdef(oid)"
        "          FROM pg_constraint WHERE connamespace = 'conclave'::regnamespace"
        "        UNION ALL SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger"
        "         WHERE NOT tgisinternal"
        "        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'conclave'"
        "        UNION ALL SELECT concat(relname, relkind, reloptions, relacl, relrowsecurity,"
        "                                relpersistence, relhasrules)"
        "          FROM pg_class WHERE relnamespace = 'conclave'::regnamespace"
        "        UNION ALL SELECT concat(attrelid::regclass, attname, atttypid, attnotnull,"
        "                                attidentity, attgenerated, attstorage,"
        "                                pg_get_expr(adbin, adrelid))"
        "          FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        "         WHERE attrelid IN (SELECT oid FROM pg_class"
        "                             WHERE relnamespace = 'conclave'::regnamespace)"
        "           AND attnum > 0 AND NOT attisdropped"
        "        UNION ALL SELECT concat(classoid::regclass, objoid::regclass, objsubid, "
        "description)"
        "          FROM pg_description WHERE objoid IN (SELECT oid FROM pg_class"
        "                WHERE relnamespace = 'conclave'::regnamespace)) all_of_it (what)";
    struct world other = dumped_world;
    file_sql(&dumped_world, "CREATE DATABASE restored");
    dumped_expect(dumped_url("restored"), ARGS("restore", IN_FOLDER("good")), 0, "Restored");
    (void)snprintf(other.database_url, sizeof(other.database_url), "%s",
                   strchr(dumped_url("restored"), '=') + 1);
    assert_int_equal(file_number(&other, made), file_number(&dumped_world, made));
}

static void unverified__planted_admin__is_told(void **state)
{
    (void)state;
    dumped_copy("admins", "INSERT INTO conclave.users (session_id, moderator, admin, created_hour,"
                          " last_active_hour)"
                          " SELECT decode('05' || repeat('ab', 32), 'hex'), true, true, 0, 0");
    dumped_raw("admin", "admins");
    refused("admin", "is not authenticated");
    dumped_expect(NULL, RESTORE(IN_FOLDER("admin"), "--unverified"), 0,
                  "It makes 1 people moderators or admins of all rooms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backup__altered_in_any_byte__is_refused),
        cmocka_unit_test(backup__altered_and_read_from_a_pipe__is_refused),
        cmocka_unit_test(backup__cut_off_anywhere__is_refused),
        cmocka_unit_test(backup__put_together_anew__is_refused),
        cmocka_unit_test(backup__with_missing_or_exchanged_keys__is_refused),
        cmocka_unit_test(restored_schema__is_the_one_that_migrations_make),
        cmocka_unit_test(backup__of_another_server__is_refused),
        cmocka_unit_test(unverified__with_planted_code__runs_none_of_it),
        cmocka_unit_test(backup__of_a_database_with_planted_code__is_refused_too),
        cmocka_unit_test(unverified__planted_admin__is_told),
    };
    return cmocka_run_group_tests(tests, dumped_open, dumped_close);
}
