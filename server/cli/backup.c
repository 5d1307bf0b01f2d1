/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave backup [--output FILE|-]: pg_dump of the database's own version, through us, so that we
 * know how much came and what became of it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/backup_file.h"
#include "cli/backup_format.h"
#include "cli/cli.h"
#include "cli/pg_program.h"
#include "store/server.h"

enum {
    PROGRESS_MS = 1000,
    NAME_MAX_BYTES = 64,
    /* A day of chunks is being dropped: that takes less than a second. */
    LOCK_TRIES = 20,
    LOCK_PAUSE_MS = 100,
};

struct backup {
    struct cli cli;
    const char *output;
    struct pg_program dump;
    struct backup_file file; /* its fd is standard output for "-" */
    int signals;             /* signalfd */
    uint32_t schema;         /* number of the newest migration */
    struct backup_seal seal;
    struct backup_piece *piece;
    int64_t bytes, next_show_ms;
    bool shown; /* a line of progress stands there */
};

static bool to_stdout(const struct backup *b)
{
    return strcmp(b->output, "-") == 0;
}

static const char *default_name(char out[static NAME_MAX_BYTES])
{
    time_t now = (time_t)(clock_wall_ms() / SECOND_MS);
    struct tm t = {0};
    (void)gmtime_r(&now, &t);
    if (strftime(out, NAME_MAX_BYTES, "conclave-%Y%m%d-%H%M%S.dump", &t) == 0)
        return "conclave.dump";
    return out;
}

/* Partitions stay while it is held; it goes with the connection. */
static int take_lock(struct backup *b)
{
    enum err e = ERR_CONFLICT;
    for (int i = 0; e == ERR_CONFLICT && i < LOCK_TRIES; i++) {
        if (i > 0)
            clock_sleep_ms(LOCK_PAUSE_MS);
        e = advisory_try_shared(b->cli.db, ADVISORY_BACKUP);
    }
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "a restore is under way in this database; nothing was written");
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int open_database(struct backup *b)
{
    enum schema_state schema = SCHEMA_EMPTY;
    int number = 0;
    int code = cli_open_db(&b->cli, false);
    if (code == CLI_OK)
        code = take_lock(b);
    if (code != CLI_OK)
        return code;
    enum err e = schema_state(b->cli.db, &schema, &number);
    if (e != OK)
        return cli_store_failed(e);
    if (schema == SCHEMA_EMPTY)
        return cli_fail(CLI_DATABASE, "the database is empty: there is nothing to back up");
    b->schema = (uint32_t)number;
    return CLI_OK;
}

/* With a key that is not the database's, the backup could never be restored. */
static int open_seal(struct backup *b, uint8_t ret_head[static BACKUP_HEAD_BYTES])
{
    struct backup_head head = {.schema = b->schema, .made_s = clock_wall_ms() / SECOND_MS};
    struct ring *ring = NULL;
    uint8_t raw[32];
    enum err e = server_public_key(b->cli.db, &head.server);
    if (e != OK && e != ERR_MISSING)
        return cli_store_failed(e);
    int code = cli_open_ring(&b->cli, &ring);
    if (code == CLI_OK)
        code = cli_check_ring(&b->cli, ring);
    if (code == CLI_OK && ring_storage_key(ring, NULL, raw) != OK)
        code = cli_fail(CLI_CONFIGURATION, "[server] storage_key_file cannot be used");
    if (code == CLI_OK)
        backup_seal_new(&b->seal, raw, &head, ret_head);
    ring_free(ring);
    crypto_wipe(raw, sizeof(raw));
    return code;
}

static int open_output(struct backup *b)
{
    if (!to_stdout(b))
        return backup_file_open(&b->file, b->output) ? CLI_OK : CLI_FAILED;
    b->file = (struct backup_file){.fd = STDOUT_FILENO, .name = "standard output"};
    return CLI_OK;
}

static int start_dump(struct backup *b)
{
    /*
     * Sealed bytes do not compress; the first level already undoes what writing them as hex costs.
     */
    static const char *const argv[] = {"",
                                       "--format=custom",
                                       "--compress=1",
                                       "--schema=conclave",
                                       "--no-password",
                                       "--lock-wait-timeout=60s",
                                       NULL};
    AUTO_BUF struct buf environment = buf_make(KIB(64));
    if (db_environment(b->cli.conf->database.url, &environment) != OK)
        return cli_fail(CLI_CONFIGURATION, "[database] url cannot be handed to pg_dump");
    if (!pg_program_start(&b->dump, argv, buf_span(&environment), -1))
        return cli_fail(CLI_FAILED, "pg_dump does not start");
    return CLI_OK;
}

static void show_progress(struct backup *b)
{
    int64_t now_ms = clock_mono_ms();
    if (b->next_show_ms == 0)
        b->next_show_ms = now_ms + PROGRESS_MS;
    if (now_ms < b->next_show_ms || isatty(STDERR_FILENO) != 1)
        return;
    b->next_show_ms = now_ms + PROGRESS_MS;
    b->shown = true;
    (void)fprintf(stderr, "\r%lld MB ", (long long)(b->bytes / 1000000));
}

/* From now on these are read from b->signals, so that nothing half-written stays behind. */
static bool watch_signals(struct backup *b)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    b->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return b->signals >= 0;
}

static bool write_piece(struct backup *b, size_t len, bool last)
{
    struct span bytes = backup_seal_piece(&b->seal, b->piece, len, last);
    b->bytes += (int64_t)bytes.len;
    return backup_file_write(&b->file, bytes);
}

/*
 * Waits for what the program writes next. CLI_OK: *ret_len bytes are in the piece behind len; 0: it
 * ended.
 */
