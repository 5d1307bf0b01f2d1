/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See store/retention.h for what goes and what stays.
 */
#include "cli/retention.h"

#include <strings.h>

#include "base/clock.h"
#include "store/retention.h"

enum {
    KEEP_MIN_S = 60 * 60, /* less is a slip of the finger */
    KEEP_MAX_S = 50 * 365 * 24 * 60 * 60,
    KEEP_BYTES_MIN = 64 * 1024,
};

const char *retention_read_keep(const char *text, void *options)
{
    struct retention_options *o = options;
    int64_t ms = 0;
    bool forever = strcasecmp(text, "forever") == 0;
    if (!forever && (conf_read_duration(span_of_text(text), &ms) != OK ||
                     ms < KEEP_MIN_S * (int64_t)SECOND_MS || ms / SECOND_MS > KEEP_MAX_S))
        return "a time of at least 1h, such as 30d, or forever";
    o->keep_said = true;
    o->keep_s = ms / SECOND_MS;
    return NULL;
}

const char *retention_read_bytes(const char *text, void *options)
{
    struct retention_options *o = options;
    int64_t bytes = 0;
    bool unlimited = strcasecmp(text, "unlimited") == 0;
    if (!unlimited && (conf_read_size(span_of_text(text), &bytes) != OK || bytes < KEEP_BYTES_MIN))
        return "a size of at least 64K, such as 5G, or unlimited";
    o->bytes_said = true;
    o->keep_bytes = bytes;
    return NULL;
}

/* What holds now, with what was said put over it. */
static enum err wanted(struct db *db, const struct retention_options *o, int64_t room,
                       struct retention *ret_wanted)
{
    enum err e = retention_get(db, room, ret_wanted);
    if (e == OK && o->keep_said)
        ret_wanted->keep_s = o->keep_s;
    if (e == OK && o->bytes_said)
        ret_wanted->keep_bytes = o->keep_bytes;
    return e;
}

enum err retention_apply(struct db *db, const struct retention_options *o, int64_t room)
{
    struct retention r;
    if (!o->keep_said && !o->bytes_said)
        return OK;
    enum err e = wanted(db, o, room, &r);
    return e == OK ? retention_set(db, &r) : e;
}

int retention_preview_print(struct cli *cli, const struct retention_options *o, int64_t room)
{
    struct retention r;
    struct retention_sum sum;
    enum err e = wanted(cli->db, o, room, &r);
    if (e == OK)
        e = retention_preview(cli->db, &r, (double)clock_wall_ms() / SECOND_MS, &sum);
    if (e != OK)
        return cli_store_failed(e);
    (void)printf("would remove %lld messages (%lld bytes) and %lld files (%lld bytes)\n",
                 (long long)sum.messages, (long long)sum.message_bytes, (long long)sum.files,
                 (long long)sum.file_bytes);
    return CLI_OK;
}

int retention_print(struct cli *cli, int64_t room)
{
    struct retention r;
    enum err e = retention_get(cli->db, room, &r);
    if (e != OK)
        return cli_store_failed(e);
    if (r.keep_s > 0)
        (void)printf("keeps messages for %lld s\n", (long long)r.keep_s);
    if (r.keep_bytes > 0)
        (void)printf("keeps the newest %lld bytes of messages and files\n",
                     (long long)r.keep_bytes);
    return CLI_OK;
}
