/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave clock confirm
 */
#include <time.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "store/trusted_time.h"

enum { DATE_MAX_BYTES = 64 };

static void tell(const struct clock_reading *clock)
{
    char date[DATE_MAX_BYTES] = "";
    time_t now = (time_t)(clock->now_ms / SECOND_MS);
    struct tm t = {0};
    if (gmtime_r(&now, &t))
        (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &t);
    (void)printf("The time is trusted: %s. Deletion goes on within 10 seconds.\n", date);
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct clock_reading clock;
    (void)command_read(&cli_clock, argc, argv, &cli, NULL);
    int code = cli_open_db(&cli, true);
    if (code != CLI_OK)
        return code;
    enum err e = clock_read(cli.db, &clock);
    if (e == OK && clock.doubt == CLOCK_APART)
        return cli_fail(CLI_FAILED, "the clocks of this machine and of the database differ by more "
                                    "than 2 seconds: set the wrong one right first; nothing was "
                                    "changed");
    if (e == OK)
        e = clock_accept(cli.db, clock.now_ms);
    if (e != OK)
        return cli_store_failed(e);
    tell(&clock);
    return CLI_OK;
}

static const struct command_verb verbs[] = {
    {.name = "confirm",
     .summary = "the clock is right: the server deletes again what has expired",
     .help = "For when `conclave status` has told that the clock stands far from the last time "
             "that was trusted. Look at the clock first: by a wrong one everything expires."},
};
const struct command cli_clock = {
    .name = "clock",
    .summary = "say that the clock is right after it was in doubt",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
};
