/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One page at a time, so that it takes the same memory however much is stored; what is damaged is
 * printed when it is found. It may run beside servers, and changes nothing.
 */
#include "cli/check_rows.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "files/blob.h"
#include "store/check_rows.h"

enum { PROGRESS_MS = 2 * SECOND_MS };

struct walk {
    struct cli *cli;
    struct ring *ring;
    int64_t read, damaged;
    int64_t told_ms; /* monotonic: the last line of progress */
};

static void progress(struct walk *w, enum damage_kind kind)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms - w->told_ms < PROGRESS_MS)
        return;
    w->told_ms = now_ms;
    (void)fprintf(stderr, "conclave: reading (%s): %" PRId64 " rows so far, %" PRId64 " damaged\n",
                  damage_name(kind), w->read, w->damaged);
}

static void print_damaged(struct walk *w, enum damage_kind kind, const struct damaged_row *row)
{
    w->damaged++;
    (void)printf("damaged: %s %" PRId64, damage_name(kind), row->id);
    if (row->room.len > 0)
        (void)fputs(" of room ", stdout);
    terminal_put(stdout, row->room);
    (void)putchar('\n');
}

static enum err walk_rows(struct walk *w, enum damage_kind kind)
{
    struct row_check check = {.db = w->cli->db, .ring = w->ring, .mem = w->cli->mem, .kind = kind};
    for (size_t read = 1; read > 0;) {
        struct damaged_row *damaged = NULL;
        size_t count = 0;
        enum err e = check_page(&check, &damaged, &count, &read);
        if (e != OK)
            return e;
        for (size_t i = 0; i < count; i++)
            print_damaged(w, kind, &damaged[i]);
        w->read += (int64_t)read;
        progress(w, kind);
    }
    return OK;
}

/* Moved or deleted while it was read, a file is looked for once more. */
static enum err verify_file(struct walk *w, const struct file_row *file)
{
    enum err e = blob_verify(w->cli->db, w->ring, w->cli->mem, file);
    if (!damage_is(e))
        return e;
    struct file_row *again = NULL;
    size_t count = 0;
    enum err found = check_files(w->cli->db, w->cli->mem, file->blob.id - 1,
                                 (double)clock_wall_ms() / SECOND_MS, &again, &count);
    if (found != OK || count == 0 || again[0].blob.id != file->blob.id)
        return found;
    return blob_verify(w->cli->db, w->ring, w->cli->mem, &again[0]);
}

static enum err walk_files(struct walk *w)
{
    int64_t after = 0;
    for (size_t count = 1; count > 0;) {
        struct file_row *files = NULL;
        arena_reset(w->cli->mem);
        enum err e = check_files(w->cli->db, w->cli->mem, after,
                                 (double)clock_wall_ms() / SECOND_MS, &files, &count);
        for (size_t i = 0; e == OK && i < count; i++) {
            after = files[i].blob.id;
            w->read++;
            e = verify_file(w, &files[i]);
            if (damage_is(e)) {
                print_damaged(w, DAMAGED_FILE, &(struct damaged_row){.id = files[i].id});
                e = OK;
            }
            progress(w, DAMAGED_FILE);
        }
        if (e != OK)
            return e;
    }
    return OK;
}

int check_rows(struct cli *cli, struct ring *ring)
{
    struct walk w = {.cli = cli, .ring = ring, .told_ms = clock_mono_ms()};
    enum err e = walk_rows(&w, DAMAGED_KEY);
    if (e == OK)
        e = walk_rows(&w, DAMAGED_MESSAGE);
    if (e == OK)
        e = walk_rows(&w, DAMAGED_REACTION);
    if (e == OK)
        e = walk_rows(&w, DAMAGED_DM);
    if (e == OK)
        e = walk_files(&w);
    if (e != OK)
        return cli_fail(CLI_DATABASE, "the rows could not all be read: the database did not "
                                      "answer in time, or refused; try again");
    (void)printf("%" PRId64 " rows read, %" PRId64 " damaged.\n", w.read, w.damaged);
    if (w.damaged == 0)
        return CLI_OK;
    return cli_fail(CLI_FAILED, "some rows do not open: look after the disk first, then restore "
                                "a backup, or delete these rows (docs/operate.md)");
}
