/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave check [--defaults]
 */
#include "cli/cli.h"
#include "store/ring.h"
#include "store/server.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bool *defaults = state->input;
    if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument: %s", arg);
    if (key != 'd')
        return ARGP_ERR_UNKNOWN;
    *defaults = true;
    return 0;
}

static const struct argp_option options[] = {
    {"defaults", 'd', NULL, 0, "print every setting with its default, as a settings file", 0},
    {0},
};
static const struct argp check_argp = {
    options, parse,
    "",      "Checks settings, key files, database and schema; starts and changes nothing.",
    NULL,    NULL,
    NULL};

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

int cli_check(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    bool defaults = false;
    struct ring *ring = NULL;
    cli_parse(&check_argp, argc, argv, &cli, &defaults);
    if (defaults)
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
    ring_free(ring);
    if (code == CLI_OK)
        (void)puts("Settings, keys, database and schema are in order.");
    return code;
}
