/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all commands share.
 */
#include "cli/cli.h"

#include <string.h>

#include "base/hex.h"
#include "base/terminal.h"
#include "cli/database.h"
#include "store/numbers.h"
#include "store/server.h"
#include "store/versions.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, STATEMENT_TIMEOUT_MS = 60000, LOCK_TIMEOUT_MS = 10000 };

const struct command *const cli_commands[] = {&cli_check,   &cli_migrate, &cli_key,     &cli_room,
                                              &cli_mod,     &cli_file,    &cli_user,    &cli_filter,
                                              &cli_message, &cli_backup,  &cli_restore, &cli_import,
                                              &cli_export,  &cli_clock,   &cli_status,  NULL};

void cli_done(struct cli *cli)
{
    server_keys_close(&cli->keys);
    db_free(cli->db);
    arena_free(cli->mem);
    conf_free(cli->conf);
}

int cli_fail(int code, const char *sentence)
{
    (void)fputs("conclave: ", stderr);
    terminal_put_lines(stderr, span_of_text(sentence));
    (void)fputc('\n', stderr);
    return code;
}

struct conf *cli_load_conf(const char *path_or_null)
{
    AUTO_BUF struct buf problems = buf_make(KIB(64));
    struct conf *conf = NULL;
    enum err e = conf_load(path_or_null, &conf, &problems);
    cli_print(stderr, &problems);
    if (e == OK)
        return conf;
    if (problems.len == 0)
        (void)cli_fail(CLI_CONFIGURATION, "the settings cannot be read");
    return NULL;
}

int cli_open_conf(struct cli *cli)
{
    if (crypto_start() != OK)
        return cli_fail(CLI_FAILED, "libsodium does not start");
    cli->conf = cli_load_conf(cli->config);
    cli->mem = arena_new(ARENA_BYTES);
    if (cli->conf && !cli->mem)
        return cli_fail(CLI_FAILED, "not enough memory");
    return cli->conf ? CLI_OK : CLI_CONFIGURATION;
}

/*
 * The schema must fit before statements are prepared, or the sentence would be about a statement.
 */
static int check_schema(struct db *db)
{
    enum schema_state schema = SCHEMA_EMPTY;
    int number = 0;
    enum err e = schema_state(db, &schema, &number);
    if (e != OK)
        return cli_store_failed(e);
    switch (schema) {
    case SCHEMA_CURRENT:
    case SCHEMA_AHEAD:
        return CLI_OK;
    case SCHEMA_EMPTY:
        return cli_fail(
            CLI_DATABASE,
            "the database is empty: type `conclave migrate`, or start with `serve --init`");
    case SCHEMA_OLDER:
        return cli_fail(
            CLI_DATABASE,
            "the database's schema is older than this program: type `conclave migrate`");
    case SCHEMA_NEWER:
        return cli_fail(CLI_DATABASE,
                        "the database's schema is newer than this program can serve: use the newer "
                        "program");
    case SCHEMA_FOREIGN:
        return cli_fail(CLI_DATABASE, "the database's migrations are not those of this program");
    }
    return CLI_DATABASE;
}

int cli_open_db(struct cli *cli, bool with_statements)
{
    int code = cli->conf ? CLI_OK : cli_open_conf(cli);
    if (code != CLI_OK)
        return code;
    if (cli->conf->database.url[0] == '\0')
        return cli_fail(CLI_CONFIGURATION, "[database] url is not set (or CONCLAVE_DATABASE_URL)");
    struct db_options options = {.url = cli->conf->database.url,
                                 .origin = DB_COMMAND,
                                 .statement_timeout_ms = cli->unhurried ? 0 : STATEMENT_TIMEOUT_MS,
                                 .lock_timeout_ms = LOCK_TIMEOUT_MS};
    if (db_new(&options, &cli->db) != OK)
        return cli_fail(CLI_FAILED, "not enough memory");
    enum err e = db_ensure(cli->db);
    if (e != OK)
        return e == ERR_DENIED ? cli_fail(CLI_DATABASE, db_refusal(cli->db))
                               : database_unreachable(cli->db);
    if (!with_statements)
        return CLI_OK;
    code = check_schema(cli->db);
    if (code != CLI_OK)
        return code;
    db_free(cli->db);
    cli->db = NULL;
    options.tables = store_statements;
    options.table_count = store_statement_count;
    options.opened = numbers_on_open;
    if (db_new(&options, &cli->db) != OK)
        return cli_fail(CLI_FAILED, "not enough memory");
    e = db_ensure(cli->db);
    if (e == OK)
        return CLI_OK;
    return e == ERR_BUSY
               ? database_unreachable(cli->db)
               : cli_fail(CLI_DATABASE, "the database does not take this program's statements");
}

