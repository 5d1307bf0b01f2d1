/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options --quota and --file-types of `room set`.
 */
#include "cli/room_rules.h"

#include <string.h>

#include "files/sniff.h"
#include "store/room_files.h"

enum { TYPES_MAX_BYTES = 1024 };

/* CLI_OK with the change filled; "off" and "any" take a rule away. */
static int read_change(const struct room_rules_arguments *a, struct room_files_change *change)
{
    int64_t bytes = 0;
    *change = (struct room_files_change){
        .set_quota = a->quota != NULL, .set_types = a->types != NULL, .quota = FILE_UNLIMITED};
    if (a->quota && strcmp(a->quota, "off") != 0) {
        if (conf_read_size(span_of_text(a->quota), &bytes) != OK)
            return cli_fail(CLI_USAGE, "--quota wants a size such as 500M or 2G, or off");
        change->quota = bytes;
    }
    if (a->types && strcmp(a->types, "any") != 0) {
        change->types = span_of_text(a->types);
        if (!sniff_list_ok(change->types) || change->types.len > TYPES_MAX_BYTES)
            return cli_fail(CLI_USAGE, "--file-types wants types separated by commas, such as "
                                       "image/,application/pdf, or any");
    }
    return CLI_OK;
}

int room_rules_set(struct cli *cli, int64_t room, const struct room_rules_arguments *a)
{
    struct room_files_change change;
    int code = read_change(a, &change);
    if (code != CLI_OK || (!change.set_quota && !change.set_types))
        return code;
    enum err e = room_files_change(cli->db, room, &change);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

int room_rules_show(struct cli *cli, int64_t room)
{
    struct room_files_rules rules;
    enum err e = room_files_storage(cli->db, cli->mem, room, &rules);
    if (e != OK)
        return cli_store_failed(e);
    (void)printf("files: %lld bytes", (long long)rules.bytes);
    if (rules.quota != FILE_UNLIMITED)
        (void)printf(" of %lld", (long long)rules.quota);
    if (rules.types.p != NULL)
        (void)printf("; only %.*s", (int)rules.types.len, (const char *)rules.types.p);
    (void)putchar('\n');
    return CLI_OK;
}
