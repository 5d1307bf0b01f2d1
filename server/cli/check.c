/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave check [--defaults | --rows]
 */
#include "cli/check_rows.h"
#include "store/ring.h"
#include "store/server.h"

struct check_options {
    bool defaults, rows;
};

static int print_defaults(void)
{
    AUTO_BUF struct buf out = buf_make(KIB(256));
    conf_print_defaults(&out);
    cli_print(stdout, &out);
    return buf_verdict(&out) == OK ? CLI_OK : CLI_FAILED;
}

int cli_check_owner(struct cli *cli)
{
    struct x25519_pub recorded;
    enum err e = server_public_key(cli->db, &recorded);
    if (e == ERR_MISSING)
        return cli_fail(CLI_DATABASE,
                        "the database belongs to no server yet: start once with serve --init");
    if (e != OK)
        return cli_store_failed(e);
    if (!span_eq(SPAN_OF_KEY(&recorded), SPAN_OF_KEY(&cli->keys.pub)))
        return cli_fail(CLI_CONFIGURATION,
                        "[server] key_file is not the key that this database belongs to");
    return CLI_OK;
}

int cli_check_ring(struct cli *cli, struct ring *ring)
{
    enum err e = ring_verify(ring, cli->db);
    if (e == ERR_MISSING)
        return cli_fail(CLI_DATABASE, "the first start was interrupted: start with serve --init");
    if (e == ERR_SEALED)
        return cli_fail(CLI_CONFIGURATION, "[server] storage_key_file is not the key that this "
                                           "database was sealed with");
    return e == OK ? CLI_OK : cli_store_failed(e);
}

/* A warning: everything works, until that standby is promoted. */
static int check_standbys(struct cli *cli)
{
    int64_t count = 0;
    enum err e = server_async_standbys(cli->db, &count);
    if (e != OK)
        return cli_store_failed(e);
    if (count > 0)
        (void)fputs("conclave: warning: the database has a standby that is not synchronous: if it "
                    "is promoted, what was acknowledged last is lost; set "
                    "synchronous_standby_names\n",
                    stderr);
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct check_options o = {0};
    struct ring *ring = NULL;
    (void)command_read(&cli_check, argc, argv, &cli, &o);
    if (o.defaults)
        return print_defaults();
    int code = cli_open_conf(&cli);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    if (code == CLI_OK)
        code = cli_open_ring(&cli, &ring);
    if (code == CLI_OK)
        code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_check_owner(&cli);
    if (code == CLI_OK)
        code = cli_check_ring(&cli, ring);
    if (code == CLI_OK && o.rows)
        code = check_rows(&cli, ring);
    if (code == CLI_OK)
        code = check_standbys(&cli);
    ring_free(ring);
    if (code == CLI_OK)
        (void)puts("Settings, keys, database and schema are in order.");
    return code;
}

static const struct command_verb verbs[] = {
    {.summary = "Checks settings, key files, database and schema; starts and changes nothing."},
};
static const struct command_option options[] = {
    {"defaults", EVERY_VERB, NULL, "print every setting with its default, as a settings file",
     MEMBER(struct check_options, defaults)},
    {"rows", EVERY_VERB, NULL,
     "also read everything that is stored, and name what is damaged (exit code 1)",
     MEMBER(struct check_options, rows)},
};
const struct command cli_check = {
    .name = "check",
    .summary = "check settings, keys and database; start nothing",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
