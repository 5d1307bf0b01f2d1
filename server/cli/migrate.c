/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave migrate [--check]
 */
#include "base/clock.h"
#include "cli/cli.h"
#include "store/server.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bool *check = state->input;
    if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument: %s", arg);
    if (key != 'n')
        return ARGP_ERR_UNKNOWN;
    *check = true;
    return 0;
}

static const struct argp_option options[] = {
    {"check", 'n', NULL, 0, "change nothing; exit 1 when something is to be done", 0},
    {0},
};
static const struct argp migrate_argp = {
    options, parse,
    "",      "Brings the database's schema up to date. Safe to repeat and to interrupt.",
    NULL,    NULL,
    NULL};

int cli_migrate(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {.unhurried = true};
    bool check = false;
    cli_parse(&migrate_argp, argc, argv, &cli, &check);
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
    if (check) {
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