static int read_more(struct backup *b, size_t len, size_t *ret_len)
{
    for (;;) {
        struct pollfd waits[] = {{.fd = b->dump.out, .events = POLLIN},
                                 {.fd = b->signals, .events = POLLIN}};
        if (poll(waits, COUNT_OF(waits), -1) < 0 && errno != EINTR)
            return cli_fail(CLI_FAILED, "pg_dump cannot be waited for");
        if (waits[1].revents != 0)
            return cli_fail(CLI_FAILED, "interrupted; nothing was kept");
        if (waits[0].revents == 0)
            continue;
        ssize_t n = read(b->dump.out, b->piece->content + len, BACKUP_PIECE_BYTES - len);
        if (n < 0)
            return cli_fail(CLI_FAILED, "pg_dump cannot be read from");
        *ret_len = (size_t)n;
        return CLI_OK;
    }
}

/*
 * Everything that the program writes, but for its last piece. CLI_OK at its end, however that was.
 */
static int copy_all(struct backup *b, size_t *ret_rest)
{
    size_t len = 0, more = 1;
    while (more > 0) {
        int code = read_more(b, len, &more);
        if (code != CLI_OK)
            return code;
        len += more;
        if (len == BACKUP_PIECE_BYTES) {
            if (!write_piece(b, len, false))
                return CLI_FAILED;
            len = 0;
            show_progress(b);
        }
    }
    *ret_rest = len;
    return CLI_OK;
}

static int copy(struct backup *b)
{
    size_t rest = 0;
    int code = copy_all(b, &rest);
    if (code != CLI_OK)
        pg_program_stop(&b->dump);
    bool ended_well = pg_program_end(&b->dump);
    if (code != CLI_OK)
        return code;
    /* The last piece says that the backup is whole: not before the program has said so. */
    if (ended_well)
        return write_piece(b, rest, true) ? CLI_OK : CLI_FAILED;
    /* Whether the database went away is asked on our own connection. */
    return advisory_release(b->cli.db, ADVISORY_BACKUP) == OK
               ? cli_fail(CLI_FAILED, "pg_dump failed (above: why); nothing was kept")
               : cli_fail(CLI_DATABASE, "the database went away; nothing was kept");
}

static void tell(const struct backup *b)
{
    const struct conf *conf = b->cli.conf;
    (void)fprintf(
        stderr,
        "%sconclave: backup complete: %s, %lld bytes\n"
        "Without these two keys nobody can use it. They are not in it; keep a copy of both, "
        "but not beside it:\n  %s\n  %s\n",
        b->shown ? "\r" : "", b->file.name, (long long)b->bytes, conf->server.key_file,
        conf->server.storage_key_file);
}

static int make_backup(struct backup *b)
{
    uint8_t head[BACKUP_HEAD_BYTES];
    int code = open_database(b);
    if (code == CLI_OK)
        code = open_seal(b, head);
    if (code == CLI_OK && !pg_program_find("pg_dump", db_server_major(b->cli.db), &b->dump))
        code = CLI_FAILED;
    /* Both become errors of write, which are told. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    /* Where nothing is to be cleared away, the default is right. */
    if (code == CLI_OK && !to_stdout(b) && !watch_signals(b))
        code = cli_fail(CLI_FAILED, "signals cannot be waited for");
    if (code == CLI_OK)
        code = open_output(b);
    if (code != CLI_OK)
        return code;
    if (!backup_file_write(&b->file, span_of(head, sizeof(head))))
        code = CLI_FAILED;
    b->bytes = BACKUP_HEAD_BYTES;
    if (code == CLI_OK)
        code = start_dump(b);
    if (code == CLI_OK)
        code = copy(b);
    if (to_stdout(b)) {
        if (code == CLI_OK)
            tell(b);
        return code;
    }
    if (code != CLI_OK)
        backup_file_drop(&b->file);
    else if (!backup_file_finish(&b->file))
        code = CLI_FAILED;
    else
        tell(b);
    return code;
}

static int run(int argc, char **argv)
{
    struct backup b = {.file.fd = -1, .signals = -1};
    char name[NAME_MAX_BYTES];
    (void)command_read(&cli_backup, argc, argv, &b.cli, &b);
    if (!b.output)
        b.output = default_name(name);
    if (to_stdout(&b) && isatty(STDOUT_FILENO) == 1)
        return cli_fail(CLI_USAGE, "a backup is not for a terminal: send standard output into a "
                                   "file, or use --output FILE");
    b.piece = MEM_NEW(struct backup_piece);
    int code = b.piece ? make_backup(&b) : cli_fail(CLI_FAILED, "not enough memory");
    crypto_wipe(&b.seal, sizeof(b.seal));
    mem_free(b.piece);
    if (b.signals >= 0)
        (void)close(b.signals);
    cli_done(&b.cli);
    return code;
}

static const struct command_verb verbs[] = {
    {.summary =
         "Writes the whole database into one file, while the server runs; `conclave restore` "
         "reads it.",
     .help =
         "The two key files are not in it, and it cannot be read without them.\n"
         "Exit codes: 0 ok, 1 failed (nothing was kept), 2 usage, 3 configuration, 4 database."},
};
static const struct command_option options[] = {
    {"output", EVERY_VERB, "FILE",
     "where to; it must not exist yet. - is standard output. Default: "
     "conclave-YYYYMMDD-HHMMSS.dump (UTC) in this folder",
     MEMBER(struct backup, output)},
};
const struct command cli_backup = {
    .name = "backup",
    .summary = "write the whole database into one file, while the server runs",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
};