int cli_read_key_file(const char *setting, const char *path, uint8_t out[static 32])
{
    const char *problem = NULL;
    switch (key_file_read(path, out)) {
    case KEY_FILE_OK:
        return CLI_OK;
    case KEY_FILE_READABLE_BY_OTHERS:
        (void)fprintf(stderr, "conclave: warning: %s: others may read it; chmod 0400 it\n",
                      setting);
        return CLI_OK;
    case KEY_FILE_MISSING:
        problem = "there is no such file; `conclave key generate` makes one for a new server";
        break;
    case KEY_FILE_UNREADABLE:
        problem = "it cannot be read by this user";
        break;
    case KEY_FILE_WRITABLE_BY_OTHERS:
        problem = "its group or others may write it; chmod 0400 it, and make sure it is yours";
        break;
    case KEY_FILE_BAD_CONTENT:
        problem = "it is neither 32 raw bytes nor 64 hex digits";
        break;
    }
    (void)fprintf(stderr, "conclave: %s: %s\n", setting, problem);
    return CLI_CONFIGURATION;
}

int cli_open_keys(struct cli *cli)
{
    uint8_t raw[32];
    int code = cli_read_key_file("[server] key_file", cli->conf->server.key_file, raw);
    if (code == CLI_OK && server_keys_open(raw, &cli->keys) != OK)
        code = cli_fail(CLI_CONFIGURATION, "[server] key_file: its content is not a usable key");
    crypto_wipe(raw, sizeof(raw));
    return code;
}

int cli_open_ring(struct cli *cli, struct ring **ret_ring)
{
    uint8_t raw[32];
    int code =
        cli_read_key_file("[server] storage_key_file", cli->conf->server.storage_key_file, raw);
    struct ring *ring = NULL;
    if (code == CLI_OK && (ring_new(raw, &ring) != OK ||
                           ring_watch(ring, cli->conf->server.storage_key_file) != OK)) {
        ring_free(ring);
        code = cli_fail(CLI_FAILED, "not enough (lockable) memory");
    }
    crypto_wipe(raw, sizeof(raw));
    if (code == CLI_OK)
        *ret_ring = ring;
    return code;
}

int cli_store_failed(enum err e)
{
    switch (e) {
    case ERR_MISSING:
        return cli_fail(CLI_FAILED, "there is no such room");
    case ERR_CONFLICT:
        return cli_fail(CLI_FAILED, "refused: it exists already, or the account is banned");
    case ERR_BUSY:
    case ERR_RETRY:
        return cli_fail(CLI_DATABASE, "the database did not answer in time; nothing was changed");
    case OK:
    case ERR_MALFORMED:
    case ERR_SEALED:
    case ERR_UNKNOWN_CALLER:
    case ERR_DENIED:
    case ERR_TOO_LARGE:
    case ERR_TOO_EARLY:
    case ERR_NO_MEMORY:
    case ERR_DEFECT:
        break;
    }
    (void)fprintf(stderr, "conclave: the database refused (%s)\n", err_name(e));
    return CLI_DATABASE;
}

int cli_find_room(struct cli *cli, const char *token, struct room_row *ret_room)
{
    enum err e = rooms_by_token(cli->db, cli->mem, span_of_text(token), ret_room);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

void cli_print(FILE *out, const struct buf *text)
{
    terminal_put_lines(out, buf_span(text));
}

void cli_print_hex(FILE *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        (void)fprintf(out, "%02x", (unsigned)bytes.p[i]);
}

void cli_print_link(FILE *out, const struct conf *conf, const struct x25519_pub *key,
                    struct span token)
{
    terminal_put(out, span_of_text(conf->server.public_url));
    (void)fputc('/', out);
    terminal_put(out, token);
    (void)fputs("?public_key=", out);
    cli_print_hex(out, SPAN_OF_KEY(key));
}

void cli_tell_servers(struct cli *cli)
{
    enum err e = versions_notify(cli->db);
    (void)e; /* they find out by comparing versions within a second */
}
