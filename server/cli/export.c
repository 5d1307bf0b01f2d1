/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave export pysogs: everything of the rooms into the database and folder of a PySOGS that has
 * just been made.
 */
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "pysogs/export.h"
#include "pysogs/look.h"
#include "store/server.h"

struct export_options {
    const char *database, *folder, *owner;
};

static void print_summary(const struct export *ex)
{
    (void)puts("handed over:");
    for (int i = 0; i < GIVING_COUNT; i++)
        (void)printf("  %-30s %12lld\n", export_name((enum giving)i), (long long)ex->given[i]);
    if (ex->files_over > 0)
        (void)printf("left out:\n  %-30s %12lld\n", "files whose time is over",
                     (long long)ex->files_over);
}

static int said(enum err e)
{
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED,
                        "a file of such a name is in the folder already: remove uploads/ of "
                        "an earlier attempt, or name another folder");
    if (e == ERR_DENIED)
        return cli_fail(CLI_FAILED,
                        "its database or folder cannot be written to (is PySOGS stopped, may this "
                        "user write there, and is the disk not full?); its database is as it was");
    if (e == ERR_SEALED)
        return cli_fail(CLI_CONFIGURATION,
                        "[server] storage_key_file is not the key that this database "
                        "was sealed with");
    return cli_store_failed(e);
}

/* Who is to own what is made, by name or as the folder's owner. */
static int find_owner(const char *name, struct export *ex)
{
    char text[KIB(16)];
    struct passwd entry, *found = NULL;
    struct stat info;
    if (fstat(ex->folder, &info) != 0)
        return cli_fail(CLI_FAILED, "--folder: it cannot be looked at");
    ex->owner = info.st_uid;
    ex->group = info.st_gid;
    if (name != NULL) {
        if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || found == NULL)
            return cli_fail(CLI_FAILED, "--owner: there is no such user on this machine");
        ex->owner = found->pw_uid;
        ex->group = found->pw_gid;
    }
    if (geteuid() != 0 && geteuid() != ex->owner)
        return cli_fail(CLI_FAILED,
                        "files and database are to belong to another user (--owner, else the "
                        "owner of --folder), and only root can give them away: run this as root, "
                        "or as that user");
    return CLI_OK;
}

/* To be written, with SQLite's log beside it. */
static int check_writable(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
                   slash == NULL ? "." : path);
    if (access(path, F_OK) != 0 || (access(path, W_OK) == 0 && access(folder, W_OK | X_OK) == 0))
        return CLI_OK;
    return cli_fail(CLI_FAILED, "--database: this user may not write to it, or not into the folder "
                                "that it is in, where SQLite keeps its log");
}

/* Is that a database that waits for us? */
static int look(struct cli *cli, const char *path)
{
    struct source *source = NULL;
    const char *why =
        "it has to be a file of SQLite, which PySOGS's own script brings into PostgreSQL";
    const char *file = source_path(path);
    int code = file != NULL ? check_writable(file) : CLI_OK;
    if (code != CLI_OK)
        return code;
    enum err e = file != NULL ? source_open(path, &source, &why) : ERR_DENIED;
    if (e != OK)
        (void)fprintf(stderr, "conclave: --database: %s\n", e == ERR_DENIED ? why : err_name(e));
    if (e == OK)
        e = look_schema(source);
    if (e == OK)
        e = look_key(source, &cli->keys.pub);
    if (e == ERR_CONFLICT)
        (void)cli_fail(CLI_FAILED,
                       "--database: it was made under another key: put a copy of [server] "
                       "key_file in the place of key_x25519, and let PySOGS make it again");
    if (e == OK)
        e = look_empty(source);
    source_close(source);
    return e == OK ? CLI_OK : cli_fail(CLI_FAILED, "nothing was exported");
}

static int write_all_of_it(struct cli *cli, const char *database, struct export *ex)
{
    enum err e = target_open(database, &ex->target);
    /* As for a backup: no day of files is dropped meanwhile. */
    if (e == OK && advisory_try(cli->db, ADVISORY_BACKUP) != OK)
        return cli_fail(CLI_FAILED, "a backup is being made: try again afterwards");
    if (e == OK)
        e = giving_begin(cli->db);
    if (e == OK)
        e = export_run(ex);
    /* PySOGS may have made it as root. */
    if (e == OK && geteuid() == 0 && chown(database, ex->owner, ex->group) != 0)
        e = ERR_DENIED;
    if (e == OK)
        e = target_commit(ex->target);
    if (e == OK)
        print_summary(ex);
    return e == OK ? CLI_OK : said(e);
}

static int export_all(struct cli *cli, const struct export_options *o, struct export *ex)
{
    ex->folder = open(o->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ex->folder < 0)
        return cli_fail(CLI_FAILED,
                        "--folder: there is no such folder, or this user may not enter it");
    int code = find_owner(o->owner, ex);
    if (code == CLI_OK)
        code = look(cli, o->database);
    if (code == CLI_OK)
        code = cli_open_ring(cli, &ex->ring);
    return code == CLI_OK ? write_all_of_it(cli, source_path(o->database), ex) : code;
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct export_options o = {0};
    struct export ex = {.folder = -1, .now = (double)clock_wall_ms() / SECOND_MS};
    (void)command_read(&cli_export, argc, argv, &cli, &o);
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK)
        code = cli_open_keys(&cli);
    ex.db = cli.db;
    if (code == CLI_OK)
        code = export_all(&cli, &o, &ex);
    if (ex.folder >= 0)
        (void)close(ex.folder);
    target_close(ex.target);
    ring_free(ex.ring);
    return code;
}

static const char *check(const void *options, size_t argument_count)
{
    const struct export_options *o = options;
    (void)argument_count;
    return !o->database || !o->folder ? "say --database and --folder" : NULL;
}

static const struct command_verb verbs[] = {
    {"pysogs", "--database FILE --folder DIR", 0, 0, "hands everything over to a PySOGS (0.3.8)",
     .help = "Rooms, people and their rights, messages, reactions, pins, files and direct "
             "messages, with the numbers that clients remember. It must have made its database "
             "itself, under this server's key. Stop this server first: what comes later is not in "
             "it. docs/switching.md goes through it.",
     .check = check},
};
static const struct command_option options[] = {
    {"database", EVERY_VERB, "FILE", "its file of SQLite, with tables and nothing in them",
     MEMBER(struct export_options, database)},
    {"folder", EVERY_VERB, "DIR", "the folder it is started in; files go to uploads/ there",
     MEMBER(struct export_options, folder)},
    {"owner", EVERY_VERB, "USER",
     "the user whom PySOGS runs as, to whom files and database shall belong (else: the owner of "
     "--folder)",
     MEMBER(struct export_options, owner)},
};
const struct command cli_export = {
    .name = "export",
    .summary = "hand over everything to a PySOGS",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
