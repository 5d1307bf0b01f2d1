/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave restore FILE|- [--replace] [--yes] [--margin N] [--unverified] [--leave-out]
 *
 * One transaction of ours from the first lock to the last raised number. The schema is made by our
 * own migrations; pg_restore only turns the dump into a script, of which we take the rows
 * (store/restore_script.c). Whatever ends it half-way, a full disk, a truncated dump or kill -9,
 * the database is as before.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/restore_source.h"
#include "store/numbers.h"
#include "store/restore.h"
#include "store/restore_script.h"
#include "store/ring.h"
#include "store/server.h"
#include "store/trusted_time.h"

enum {
    DATE_MAX_BYTES = 64,
    ANSWER_MAX_BYTES = 16,
    /* What ended a moment ago may still have its session. */
    OTHERS_TRIES = 30,
    OTHERS_PAUSE_MS = 100,
};

#define MARGIN_MAX (INT64_C(1) << 39)

struct restore {
    struct cli cli;
    bool replace, yes, no_tablespaces, unverified, leave_out;
    int64_t margin;
    struct ring *ring;
    struct restore_source source;
    struct pg_program program;
    int schema; /* number of the backup's newest migration */
};

static const char *read_margin(const char *text, void *margin)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < 0 || n > MARGIN_MAX)
        return "a whole number from 0 to 549755813888";
    *(int64_t *)margin = n;
    return NULL;
}
static_assert(MARGIN_MAX == INT64_C(549755813888), "the sentence above says so");

/* ---- before anything is changed ---- */

static int open_keys(struct restore *r)
{
    int code = cli_open_conf(&r->cli);
    if (code == CLI_OK)
        code = cli_open_keys(&r->cli);
    if (code == CLI_OK)
        code = cli_open_ring(&r->cli, &r->ring);
    return code;
}

/* Before anything is changed. */
static int expect_schema(struct restore *r)
{
    int code = restore_source_schema(&r->source, &r->program, &r->schema);
    if (code == CLI_OK && r->schema > schema_newest())
        return cli_fail(CLI_FAILED, "the dump was made by a newer conclave: restore it with that "
                                    "one; nothing was changed");
    return code;
}

/* They go with the connection. */
static int take_locks(struct restore *r)
{
    enum err e = advisory_try(r->cli.db, ADVISORY_INIT);
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "another restore is under way in this database, or a server "
                                    "starts on it; nothing was changed");
    if (e == OK)
        e = advisory_try(r->cli.db, ADVISORY_BACKUP);
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "a backup of this database is under way; nothing was changed");
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int expect_nobody(struct restore *r)
{
    const struct timespec pause = {.tv_nsec = OTHERS_PAUSE_MS * 1000000L};
    int64_t others = 1;
    enum err e = OK;
    for (int i = 0; e == OK && others > 0 && i < OTHERS_TRIES; i++) {
        if (i > 0)
            (void)nanosleep(&pause, NULL);
        e = restore_others(r->cli.db, &others);
    }
    if (e != OK)
        return cli_store_failed(e);
    return others == 0 ? CLI_OK
                       : cli_fail(CLI_FAILED, "a server runs on this database (or a command of "
                                              "conclave): stop it first; nothing was changed");
}

static int ask(const struct restore *r)
{
    char answer[ANSWER_MAX_BYTES] = "";
    if (r->yes)
        return CLI_OK;
    if (isatty(STDIN_FILENO) != 1)
        return cli_fail(CLI_USAGE,
                        "replacing a database is asked for on a terminal, or takes --yes");
    (void)fputs("Everything in this database will be given up for what the backup holds.\n"
                "Type yes to go on: ",
                stderr);
    if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n") != 0)
        return cli_fail(CLI_FAILED, "nothing was changed");
    return CLI_OK;
}

static int expect_room(struct restore *r)
{
    bool empty = false;
    enum err e = restore_is_empty(r->cli.db, &empty);
    if (e != OK)
        return cli_store_failed(e);
    if (empty)
        return CLI_OK;
    if (!r->replace)
        return cli_fail(CLI_FAILED, "the database is not empty: --replace gives up what it holds; "
                                    "nothing was changed");
    return ask(r);
}

/* ---- in the transaction ---- */

static int script_failed(const struct restore *r, enum err e)
{
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "what the dump holds contradicts itself (above: at what); "
                                    "nothing was changed");
    if (db_disk_full(r->cli.db))
        return cli_fail(CLI_DATABASE, "the database's disk is full; nothing was changed");
    if (e == ERR_BUSY)
        return cli_fail(CLI_DATABASE, "the database went away; nothing was changed");
    if (e == ERR_RETRY)
        return cli_fail(CLI_FAILED,
                        "somebody else works in the database's tables; nothing was changed");
    return cli_fail(CLI_FAILED,
                    "PostgreSQL refuses what the dump holds (above: at what, and with which code); "
                    "nothing was changed");
}

