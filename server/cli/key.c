/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave key show|generate|rotate
 */
#include "cli/cli.h"
#include "cli/key_rotate.h"

enum key_verb { SHOW, GENERATE, ROTATE };

struct key_options {
    bool prepare, status;
};

static const char *check_rotate(const void *options, size_t argument_count)
{
    const struct key_options *o = options;
    (void)argument_count;
    return o->prepare && o->status ? "--prepare and --status exclude each other" : NULL;
}

static int show(struct cli *cli)
{
    int code = cli_open_keys(cli);
    if (code != CLI_OK)
        return code;
    cli_print_hex(stdout, SPAN_OF_KEY(&cli->keys.pub));
    (void)fputs(
        "\nThe key above is the X25519 form: for join links, and for the file server of one's\n"
        "own in Session for iOS. The same key in its Ed25519 form:\nEd25519 ",
        stdout);
    cli_print_hex(stdout, SPAN_OF_KEY(&cli->keys.ed_form));
    (void)puts(
        "\nThat is for #p= in links to files, as Android, desktop and programs on libsession\n"
        "1.9 or later read them. docs/files.md says who can use a file server of one's own.");
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

static int generate(struct cli *cli)
{
    int server = generate_one("[server] key_file", cli->conf->server.key_file);
    int storage = generate_one("[server] storage_key_file", cli->conf->server.storage_key_file);
    return server == CLI_OK && storage == CLI_OK ? CLI_OK : CLI_FAILED;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct key_options o = {0};
    enum key_verb verb = command_read(&cli_key, argc, argv, &cli, &o);
    int code = cli_open_conf(&cli);
    if (code != CLI_OK)
        return code;
    if (verb == ROTATE)
        return key_rotate(&cli, o.status    ? KEY_ROTATE_STATUS
                                : o.prepare ? KEY_ROTATE_PREPARE
                                            : KEY_ROTATE);
    return verb == SHOW ? show(&cli) : generate(&cli);
}

static const struct command_verb verbs[] = {
    [SHOW] = {.name = "show",
              .summary = "the public key of [server] key_file",
              .help = "The first line is the X25519 key of join links, alone; below stands its "
                      "Ed25519 form, for #p= in links to files, and which app wants which."},
    [GENERATE] = {.name = "generate",
                  .summary = "makes [server] key_file and storage_key_file; never overwrites"},
    [ROTATE] = {.name = "rotate",
                .summary = "exchanges the storage key while servers run",
                .help = "Repeat it when it was interrupted. Backups made before need the old key.",
                .check = check_rotate},
};
static const struct command_option options[] = {
    {"prepare", VERB(ROTATE), NULL, "only make the new key, to be copied to other machines",
     MEMBER(struct key_options, prepare)},
    {"status", VERB(ROTATE), NULL, "say how far an exchange is; change nothing",
     MEMBER(struct key_options, status)},
};
const struct command cli_key = {
    .name = "key",
    .summary = "show the server's public key, generate key files, exchange the storage key",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
