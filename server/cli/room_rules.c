/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options --quota and --file-types.
 */
#include "cli/room_rules.h"

#include <string.h>

#include "base/terminal.h"
#include "files/sniff.h"

enum { TYPES_MAX_BYTES = 1024 };

const char *room_rules_read_quota(const char *text, void *change)
{
    struct room_files_change *c = change;
    int64_t bytes = FILE_UNLIMITED;
    if (strcmp(text, "off") != 0 && conf_read_size(span_of_text(text), &bytes) != OK)
        return "a size such as 500M or 2G, or off";
    c->set_quota = true;
    c->quota = bytes;
    return NULL;
}

const char *room_rules_read_types(const char *text, void *change)
{
    struct room_files_change *c = change;
    bool any = strcmp(text, "any") == 0;
    struct span types = any ? (struct span){0} : span_of_text(text);
    if (!any && (!sniff_list_ok(types) || types.len > TYPES_MAX_BYTES))
        return "types separated by commas, such as image/,application/pdf, or any";
    c->set_types = true;
    c->types = types;
    return NULL;
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
    if (rules.types.p != NULL) {
        (void)fputs("; only ", stdout);
        terminal_put(stdout, rules.types);
    }
    (void)putchar('\n');
    return CLI_OK;
}