static int read_script(struct restore *r, struct restore_script *script)
{
    const struct play_reader reader = {restore_script_line, script};
    FILE *file = NULL;
    int code = restore_source_start(&r->source, &r->program, &file);
    if (code != CLI_OK)
        return code;
    if (isatty(STDERR_FILENO) == 1)
        (void)fputs("Restoring: about half a minute for every gigabyte.\n", stderr);
    enum err e = db_play(r->cli.db, file, &reader);
    if (e == ERR_MISSING)
        code = cli_fail(CLI_FAILED, "the backup uses a tablespace that is not here: make it, or "
                                    "use --no-tablespaces; nothing was changed");
    else if (e != OK && e != ERR_MALFORMED)
        code = script_failed(r, e);
    int ended = restore_source_end(&r->source, file, code != CLI_OK, code != CLI_OK);
    if (code == CLI_OK)
        code = ended;
    return code == CLI_OK && e == ERR_MALFORMED
               ? cli_fail(CLI_FAILED, "the dump is not as pg_dump writes it; nothing was changed")
               : code;
}

/* What the backup holds and our migrations do not make was not run; somebody put it there. */
static int judge_extras(struct restore *r, struct restore_script *script)
{
    char first[RESTORE_OBJECT_MAX] = "";
    int64_t count = 0;
    enum err e = restore_script_extras(script, &count, first);
    if (e != OK)
        return script_failed(r, e);
    if (count == 0)
        return CLI_OK;
    (void)fprintf(stderr,
                  "conclave: %sthe backup holds %s (%lld of this kind in all), which conclave does "
                  "not make: somebody changed the database or the backup; %s\n",
                  r->leave_out ? "warning: " : "", first, (long long)count,
                  r->leave_out ? "it is left out"
                               : "--leave-out restores without; nothing was changed");
    return r->leave_out ? CLI_OK : CLI_FAILED;
}

static int play(struct restore *r)
{
    struct restore_script script;
    enum err e = restore_prepare(r->cli.db, r->schema, clock_wall_ms());
    if (e != OK)
        return script_failed(r, e);
    restore_script_init(&script, r->cli.db, !r->no_tablespaces);
    int code = read_script(r, &script);
    if (code == CLI_OK) {
        e = restore_complete(r->cli.db);
        code = e == OK ? judge_extras(r, &script) : script_failed(r, e);
    }
    restore_script_done(&script);
    return code;
}

/* Before the keys are compared: in an older dump there may be less, in a newer one anything. */
static int judge_schema(struct restore *r)
{
    enum schema_state schema = SCHEMA_EMPTY;
    int number = 0;
    enum err e = schema_state(r->cli.db, &schema, &number);
    if (e != OK)
        return cli_store_failed(e);
    switch (schema) {
    case SCHEMA_CURRENT:
    case SCHEMA_OLDER:
        return CLI_OK;
    case SCHEMA_EMPTY:
        return cli_fail(CLI_FAILED, "the dump holds no database of conclave; nothing was changed");
    case SCHEMA_AHEAD:
    case SCHEMA_NEWER:
        return cli_fail(CLI_FAILED, "the dump was made by a newer conclave: restore it with that "
                                    "one; nothing was changed");
    case SCHEMA_FOREIGN:
        return cli_fail(CLI_FAILED, "the dump was made by another program: its migrations are not "
                                    "ours; nothing was changed");
    }
    return CLI_DATABASE;
}

static int check_keys(struct restore *r)
{
    int code = cli_check_owner(&r->cli);
    if (code == CLI_OK)
        code = cli_check_ring(&r->cli, r->ring);
    return code == CLI_OK ? CLI_OK
                          : cli_fail(code, "the dump needs the key files it was made with, where "
                                           "the settings name them; nothing was changed");
}

static int finish_database(struct restore *r, struct restore_summary *ret_summary)
{
    AUTO_BUF struct buf progress = buf_make(KIB(64));
    enum err e = schema_migrate(r->cli.db, clock_wall_ms(), &progress);
    cli_print(stderr, &progress);
    if (e == OK)
        e = restore_raise(r->cli.db, r->margin);
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "--margin is too large: the numbers of a room would pass 2^40; "
                                    "nothing was changed");
    if (e == OK)
        e = restore_summary(r->cli.db, ret_summary);
    return e == OK ? CLI_OK : script_failed(r, e);
}

static int in_transaction(struct restore *r, struct restore_summary *ret_summary)
{
    enum err e = restore_begin(r->cli.db);
    if (e != OK)
        return script_failed(r, e);
    int code = expect_nobody(r); /* once more: from now on nobody can come */
    if (code != CLI_OK)
        return code;
    e = restore_clear(r->cli.db);
    if (e != OK)
        return script_failed(r, e);
    code = play(r);
    if (code == CLI_OK)
        code = judge_schema(r);
    if (code == CLI_OK)
        code = check_keys(r);
    return code == CLI_OK ? finish_database(r, ret_summary) : code;
}

