/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps before serving, each idempotent, under one advisory lock when they write.
 */
#include "cli/init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/database.h"
#include "cli/people.h"
#include "store/numbers.h"
#include "store/server.h"
#include "store/users.h"

/*
 * One start under way: a connection without statements first, one with them when the schema stands.
 */
struct start {
    struct cli cli;
    bool init;
    int stop_fd;
    bool is_new; /* the database records no key yet */
    struct x25519_pub recorded;
    struct ring *ring;
};

static int open_connection(struct start *s, bool with_statements)
{
    db_free(s->cli.db);
    s->cli.db = NULL;
    const struct conf *conf = s->cli.conf;
    if (conf->database.url[0] == '\0')
        return cli_fail(CLI_CONFIGURATION, "[database] url is not set (or CONCLAVE_DATABASE_URL)");
    struct db_options options = {.url = conf->database.url,
                                 .origin = DB_COMMAND,
                                 .tables = with_statements ? store_statements : NULL,
                                 .table_count = with_statements ? store_statement_count : 0,
                                 .opened = with_statements ? numbers_on_open : NULL,
                                 .statement_timeout_ms = 10 * MINUTE_MS,
                                 .lock_timeout_ms = 30 * SECOND_MS,
                                 .stop_fd = s->stop_fd};
    if (db_new(&options, &s->cli.db) != OK)
        return cli_fail(CLI_FAILED, "not enough memory");
    enum err e = database_wait(s->cli.db, s->stop_fd);
    if (e == OK || e == ERR_BUSY)
        return e == OK ? CLI_OK : CLI_FAILED; /* asked to stop: nothing to say */
    return e == ERR_MALFORMED ? CLI_CONFIGURATION : CLI_DATABASE;
}

static int check_schema(struct start *s)
{
    enum schema_state schema = SCHEMA_EMPTY;
    int number = 0;
    if (schema_state(s->cli.db, &schema, &number) != OK)
        return cli_fail(CLI_DATABASE, "the database's schema cannot be read");
    if (schema == SCHEMA_AHEAD)
        log_event(LOG_WARN, "schema.ahead", LOG_I64("number", number));
    if (schema_serves(schema))
        return CLI_OK;
    return cli_fail(
        CLI_DATABASE,
        schema == SCHEMA_NEWER     ? "the database's schema is newer than this program can serve: "
                                     "use the newer program"
        : schema == SCHEMA_FOREIGN ? "the database was made by another program: its migrations are "
                                     "not ours"
                                   : "the database has no current schema: `conclave migrate`, or "
                                     "serve --init");
}

static int make_schema(struct start *s)
{
    AUTO_BUF struct buf progress = buf_make(KIB(64));
    enum err e = schema_migrate(s->cli.db, clock_wall_ms(), &progress);
    if (e == ERR_CONFLICT)
        return check_schema(s); /* it says which */
    return e == OK ? CLI_OK
                   : cli_fail(CLI_DATABASE,
                              "the database's schema cannot be made: PostgreSQL's log says why "
                              "(is its disk full?); start again when that is mended");
}

static int read_recorded_key(struct start *s)
{
    enum err e = server_public_key(s->cli.db, &s->recorded);
    s->is_new = e == ERR_MISSING;
    return e == OK || e == ERR_MISSING ? CLI_OK
                                       : cli_fail(CLI_DATABASE, "the database cannot be read");
}

struct key_path {
    const char *setting, *path;
};

static void key_paths(const struct start *s, struct key_path ret_paths[static 2])
{
    ret_paths[0] = (struct key_path){"[server] key_file", s->cli.conf->server.key_file};
    ret_paths[1] =
        (struct key_path){"[server] storage_key_file", s->cli.conf->server.storage_key_file};
}

/*
 * Only for a database that has no owner: with one, a missing key file is a mistake that must be
 * seen.
 */
static int make_keys(struct start *s)
{
    struct key_path paths[2];
    key_paths(s, paths);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        enum err e = key_file_generate(paths[i].path);
        if (e == OK || e == ERR_CONFLICT)
            continue;
        (void)fprintf(stderr,
                      "conclave: %s: a new key cannot be written there: its folder must exist, be "
                      "writable for this user, and have space left\n",
                      paths[i].setting);
        return CLI_CONFIGURATION;
    }
    return CLI_OK;
}

/*
 * A volume that was lost or not mounted: whoever is told to make new keys then would end the server
 * for good.
 */
