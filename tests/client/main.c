/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave-client: the client core on the command line, for operators and tests. Reads the command
 * line; what the commands do stands in tool_community.c and tool_file.c.
 */
#include <argp.h>
#include <sodium.h>

#include "client/tool.h"

enum {
    OPTION_SERVER = 's',
    OPTION_KEY = 'k',
    OPTION_ACCOUNT = 'a',
    OPTION_PATH = 'p',
    OPTION_SINCE = 0x100,
    OPTION_ATTACHMENT_KEY,
    OPTION_DIGEST,
    OPTION_SIZE,
    OPTION_STREAM,
};

/* NOLINTNEXTLINE(readability-non-const-parameter): argp's signature */
static error_t take_option(int key, char *arg, struct argp_state *state)
{
    struct tool *t = state->input;
    switch (key) {
    case OPTION_SERVER:
        t->server = arg;
        return 0;
    case OPTION_KEY:
        t->key = arg;
        return 0;
    case OPTION_ACCOUNT:
        t->account = arg;
        return 0;
    case OPTION_PATH:
        t->path = arg;
        return 0;
    case OPTION_SINCE:
        t->since = arg;
        return 0;
    case OPTION_ATTACHMENT_KEY:
        t->attachment_key = arg;
        return 0;
    case OPTION_DIGEST:
        t->digest = arg;
        return 0;
    case OPTION_SIZE:
        t->size = arg;
        return 0;
    case OPTION_STREAM:
        t->stream = true;
        return 0;
    case ARGP_KEY_ARG:
        if (t->word_count == TOOL_WORDS_MAX)
            argp_error(state, "too many arguments");
        t->words[t->word_count++] = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a command is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "A client of Session communities and file servers, for operators and tests."
    "\v"
    "Commands:\n"
    "  account new | account show   make or show the account in --account FILE\n"
    "  capabilities                 what the server can do\n"
    "  rooms                        the rooms that anyone may see\n"
    "  join ROOM                    what joining a room asks for\n"
    "  post ROOM TEXT               post a signed message\n"
    "  read ROOM [--since N]        newest messages, or all after sequence number N; signatures "
    "are checked\n"
    "  edit ROOM ID TEXT            change one's own message\n"
    "  react ROOM ID R              add a reaction of up to 12 characters\n"
    "  delete ROOM ID               delete a message\n"
    "  upload ROOM FILE             upload a file to a room; a post with its id adopts it\n"
    "  download ROOM ID OUT         download a file of a room\n"
    "  dm ID TEXT                   send a direct message to a blinded id (15...)\n"
    "  inbox                        the direct messages that wait for this account\n"
    "  file put FILE                encrypt and upload a file\n"
    "  file get URL OUT             download it; with --attachment-key and --digest also check and "
    "decrypt\n"
    "  file extend URL              keep it longer: from now on for the server's usual time\n"
    "  probe                        is the server reachable, and how fast\n"
    "\n"
    "Prints one JSON object per line. Exit status: 0 done, 1 refused, 2 wrong usage.\n"
    "NODE is <ed25519 hex>@host:port. Without --path the innermost layer is posted to the server "
    "itself.";

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"server", OPTION_SERVER, "URL", 0, "The server, http://host[:port]", 0},
        {"key", OPTION_KEY, "HEX", 0, "Its X25519 public key, 64 hex digits", 0},
        {"account", OPTION_ACCOUNT, "FILE", 0, "The seed file of the account", 0},
        {"path", OPTION_PATH, "NODE,NODE,NODE", 0, "The hops of the onion path, first to last", 0},
        {"since", OPTION_SINCE, "N", 0, "read: everything after this sequence number", 0},
        {"attachment-key", OPTION_ATTACHMENT_KEY, "HEX", 0,
         "file get: the key that file put printed", 0},
        {"digest", OPTION_DIGEST, "HEX", 0, "file get: the digest that file put printed", 0},
        {"size", OPTION_SIZE, "BYTES", 0,
         "file get: the size that file put printed (cuts the padding off)", 0},
        {"stream", OPTION_STREAM, NULL, 0,
         "file put: encrypt deterministically, with the account's seed", 0},
        {0},
    };
    static const struct argp parser = {options, take_option, "COMMAND [ARGUMENT...]", doc, NULL,
                                       NULL,    NULL};
    struct tool tool = {0};
    argp_err_exit_status = TOOL_USAGE;
    if (argp_parse(&parser, argc, argv, 0, NULL, &tool) != 0)
        return TOOL_USAGE;
    if (sodium_init() < 0)
        return tool_refused("libsodium does not start", 0);
    return tool_run(&tool);
}