static void tell(const struct restore *r, const struct restore_summary *s)
{
    char date[DATE_MAX_BYTES] = "none";
    time_t newest = (time_t)(s->newest_ms / SECOND_MS);
    struct tm t = {0};
    if (s->newest_ms > 0 && gmtime_r(&newest, &t))
        (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &t);
    (void)printf(
        "Restored. Rooms: %lld. Newest message: %s. All numbers are %lld higher than in the "
        "backup.\n"
        "What was deleted or banned after the backup was made is as it was before: do it "
        "again. The server may be started now.\n",
        (long long)s->rooms, date, (long long)r->margin);
    if (clock_far_from(clock_wall_ms(), s->trusted_ms))
        (void)printf("The backup is more than two days old, so the server deletes nothing until it "
                     "has run for a day, or you type `conclave clock confirm`.\n");
    if (!r->source.sealed)
        (void)printf("Nobody can tell who wrote to this backup. It makes %lld people moderators or "
                     "admins of all rooms: are they yours? `conclave mod list` names them.\n",
                     (long long)s->admins);
}

static int restore_all(struct restore *r)
{
    (void)signal(SIGPIPE, SIG_IGN); /* an error of write */
    int code = restore_source_open(&r->source, r->cli.arguments[0], r->unverified);
    if (code == CLI_OK)
        code = open_keys(r);
    if (code == CLI_OK)
        code = restore_source_prove(&r->source, r->ring, &r->cli.keys.pub);
    if (code == CLI_OK)
        code = cli_open_db(&r->cli, false);
    if (code == CLI_OK && !pg_program_find("pg_restore", db_server_major(r->cli.db), &r->program))
        code = CLI_FAILED;
    if (code == CLI_OK)
        code = expect_schema(r);
    if (code == CLI_OK)
        code = take_locks(r);
    if (code == CLI_OK)
        code = expect_nobody(r);
    if (code == CLI_OK)
        code = expect_room(r);
    if (code != CLI_OK)
        return code;
    struct restore_summary summary = {0};
    enum err e = db_begin(r->cli.db);
    if (e != OK)
        return cli_store_failed(e);
    code = in_transaction(r, &summary);
    if (code != CLI_OK) {
        db_rollback(r->cli.db);
        return code;
    }
    e = db_commit(r->cli.db);
    if (e == ERR_BUSY)
        return cli_fail(CLI_DATABASE, "the database went away at the last moment: either all is "
                                      "restored or nothing is; `conclave room list` tells");
    if (e != OK)
        return script_failed(r, e);
    tell(r, &summary);
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    /* An index over everything takes minutes. */
    struct restore r = {.cli.unhurried = true, .margin = NUMBERS_MARGIN, .source.fd = -1};
    (void)command_read(&cli_restore, argc, argv, &r.cli, &r);
    int code = restore_all(&r);
    ring_free(r.ring);
    restore_source_close(&r.source);
    cli_done(&r.cli);
    return code;
}

static const struct command_verb verbs[] = {
    {.arguments = "FILE|-",
     .least = 1,
     .most = 1,
     .summary =
         "Brings back what `conclave backup` wrote, with every server stopped: all of it or, "
         "if anything goes wrong, nothing.",
     .help = "The two key files must be those of the backup. - is standard input.\n"
             "Exit codes: 0 ok, 1 failed (nothing was changed), 2 usage, 3 configuration, 4 "
             "database."},
};
static const struct command_option options[] = {
    {"replace", EVERY_VERB, NULL, "the database is not empty: what it holds is given up",
     MEMBER(struct restore, replace)},
    {"yes", EVERY_VERB, NULL, "do not ask before replacing", MEMBER(struct restore, yes)},
    {"margin", EVERY_VERB, "N",
     "by how much all numbers that clients remember are raised; more than was written since the "
     "backup (default: 100000000)",
     MEMBER(struct restore, margin), .read = read_margin},
    {"no-tablespaces", EVERY_VERB, NULL, "put everything where the database is",
     MEMBER(struct restore, no_tablespaces)},
    {"unverified", EVERY_VERB, NULL,
     "also take a backup that is not authenticated, of an older version or of pg_dump: nobody can "
     "tell whether somebody added rooms, posts or admins to it",
     MEMBER(struct restore, unverified)},
    {"leave-out", EVERY_VERB, NULL,
     "leave out tables, functions and triggers in it that conclave does not make, instead of "
     "refusing it",
     MEMBER(struct restore, leave_out)},
};
const struct command cli_restore = {
    .name = "restore",
    .summary = "bring back what a backup holds",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
