/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread reads, proves and feeds while the caller reads the script, since pg_restore stands
 * between the two and keeps almost nothing.
 */
#include "cli/restore_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "store/restore_script.h"

#define PG_DUMP_MAGIC SPAN("PGDMP")

static const char altered[] = "the backup was altered, or is damaged; nothing was changed";
static const char cut_off[] = "the backup is cut off: is it complete? Nothing was changed";
static const char unreadable[] = "the file cannot be read; nothing was changed";

/* As many bytes as there are, up to len. -1: not readable. */
static ssize_t read_full(int fd, void *out, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read(fd, (uint8_t *)out + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* ---- before anything is changed ---- */

static int read_head(struct restore_source *s, bool unverified)
{
    ssize_t n = read_full(s->fd, s->head, sizeof(s->head));
    if (n < 0)
        return cli_fail(CLI_FAILED, unreadable);
    s->sealed = n >= BACKUP_MAGIC_BYTES && backup_is_sealed(s->head);
    if (s->sealed) {
        if (n < BACKUP_HEAD_BYTES)
            return cli_fail(CLI_FAILED, cut_off);
        enum err e = backup_head_read(s->head, &s->said);
        if (e == ERR_CONFLICT)
            return cli_fail(CLI_FAILED, "the backup was made by a newer conclave: restore it with "
                                        "that one; nothing was changed");
        return e == OK ? CLI_OK : cli_fail(CLI_FAILED, altered);
    }
    if (!span_starts_with(span_of(s->head, (size_t)n), PG_DUMP_MAGIC))
        return cli_fail(CLI_FAILED, "this is no backup of `conclave backup`");
    if (!unverified)
        return cli_fail(
            CLI_FAILED,
            "this backup is not authenticated, as older versions made them: whoever had it may "
            "have added rooms, posts and admins; --unverified restores it all the same");
    if (s->is_pipe)
        return cli_fail(CLI_USAGE, "a backup that is not authenticated is read twice: name its "
                                   "file, instead of a pipe");
    return CLI_OK;
}

int restore_source_open(struct restore_source *s, const char *file, bool unverified)
{
    *s = (struct restore_source){.fd = STDIN_FILENO, .feed_fd = -1};
    s->piece = MEM_NEW(struct backup_piece);
    if (!s->piece)
        return cli_fail(CLI_FAILED, "not enough memory");
    if (strcmp(file, "-") != 0)
        s->fd = open(file, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        return cli_fail(CLI_FAILED, errno == ENOENT ? "there is no such file"
                                                    : "the file cannot be read by this user");
    if (isatty(s->fd) == 1)
        return cli_fail(CLI_USAGE, "a backup does not come from a terminal: name its file");
    s->is_pipe = lseek(s->fd, 0, SEEK_CUR) < 0;
    return read_head(s, unverified);
}

void restore_source_close(struct restore_source *s)
{
    if (s->fd > STDIN_FILENO)
        (void)close(s->fd);
    mem_free(s->piece);
    crypto_wipe(&s->seal, sizeof(s->seal));
    crypto_wipe(s->storage_key, sizeof(s->storage_key));
    *s = (struct restore_source){.fd = -1, .feed_fd = -1};
}

/* The next piece, proved: its content is in s->piece. A problem, or NULL. */
static const char *next_piece(struct restore_source *s, size_t *ret_len, bool *ret_last)
{
    struct backup_piece *p = s->piece;
    ssize_t n = read_full(s->fd, p->length, sizeof(p->length));
    if (n < 0)
        return unreadable;
    if (n < (ssize_t)sizeof(p->length))
        return cut_off;
    if (backup_piece_length(p, ret_len, ret_last) != OK)
        return altered;
    n = read_full(s->fd, p->content, *ret_len + MAC_BYTES);
    if (n < 0)
        return unreadable;
    if (n < (ssize_t)(*ret_len + MAC_BYTES))
        return cut_off;
    return backup_piece_open(&s->seal, p, *ret_len) == OK ? NULL : altered;
}

static const char *expect_end(struct restore_source *s)
{
    uint8_t more;
    ssize_t n = read_full(s->fd, &more, 1);
    return n == 0 ? NULL : n < 0 ? unreadable : altered;
}

static const char *prove_all(struct restore_source *s)
{
    size_t len;
    bool last = false;
    const char *problem = NULL;
    while (!problem && !last)
        problem = next_piece(s, &len, &last);
    if (!problem)
        problem = expect_end(s);
    return problem;
}

/* Back to the first piece. */
static bool rewind_pieces(struct restore_source *s)
{
    return backup_seal_open(&s->seal, s->storage_key, s->head) == OK &&
           lseek(s->fd, BACKUP_HEAD_BYTES, SEEK_SET) == BACKUP_HEAD_BYTES;
}

int restore_source_prove(struct restore_source *s, struct ring *ring,
                         const struct x25519_pub *server)
{
    struct key_name name;
    if (!s->sealed)
        return CLI_OK;
    memcpy(name.b, s->said.storage_key, sizeof(name.b));
    if (ring_storage_key(ring, &name, s->storage_key) != OK)
        return cli_fail(CLI_CONFIGURATION,
                        "[server] storage_key_file is not the key that this backup was made with; "
                        "nothing was changed");
    if (backup_seal_open(&s->seal, s->storage_key, s->head) != OK)
        return cli_fail(CLI_FAILED, altered);
    if (!span_eq(SPAN_OF_KEY(&s->said.server), SPAN_OF_KEY(server)))
        return cli_fail(CLI_CONFIGURATION, "[server] key_file is not the key of the server that "
                                           "this backup belongs to; nothing was changed");
    if (s->is_pipe)
        return CLI_OK;
    const char *problem = prove_all(s);
    if (!problem && !rewind_pieces(s))
        problem = unreadable;
    return problem ? cli_fail(CLI_FAILED, problem) : CLI_OK;
}

int restore_source_schema(struct restore_source *s, struct pg_program *pg_restore, int *ret_number)
{
    static const char *const argv[] = {"",
                                       "--file=-",
                                       "--format=custom",
                                       "--data-only",
                                       "--schema=conclave",
                                       "--table=schema_migrations",
                                       NULL};
    if (s->sealed) {
        *ret_number = s->said.schema > INT32_MAX ? INT32_MAX : (int)s->said.schema;
        return CLI_OK;
    }
    if (lseek(s->fd, 0, SEEK_SET) != 0 ||
        !pg_program_start(pg_restore, argv, (struct span){0}, s->fd))
        return cli_fail(CLI_FAILED, "pg_restore does not start");
    FILE *script = fdopen(pg_restore->out, "r");
    *ret_number = script ? restore_script_number(script) : 0;
    if (script) {
        pg_restore->out = -1;
        (void)fclose(script);
    }
    if (!pg_program_end(pg_restore) || !script)
        return cli_fail(CLI_FAILED, "pg_restore cannot read the dump to its end (above: why); is "
                                    "it complete? Nothing was changed");
    return *ret_number > 0 ? CLI_OK
                           : cli_fail(CLI_FAILED, "the dump holds no database of conclave; "
                                                  "nothing was changed");
}

/* ---- while pg_restore runs ---- */

/* False: pg_restore wants no more. */
static bool feed_piece(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.p, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes = span_skip(bytes, (size_t)n);
    }
    return true;
}

static void *feed(void *arg)
{
    struct restore_source *s = arg;
    size_t len;
    bool last = false, wanted = true;
    const char *problem = NULL;
    while (!problem && !last) {
        problem = next_piece(s, &len, &last);
        if (!problem && wanted)
            wanted = feed_piece(s->feed_fd, span_of(s->piece->content, len));
    }
    if (!problem)
        problem = expect_end(s);
    s->problem = problem;
    /* It must not take the end of what it got for the end of the backup, and complain. */
    if (problem)
        pg_program_kill(s->program);
    (void)close(s->feed_fd);
    s->feed_fd = -1;
    return NULL;
}

/* The program's standard input becomes a pipe that the feeder fills. */
static bool start_fed(struct restore_source *s, const char *const *argv)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    bool started = pg_program_start(s->program, argv, (struct span){0}, ends[0]);
    (void)close(ends[0]);
    s->feed_fd = ends[1];
    s->feeding = started && pthread_create(&s->feeder, NULL, feed, s) == 0;
    if (s->feeding)
        return true;
    (void)close(ends[1]);
    if (started)
        (void)pg_program_end(s->program);
    return false;
}

int restore_source_start(struct restore_source *s, struct pg_program *pg_restore, FILE **ret_script)
{
    static const char *const argv[] = {
        "",  "--file=-", "--format=custom", "--schema=conclave", "--no-owner", "--no-privileges",
        NULL};
    s->program = pg_restore;
    bool started = s->sealed ? start_fed(s, argv)
                             : lseek(s->fd, 0, SEEK_SET) == 0 &&
                                   pg_program_start(pg_restore, argv, (struct span){0}, s->fd);
    if (!started)
        return cli_fail(CLI_FAILED, "pg_restore does not start");
    *ret_script = fdopen(pg_restore->out, "r");
    if (*ret_script)
        return CLI_OK;
    int code = cli_fail(CLI_FAILED, "not enough memory");
    return restore_source_end(s, NULL, true, true) == CLI_OK ? CLI_FAILED : code;
}

int restore_source_end(struct restore_source *s, FILE *script, bool stop, bool told)
{
    if (stop)
        pg_program_kill(s->program);
    if (script) {
        s->program->out = -1;
        (void)fclose(script);
    }
    if (stop && s->feeding)
        (void)pthread_cancel(s->feeder); /* it may wait for ever for what nobody needs */
    if (s->feeding)
        (void)pthread_join(s->feeder, NULL);
    s->feeding = false;
    if (s->feed_fd >= 0)
        (void)close(s->feed_fd);
    s->feed_fd = -1;
    bool read_all = pg_program_end(s->program);
    if (told)
        return CLI_FAILED;
    if (s->problem)
        return cli_fail(CLI_FAILED, s->problem);
    return read_all ? CLI_OK
                    : cli_fail(CLI_FAILED, "pg_restore cannot read the dump to its end (above: "
                                           "why); is it complete? Nothing was changed");
}
