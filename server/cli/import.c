/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave import pysogs: everything of another community server, once, into a database that holds
 * nothing yet.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/import_keys.h"
#include "cli/people.h"
#include "pysogs/export.h"
#include "pysogs/import.h"
#include "pysogs/sogs_ini.h"
#include "store/server.h"
#include "store/taking.h"

struct import_options {
    const char *from, *database, *folder, *uploads, *key;
    bool dry_run, skip_missing;
};

static void print_counts(const struct import_counts *counts)
{
    for (size_t i = 0; i < counts->count; i++)
        (void)printf("  %-58s %12lld\n", counts->items[i].what, (long long)counts->items[i].number);
}

/* Rows and their contents, of the old server and of ours. */
static void print_comparison(const struct import *im)
{
    (void)printf("compared:\n  %-28s %12s %12s %12s\n", "", "old", "left out", "here");
    for (size_t i = 0; i < GIVING_COUNT; i++) {
        const struct digest *old = &im->old[i], *ours = &im->ours[i];
        (void)printf("  %-28s %12lld %12lld %12lld   %s\n", export_name((enum giving)i),
                     (long long)im->found[i], (long long)(im->found[i] - ours->rows),
                     (long long)ours->rows,
                     digest_equal(old, ours) ? "the same" : "changed on the way, as said below");
    }
}

static void print_summary(const struct import *im, const struct conf *conf)
{
    (void)puts(im->dry_run ? "would come:" : "came:");
    print_counts(&im->taken);
    if (!im->dry_run)
        print_comparison(im);
    if (im->left.count > 0)
        (void)puts("left out:");
    print_counts(&im->left);
    if (im->file_bytes > (int64_t)conf_quota_bytes(conf))
        (void)fputs(
            "conclave: warning: that is more than [files] quota_bytes: nobody can upload until "
            "it is raised\n",
            stderr);
}

/* Whose database it is: nobody's, or that of our key. */
static int check_owner(struct cli *cli, bool *ret_new)
{
    struct x25519_pub recorded;
    enum err e = server_public_key(cli->db, &recorded);
    *ret_new = e == ERR_MISSING;
    if (e != OK && e != ERR_MISSING)
        return cli_store_failed(e);
    if (e == OK && !span_eq(SPAN_OF_KEY(&recorded), SPAN_OF_KEY(&cli->keys.pub)))
        return cli_fail(
            CLI_CONFIGURATION,
            "[server] key_file is not the key that this database belongs to; import into "
            "a new database");
    return CLI_OK;
}

static int said(enum err e)
{
    if (e == ERR_DENIED)
        return cli_fail(CLI_FAILED, "nothing was imported");
    if (e == ERR_CONFLICT)
        return cli_fail(
            CLI_FAILED,
            "the database holds rooms, people, files or messages already, and an import "
            "wants an empty one: make a new one and type `conclave migrate`, or, if it "
            "holds only the room of a first start, `conclave room remove` that");
    if (e == ERR_RETRY)
        return cli_fail(CLI_DATABASE, "a running server uses the database: stop it first");
    return cli_store_failed(e);
}

/* In one transaction, which ends however this ends. */
static int take(struct cli *cli, struct import *im, bool is_new, const struct import_keys *keys)
{
    if (db_begin(cli->db) != OK)
        return cli_store_failed(ERR_BUSY);
    enum err e = is_new ? server_record_key(cli->db, &cli->keys.pub) : OK;
    if (e == OK && ring_check(im->ring, cli->db) != OK) {
        db_rollback(cli->db);
        return cli_fail(CLI_CONFIGURATION, "[server] storage_key_file is not the key that this "
                                           "database was sealed with");
    }
    if (e == OK)
        e = import_run(im);
    int code = e == OK ? people_record_pending(cli) : said(e);
    if (code == CLI_OK && !im->dry_run)
        code = import_keys_write(cli, keys);
    if (code != CLI_OK || im->dry_run) {
        db_rollback(cli->db);
        return code;
    }
    if (db_commit(cli->db) != OK)
        return cli_fail(CLI_DATABASE,
                        "the database was lost at the last step: `conclave room list` "
                        "tells whether everything came, or nothing");
    return CLI_OK;
}

static int open_folder(const char *option, const char *path, int *ret_fd)
{
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd >= 0)
        return CLI_OK;
    (void)fprintf(stderr, "conclave: %s: there is no such folder, or this user may not enter it\n",
                  option);
    return CLI_FAILED;
}

/* What the options do not say, its sogs.ini does. */
static int read_ini(struct import_options *o, struct sogs_ini *ini)
{
    const char *why = "";
    if (o->from == NULL)
        return CLI_OK;
    enum err e = sogs_ini_read(o->from, o->folder, ini, &why);
    if (e != OK) {
        (void)fprintf(stderr, "conclave: --from: %s\n", e == ERR_DENIED ? why : err_name(e));
        return CLI_FAILED;
    }
    o->folder = ini->folder;
    if (o->database == NULL)
        o->database = ini->database;
    if (o->key == NULL &&
        access(ini->key, F_OK) == 0) /* else ours is a copy of it, or it is missed */
        o->key = ini->key;
    if (o->uploads == NULL && ini->uploads[0] != '\0')
        o->uploads = ini->uploads;
    return CLI_OK;
}

