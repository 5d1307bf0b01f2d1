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

void retention_parse_keep(struct retention_arguments *a, const char *text, struct argp_state *state)
{
    int64_t ms = 0;
    a->keep_said = true;
    a->keep_s = 0;
    if (strcasecmp(text, "forever") == 0)
        return;
    if (conf_read_duration(span_of_text(text), &ms) != OK || ms < KEEP_MIN_S * (int64_t)SECOND_MS ||
        ms / SECOND_MS > KEEP_MAX_S)
        argp_error(state, "--keep wants a time of at least 1h, such as 30d, or forever");
    a->keep_s = ms / SECOND_MS;
}

void retention_parse_bytes(struct retention_arguments *a, const char *text,
                           struct argp_state *state)
{
    a->bytes_said = true;
    a->keep_bytes = 0;
    if (strcasecmp(text, "unlimited") == 0)
        return;
    if (conf_read_size(span_of_text(text), &a->keep_bytes) != OK || a->keep_bytes < KEEP_BYTES_MIN)
        argp_error(state, "--keep-bytes wants a size of at least 64K, such as 5G, or unlimited");
}

/* What holds now, with what was said put over it. */
static enum err wanted(struct cli *cli, const struct retention_arguments *a, int64_t room,
                       struct retention *ret_wanted)
{
    enum err e = retention_get(cli->db, room, ret_wanted);
    if (e == OK && a->keep_said)
        ret_wanted->keep_s = a->keep_s;
    if (e == OK && a->bytes_said)
        ret_wanted->keep_bytes = a->keep_bytes;
    return e;
}

int retention_apply(struct cli *cli, const struct retention_arguments *a, int64_t room)
{
    struct retention r;
    if (!a->keep_said && !a->bytes_said)
        return CLI_OK;
    enum err e = wanted(cli, a, room, &r);
    if (e == OK)
        e = retention_set(cli->db, &r);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

int retention_preview_print(struct cli *cli, const struct retention_arguments *a, int64_t room)
{
    struct retention r;
    struct retention_sum sum;
    enum err e = wanted(cli, a, room, &r);
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
