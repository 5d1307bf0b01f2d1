/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave migrate [--check]
 */
#include "base/clock.h"
#include "cli/cli.h"
#include "store/server.h"

struct migrate_options {
    bool check;
};

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {.unhurried = true};
    struct migrate_options o = {0};
    (void)command_read(&cli_migrate, argc, argv, &cli, &o);
    int code = cli_open_db(&cli, false);
    if (code != CLI_OK)
        return code;
    enum schema_state schema = SCHEMA_EMPTY;
    int number = 0;
    enum err e = schema_state(cli.db, &schema, &number);
    if (e != OK)
        return cli_store_failed(e);
    if (schema == SCHEMA_NEWER || schema == SCHEMA_FOREIGN)
        return cli_fail(CLI_DATABASE, schema == SCHEMA_NEWER
                                          ? "the database's schema is newer than this program can "
                                            "serve; nothing was changed"
                                          : "the database was made by another program; nothing was "
                                            "changed");
    if (o.check) {
        (void)printf("schema %d, %s\n", number,
                     schema == SCHEMA_CURRENT ? "up to date"
                     : schema == SCHEMA_AHEAD ? "of a newer program; this one can serve it"
                                              : "to be migrated");
        return schema_serves(schema) ? CLI_OK : CLI_FAILED;
    }
    AUTO_BUF struct buf progress = buf_make(KIB(64));
    e = schema_migrate(cli.db, clock_wall_ms(), &progress);
    cli_print(stdout, &progress);
    if (e != OK)
        return cli_store_failed(e);
    (void)puts("The schema is up to date.");
    return CLI_OK;
}

static const struct command_verb verbs[] = {
    {.summary = "Brings the database's schema up to date. Safe to repeat and to interrupt."},
};
static const struct command_option options[] = {
    {"check", EVERY_VERB, NULL, "change nothing; exit 1 when something is to be done",
     MEMBER(struct migrate_options, check)},
};
const struct command cli_migrate = {
    .name = "migrate",
    .summary = "bring the database's schema up to date",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
