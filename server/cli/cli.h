/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `conclave <command>`: one file per command, and what they share: settings, a connection, ids,
 * sentences.
 */
#ifndef CONCLAVE_CLI_CLI_H
#define CONCLAVE_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cli/command.h"
#include "conf/conf.h"
#include "crypto/secret.h"
#include "store/ring.h"
#include "store/rooms.h"
#include "store/store.h"

#define CONCLAVE_VERSION "0.1.0"

/* Exit codes (app.h has the same for `serve`). */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_CONFIGURATION = 3, CLI_DATABASE = 4 };

extern const struct command cli_migrate, cli_check, cli_key, cli_room, cli_mod, cli_file, cli_user,
    cli_message, cli_filter, cli_import, cli_export, cli_clock, cli_status, cli_backup, cli_restore;
/* All of them, as help lists them; ends with NULL. `serve` is in main.c. */
extern const struct command *const cli_commands[];

/* What a command works with; all NULL or zero until opened. Release with cli_done. */
struct cli {
    const char *config; /* --config */
    char **arguments;   /* the words that are no options, after the verb */
    size_t argument_count;
    bool unhurried; /* statements may take as long as they take; before cli_open_db */
    const struct conf *conf;
    struct db *db;
    struct arena *mem;
    struct server_keys keys;
};
void cli_done(struct cli *cli);
#define AUTO_CLI CLEANUP(cli_done)

/* A sentence on stderr; returns code. */
int cli_fail(int code, const char *sentence);

/* Settings: problems and warnings go to stderr. NULL: a sentence was written (exit 3). */
struct conf *cli_load_conf(const char *path_or_null);
/* Settings into cli->conf. CLI_OK, or the exit code after a sentence. */
MUST_USE int cli_open_conf(struct cli *cli);
/* Settings, arena and a connection; with_statements: the schema must be current. */
MUST_USE int cli_open_db(struct cli *cli, bool with_statements);
/* The server's key pair into cli->keys. */
MUST_USE int cli_open_keys(struct cli *cli);
/* Reads one key file with a clear sentence; setting names it. */
MUST_USE int cli_read_key_file(const char *setting, const char *path, uint8_t out[static 32]);
/* The ring of row keys, under the storage key; ring_free it. */
MUST_USE int cli_open_ring(struct cli *cli, struct ring **ret_ring);
/*
 * Do the server's key (cli->keys) and the ring's storage key belong to the database? CLI_OK, or the
 * code after a sentence.
 */
MUST_USE int cli_check_owner(struct cli *cli);
MUST_USE int cli_check_ring(struct cli *cli, struct ring *ring);
/* The room of a token. */
MUST_USE int cli_find_room(struct cli *cli, const char *token, struct room_row *ret_room);
/* The sentence for what a store function said. */
MUST_USE int cli_store_failed(enum err e);
/* Prints `<public_url>/<token>?public_key=<hex>` without a newline. */
void cli_print_link(FILE *out, const struct conf *conf, const struct x25519_pub *key,
                    struct span token);
/* Running servers learn of a change by comparing versions; this hint makes it immediate. */
void cli_tell_servers(struct cli *cli);
/* All of a buffer, which may be empty. */
void cli_print(FILE *out, const struct buf *text);
void cli_print_hex(FILE *out, struct span bytes);

#endif
