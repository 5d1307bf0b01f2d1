/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `make attack`: what an attacker with nothing between him and the server does to its members.
 */
#include <argp.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "attack/figures.h"
#include "attack/suite.h"

enum { LIST = 256, WRITE, SHORT };

struct arguments {
    struct suite_options suite;
    bool list, write;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    char *end = NULL;
    switch (key) {
    case 's':
        a->suite.seconds = (int)strtol(arg, &end, 10);
        if (*end != '\0' || a->suite.seconds < 1 || a->suite.seconds > 100)
            argp_error(state, "--seconds takes a whole number from 1 to 100");
        return 0;
    case 'o':
        a->suite.only = arg;
        return 0;
    case 'v':
        a->suite.verbose = true;
        return 0;
    case SHORT:
        a->suite.is_short = true;
        return 0;
    case WRITE:
        a->write = true;
        return 0;
    case LIST:
        a->list = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"seconds", 's', "N", 0, "Seconds of quiet, and as many of each attack (15)", 0},
    {"only", 'o', "NAME", 0, "This one alone, or C3 for all of C3", 0},
    {"short", SHORT, NULL, 0, "Smaller counts, and only what `make test` attacks with", 0},
    {"verbose", 'v', NULL, 0, "What each kind of request took", 0},
    {"write", WRITE, NULL, 0, "Write the figures into docs/hostile-load.md, too", 0},
    {"list", LIST, NULL, 0, "List the attacks", 0},
    {0}};

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct arguments *a)
{
    struct suite_result result;
    FILE *table = a->write ? tmpfile() : NULL;
    if (table != NULL)
        figures_begin(table, a->suite.seconds);
    a->suite.table = table;
    bool fine = suite_run(&a->suite, &result);
    if (a->write && fine && !(table != NULL && figures_write(table))) {
        (void)fprintf(stderr, "attack: the figures cannot be written into " FIGURES_PATH "\n");
        fine = false;
    }
    if (table != NULL)
        (void)fclose(table);
    (void)printf("%zu held, %zu failed\n", result.held, result.failed);
    return fine && result.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Attacks a server beside its members, and says what they feel of it.\v"
        "Exit code 0: every attack was held.",
        NULL,
        NULL,
        NULL};
    struct arguments a = {.suite = {.seconds = 0}};
    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0 || sodium_init() < 0)
        return 2;
    if (a.suite.seconds == 0)
        a.suite.seconds = a.suite.is_short ? SUITE_SHORT_SECONDS : SUITE_SECONDS;
    raise_descriptors();
    if (!a.list)
        return run(&a);
    suite_list();
    return 0;
}
