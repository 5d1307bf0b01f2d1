/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave file remove|block|unblock: content that has to go, and content that shall not come back.
 */
#include "base/mem.h"
#include "cli/cli.h"
#include "crypto/sign.h"
#include "files/blob.h"
#include "files/id.h"
#include "store/ring.h"

enum file_verb { REMOVE, BLOCK, UNBLOCK };

/* The content hash of a room file, by reading all of it: only the storage key opens it. */
static int hash_room_file(struct cli *cli, const struct file_row *file, struct file_hash *ret_hash)
{
    struct ring *ring = NULL;
    AUTO_BUF struct buf body = buf_make((size_t)file->blob.size);
    int code = cli_open_ring(cli, &ring);
    if (code != CLI_OK)
        return code;
    enum err e = blob_read_all(cli->db, ring, file, &body);
    ring_free(ring);
    if (e == ERR_SEALED)
        return cli_fail(CLI_FAILED, "the file does not open under this storage key");
    if (e != OK)
        return cli_store_failed(e);
    hash_file_id(ret_hash->b, buf_span(&body));
    return CLI_OK;
}

static int no_such_file(void)
{
    return cli_fail(CLI_FAILED, "there is no such file");
}

static int remove_file(struct cli *cli, const struct blob_ref *ref)
{
    enum err e = blob_delete(cli->db, ref);
    if (e == ERR_MISSING)
        return no_such_file();
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int block(struct cli *cli, struct blob_ref *ref)
{
    char id[FILE_ID_CHARS];
    if (ref->file > 0) {
        struct file_row file;
        enum err found = room_files_by_number(cli->db, ref->file, &file);
        if (found == ERR_MISSING)
            return no_such_file();
        if (found != OK)
            return cli_store_failed(found);
        int code = hash_room_file(cli, &file, &ref->hash);
        if (code == CLI_OK)
            code = remove_file(cli, ref);
        if (code != CLI_OK)
            return code;
    }
    enum err e = blob_block(cli->db, &ref->hash);
    if (e != OK && e != ERR_CONFLICT)
        return cli_store_failed(e);
    file_id_write(&ref->hash, id);
    (void)printf("blocked %.*s\n", (int)sizeof(id), id);
    return CLI_OK;
}

static int unblock(struct cli *cli, const struct blob_ref *ref)
{
    if (ref->file > 0)
        return cli_fail(CLI_USAGE, "unblock wants the 44 characters that block printed");
    enum err e = blob_unblock(cli->db, &ref->hash);
    if (e == ERR_MISSING)
        return cli_fail(CLI_FAILED, "this content is not blocked");
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    enum file_verb verb = command_read(&cli_file, argc, argv, &cli, NULL);
    struct blob_ref ref = {.room = 0};
    struct span id = span_of_text(cli.arguments[0]);
    if (!file_id_read(id, &ref.hash) && (span_to_i64(id, &ref.file) != OK || ref.file == 0))
        return cli_fail(CLI_USAGE, "an ID is 44 characters, or the number of a room's file");
    int code = cli_open_db(&cli, true);
    if (code != CLI_OK)
        return code;
    code = verb == REMOVE  ? remove_file(&cli, &ref)
           : verb == BLOCK ? block(&cli, &ref)
                           : unblock(&cli, &ref);
    cli_tell_servers(&cli); /* it may have been the picture of a room */
    return code;
}

static const struct command_verb verbs[] = {
    [REMOVE] = {"remove", "ID", 1, 1, "the file and its content are gone; it may be uploaded again",
                NULL, NULL},
    [BLOCK] = {"block", "ID", 1, 1,
               "the same, and this very content is refused from now on, in rooms and on the file "
               "server",
               "Content nobody has uploaded yet can be blocked by its 44 characters. A picture "
               "that is changed in one bit is another content.",
               NULL},
    [UNBLOCK] = {"unblock", "ID", 1, 1, "the content may come again",
                 "Wants the 44 characters, which block prints.", NULL},
};
const struct command cli_file = {
    .name = "file",
    .summary = "remove or block stored files",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .help = "ID is the last part of a file's link: 44 characters for a file of the file server, a "
            "number for a file of a room. Takes effect at once in running servers.",
};