static int open_source(const struct import_options *o, struct import *im)
{
    const char *why = "";
    int code = open_folder("--folder", o->folder, &im->folder);
    if (code == CLI_OK && o->uploads != NULL)
        code = open_folder("--uploads", o->uploads, &im->uploads);
    if (code != CLI_OK)
        return code;
    enum err e = source_open(o->database, &im->source, &why);
    if (e != OK)
        (void)fprintf(stderr, "conclave: --database: %s\n", e == ERR_DENIED ? why : err_name(e));
    if (e == OK)
        e = import_look(im);
    return e == OK ? CLI_OK : said(ERR_DENIED);
}

static int import_all(struct cli *cli, const struct import_options *o, struct import *im)
{
    struct import_keys keys = {.writes_server_key = false};
    bool is_new = false;
    int code = import_keys_open(cli, o->key, &keys);
    if (code == CLI_OK)
        code = check_owner(cli, &is_new);
    if (code == CLI_OK)
        code = import_keys_ring(cli, is_new, o->dry_run, &keys, &im->ring);
    if (code == CLI_OK)
        code = open_source(o, im);
    if (code == CLI_OK)
        code = take(cli, im, is_new, &keys);
    crypto_wipe(keys.storage_key, sizeof(keys.storage_key));
    if (code == CLI_OK)
        print_summary(im, cli->conf);
    return code;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct import_options o = {0};
    struct sogs_ini ini;
    (void)command_read(&cli_import, argc, argv, &cli, &o);
    int code = read_ini(&o, &ini);
    if (code == CLI_OK)
        code = cli_open_db(&cli, true);
    if (code != CLI_OK)
        return code;
    struct import im = {.db = cli.db,
                        .key = &cli.keys.pub,
                        .folder = -1,
                        .uploads = -1,
                        .now_ms = clock_wall_ms(),
                        .dry_run = o.dry_run,
                        .skip_missing = o.skip_missing};
    code = import_all(&cli, &o, &im);
    if (im.folder >= 0)
        (void)close(im.folder);
    if (im.uploads >= 0)
        (void)close(im.uploads);
    source_close(im.source);
    ring_free(im.ring);
    import_done(&im);
    if (code != CLI_OK || o.dry_run)
        return code;
    cli_tell_servers(&cli);
    if (taking_analyze(cli.db) != OK)
        (void)fprintf(stderr, "conclave: warning: ANALYZE failed; PostgreSQL will do it later\n");
    return CLI_OK;
}

static const char *check(const void *options, size_t argument_count)
{
    const struct import_options *o = options;
    (void)argument_count;
    return !o->from && (!o->database || !o->folder) ? "say --from, or --database and --folder"
                                                    : NULL;
}

static const struct command_verb verbs[] = {
    {"pysogs", "(--from FILE | --database FILE|URL --folder DIR)", 0, 0,
     "takes over a PySOGS (0.3.8) or a bunsogs",
     .help = "Rooms, people and their rights, messages, reactions, pins, files and direct "
             "messages, with the numbers that clients remember. Into an empty database, under the "
             "old server's key; all of it, or nothing. docs/switching.md goes through it step by "
             "step.",
     .check = check},
};
static const struct command_option options[] = {
    {"from", EVERY_VERB, "FILE",
     "its sogs.ini, which says where database, key and files are; paths there belong to --folder, "
     "or to where it is itself",
     MEMBER(struct import_options, from)},
    {"database", EVERY_VERB, "FILE|URL",
     "its database: the file of SQLite, or a postgresql:// address ([db] url of its sogs.ini)",
     MEMBER(struct import_options, database)},
    {"folder", EVERY_VERB, "DIR",
     "the folder it was started in, to which its paths (uploads/...) belong",
     MEMBER(struct import_options, folder)},
    {"uploads", EVERY_VERB, "DIR",
     "another folder where its files may lie ([files] uploads_dir of its sogs.ini, if that is "
     "elsewhere)",
     MEMBER(struct import_options, uploads)},
    {"key", EVERY_VERB, "FILE", "its key file (key_x25519), which becomes [server] key_file",
     MEMBER(struct import_options, key)},
    {"skip-missing-files", EVERY_VERB, NULL,
     "leave out files that are not in the folder, and take those of another size as they are",
     MEMBER(struct import_options, skip_missing)},
    {"dry-run", EVERY_VERB, NULL, "look at everything, say what would come, and change nothing",
     MEMBER(struct import_options, dry_run)},
};
const struct command cli_import = {
    .name = "import",
    .summary = "take over everything of a PySOGS",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
