/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of tab-separated words and numbers, for people and scripts alike.
 */
#include "cli/statistics.h"

#include "base/clock.h"
#include "base/terminal.h"
#include "store/statistics.h"

enum { TOP_REACTIONS = 5 };

static void print_counts(const struct statistics *s)
{
    (void)printf("messages\t%lld\tbytes %lld\tdeleted %lld\n", (long long)s->messages,
                 (long long)s->message_bytes, (long long)s->tombstones);
    (void)printf("files\t%lld\tbytes %lld\n", (long long)s->files, (long long)s->file_bytes);
    (void)printf("active");
    for (size_t i = 0; i < STATISTICS_PERIODS; i++)
        (void)printf("\t%dd %lld", statistics_days[i], (long long)s->active[i]);
    (void)putchar('\n');
}

static int print_reactions(struct cli *cli, struct ring *ring, int64_t room)
{
    struct reaction_count top[TOP_REACTIONS];
    size_t count = 0;
    enum err e = statistics_reactions(cli->db, ring, cli->mem, room, top, TOP_REACTIONS, &count);
    if (e != OK)
        return cli_store_failed(e);
    (void)printf("reactions");
    for (size_t i = 0; i < count; i++) {
        (void)putchar('\t');
        terminal_put(stdout, top[i].text);
        (void)printf(" %lld", (long long)top[i].users);
    }
    (void)putchar('\n');
    return CLI_OK;
}

static int open_and_print_reactions(struct cli *cli, int64_t room)
{
    struct ring *ring = NULL;
    int code = cli_open_ring(cli, &ring);
    if (code == CLI_OK)
        code = print_reactions(cli, ring, room);
    ring_free(ring);
    return code;
}

int statistics_print(struct cli *cli, int64_t room)
{
    struct statistics s;
    enum err e = statistics_of(cli->db, room, clock_wall_ms() / HOUR_MS, &s);
    if (e != OK)
        return cli_store_failed(e);
    print_counts(&s);
    return room == 0 ? CLI_OK : open_and_print_reactions(cli, room);
}
