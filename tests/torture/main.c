/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave-torture: `make torture N=100`. Prints its seed first, so that a run that was interrupted
 * can be repeated, too.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "torture/torture.h"

struct arguments {
    struct torture_options options;
    const char *report;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'k':
        a->options.kills = (uint32_t)strtoul(arg, NULL, 10);
        return 0;
    case 'j':
        a->options.clock = true;
        return 0;
    case 's':
        a->options.seed = strtoull(arg, NULL, 10);
        return 0;
    case 'r':
        a->report = arg;
        return 0;
    case 'c':
        a->options.commit = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument: %s", arg);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"kills", 'k', "N", 0, "how many times something is killed (100)", 0},
    {"clock", 'j', NULL, 0,
     "the clock of the second server jumps, between two days back and forty days ahead", 0},
    {"seed", 's', "NUMBER", 0, "of the schedule (chosen by the clock)", 0},
    {"report", 'r', "FILE", 0, "where the report goes, too", 0},
    {"commit", 'c', "TEXT", 0, "what is being tested, for the report", 0},
    {0},
};
static const struct argp argp = {
    argp_options,
    parse,
    NULL,
    "Kills servers and PostgreSQL at random moments under load, and checks the account.\v"
    "Exit code 0: everything came back, nothing was lost or doubled.",
    NULL,
    NULL,
    NULL};

static int copy_report(FILE *from, const char *path)
{
    FILE *to = fopen(path, "we");
    if (to == NULL)
        return EXIT_FAILURE;
    rewind(from);
    for (int c = fgetc(from); c != EOF; c = fgetc(from))
        (void)fputc(c, to);
    return fclose(to) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct arguments a = {.options = {.kills = 100, .progress = stdout}};
    a.options.seed = (uint64_t)clock_wall_ms();
    if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
        return EXIT_FAILURE;
    printf("torture: %u kills, seed %" PRIu64 "\n", (unsigned)a.options.kills, a.options.seed);
    (void)fflush(stdout);
    FILE *report = tmpfile();
    if (report == NULL)
        return EXIT_FAILURE;
    struct torture_result result;
    enum err e = torture_run(&a.options, report, &result);
    rewind(report);
    for (int c = fgetc(report); c != EOF; c = fgetc(report))
        (void)putchar(c);
    int code = e == OK && result.complaints == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (a.report != NULL && copy_report(report, a.report) != EXIT_SUCCESS)
        code = EXIT_FAILURE;
    (void)fclose(report);
    return code;
}
