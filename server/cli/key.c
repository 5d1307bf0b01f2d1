/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave key show|generate
 */
#include <string.h>

#include "cli/cli.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const char **verb = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*verb || (strcmp(arg, "show") != 0 && strcmp(arg, "generate") != 0))
            argp_usage(state);
        *verb = arg;
        return 0;
    case ARGP_KEY_END:
        if (!*verb)
            argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp key_argp = {
    NULL,
    parse,
    "show|generate",
    "show: the public key of [server] key_file. The first line is the X25519 key of "
    "join links, alone; the second its Ed25519 form, for #p= in links to files.\n"
    "generate: makes [server] key_file and storage_key_file; never overwrites.",
    NULL,
    NULL,
    NULL};

static int show(struct cli *cli)
{
    int code = cli_open_keys(cli);
    if (code != CLI_OK)
        return code;
    cli_print_hex(stdout, SPAN_OF_KEY(&cli->keys.pub));
    (void)fputs("\nas Ed25519, for #p= in links to files: ", stdout);
    cli_print_hex(stdout, SPAN_OF_KEY(&cli->keys.ed_form));
    (void)putchar('\n');
    return CLI_OK;
}

static int generate_one(const char *setting, const char *path)
{
    enum err e = key_file_generate(path);
    if (e == OK)
        (void)printf("made %s: %s\n", setting, path);
    else if (e == ERR_CONFLICT)
        (void)fprintf(stderr, "conclave: %s: the file exists already and is kept\n", setting);
    else
        (void)fprintf(stderr, "conclave: %s: cannot write there\n", setting);
    return e == OK ? CLI_OK : CLI_FAILED;
}

int cli_key(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    const char *verb = NULL;
    cli_parse(&key_argp, argc, argv, &cli, &verb);
    int code = cli_open_conf(&cli);
    if (code != CLI_OK)
        return code;
    if (strcmp(verb, "show") == 0)
        return show(&cli);
    int server = generate_one("[server] key_file", cli.conf->server.key_file);
    int storage = generate_one("[server] storage_key_file", cli.conf->server.storage_key_file);
    return server == CLI_OK && storage == CLI_OK ? CLI_OK : CLI_FAILED;
}
