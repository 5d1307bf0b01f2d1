/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The option --icon. Nobody's upload, so no member's rights and no member's name are with it; the
 * quotas hold.
 */
#include "cli/room_icon.h"

#include "base/clock.h"
#include "files/sniff.h"
#include "store/attachments.h"

static int read_picture(const struct cli *cli, const char *path, struct buf *body)
{
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return cli_fail(CLI_FAILED, "--icon: the file cannot be read");
    for (size_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(body, KIB(64));
        n = to != NULL ? fread(to, 1, KIB(64), f) : 0;
        if (n > 0)
            buf_commit(body, n);
    }
    bool failed = ferror(f) != 0;
    (void)fclose(f);
    if (failed)
        return cli_fail(CLI_FAILED, "--icon: the file cannot be read");
    if (buf_verdict(body) != OK || body->len > cli->conf->files.max_bytes)
        return cli_fail(CLI_FAILED, "--icon: the file is larger than [files] max_bytes");
    return CLI_OK;
}

static int check_type(const struct buf *body)
{
    char type[SNIFF_TYPE_MAX];
    struct sniffer *sniffer = NULL;
    if (sniffer_new(1, &sniffer) != OK)
        return cli_fail(CLI_FAILED, "libmagic's database does not load");
    sniffer_type(sniffer, span_first(buf_span(body), SNIFF_BYTES), type);
    sniffer_free(sniffer);
    return sniff_is_room_image(type)
               ? CLI_OK
               : cli_fail(CLI_FAILED, "--icon wants a PNG, JPEG, GIF or WebP picture");
}

int room_icon_refused(enum err e, enum blob_refusal why)
{
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED,
                        "there is no place for files of today yet: start the server once");
    if (e != ERR_DENIED)
        return cli_store_failed(e);
    switch (why) {
    case BLOB_BLOCKED:
        return cli_fail(CLI_FAILED, "refused: this picture is blocked (file unblock)");
    case BLOB_QUOTA:
        return cli_fail(CLI_FAILED, "refused: [files] quota_bytes is used up");
    case BLOB_ROOM_QUOTA:
        return cli_fail(CLI_FAILED, "refused: the room's --quota is used up");
    case BLOB_ACCEPTED:
    case BLOB_NO_RIGHT:
    case BLOB_NO_ROOM:
        break;
    }
    return cli_store_failed(ERR_MISSING);
}

enum err room_icon_put(const struct cli *cli, struct ring *ring, int64_t room, struct span body,
                       int64_t *ret_file, enum blob_refusal *ret_why)
{
    int64_t now_ms = clock_wall_ms();
    double now = (double)now_ms / SECOND_MS;
    struct blob_owner owner = {.room = room};
    const int64_t quota = (int64_t)conf_quota_bytes(cli->conf);
    const struct blob_put put = {.body = body,
                                 .now = now,
                                 .expiry = now + ATTACHMENT_UNADOPTED_S,
                                 .day = (now_ms + cli->conf->files.room_ttl_ms) / DAY_MS,
                                 .quota = {quota, quota}};
    struct blob_result result = {.refusal = BLOB_ACCEPTED};
    enum err e = blob_put_room(cli->db, ring, &owner, &put, cli->mem, &result);
    if (e == OK)
        *ret_file = result.id;
    else
        *ret_why = result.refusal;
    return e;
}

int room_icon_read(const struct cli *cli, const char *path, struct buf *body)
{
    int code = read_picture(cli, path, body);
    return code == CLI_OK ? check_type(body) : code;
}