static int expect_keys(struct start *s)
{
    struct key_path paths[2];
    key_paths(s, paths);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (access(paths[i].path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
            continue;
        (void)fprintf(stderr,
                      "conclave: %s: there is no such file, but this database belongs to a server "
                      "that has one: mount the volume with its keys, or put back your copy\n",
                      paths[i].setting);
        return CLI_CONFIGURATION;
    }
    return CLI_OK;
}

static int open_keys(struct start *s)
{
    int code = s->is_new ? CLI_OK : expect_keys(s);
    if (code == CLI_OK)
        code = cli_open_keys(&s->cli);
    if (code != CLI_OK)
        return code;
    if (!s->is_new && !span_eq(SPAN_OF_KEY(&s->recorded), SPAN_OF_KEY(&s->cli.keys.pub)))
        return cli_fail(CLI_CONFIGURATION,
                        "[server] key_file is not the key that this database belongs to; "
                        "mount the right key, or use another database");
    return cli_open_ring(&s->cli, &s->ring);
}

static int claim_database(struct start *s)
{
    if (s->is_new && !s->init)
        return cli_fail(CLI_DATABASE,
                        "the database belongs to no server yet: start once with serve --init");
    if (s->is_new && server_record_key(s->cli.db, &s->cli.keys.pub) != OK)
        return cli_fail(CLI_DATABASE, "the server's key cannot be recorded in the database");
    if (ring_check(s->ring, s->cli.db) != OK)
        return cli_fail(
            CLI_CONFIGURATION,
            "[server] storage_key_file is not the key that this database was sealed with");
    return CLI_OK;
}

static int make_first_room(struct start *s)
{
    const struct conf *conf = s->cli.conf;
    struct span token = span_of_text(conf->server.first_room);
    if (token.len == 0)
        return CLI_OK;
    struct room_row room;
    int64_t id;
    enum err e = rooms_by_token(s->cli.db, s->cli.mem, token, &room);
    if (e == ERR_MISSING)
        e = rooms_create(s->cli.db, token, token, (struct span){0}, clock_wall_ms(), &id);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

/* It has the form of an id, but no account can have it. */
static bool is_nobody(const struct start *s, const char *text)
{
    struct session_id id;
    return session_id_read(span_of_text(text), &id) == OK && id.b[0] == ID_UNBLINDED &&
           person_of(&s->cli.keys.blind15_factor, &id).candidate_count == 0;
}

static int make_admins(struct start *s)
{
    const struct conf_ids *admins = &s->cli.conf->server.admin;
    int code = CLI_OK;
    for (size_t i = 0; code == CLI_OK && i < admins->count; i++) {
        if (is_nobody(s, admins->id[i]))
            return cli_fail(CLI_CONFIGURATION,
                            "[server] admin: an id there belongs to no account; is it mistyped?");
        code = people_ensure_admin(&s->cli, admins->id[i]);
    }
    return code;
}

static int run(struct start *s)
{
    int code = open_connection(s, false);
    if (code == CLI_OK && s->init) {
        if (advisory_wait(s->cli.db, ADVISORY_INIT) != OK)
            return cli_fail(CLI_DATABASE, "the database was lost during the first steps");
        code = make_schema(s);
    }
    if (code == CLI_OK)
        code = check_schema(s);
    if (code == CLI_OK)
        code = read_recorded_key(s);
    if (code == CLI_OK && s->init && s->is_new)
        code = make_keys(s);
    if (code == CLI_OK)
        code = open_keys(s);
    /* The advisory lock goes with its connection, which stays open until everything is made. */
    struct db *first = s->cli.db;
    s->cli.db = NULL;
    if (code == CLI_OK)
        code = open_connection(s, true);
    if (code == CLI_OK)
        code = claim_database(s);
    if (code == CLI_OK && s->init)
        code = make_first_room(s);
    if (code == CLI_OK && s->init)
        code = make_admins(s);
    if (code == CLI_OK)
        code = people_record_pending(&s->cli);
    db_free(first);
    return code;
}

int init_server(const struct conf *conf, bool init, int stop_fd, struct server_keys *ret_keys,
                struct ring **ret_ring)
{
    struct start s = {.init = init, .stop_fd = stop_fd};
    s.cli.mem = arena_new(MIB(4));
    if (!s.cli.mem)
        return cli_fail(CLI_FAILED, "not enough memory");
    s.cli.conf = conf; /* borrowed: taken out again before cli_done */
    int code = run(&s);
    s.cli.conf = NULL;
    if (code == CLI_OK) {
        *ret_keys = s.cli.keys;
        *ret_ring = s.ring;
        s.cli.keys = (struct server_keys){0};
    } else {
        ring_free(s.ring);
    }
    cli_done(&s.cli);
    return code;
}
