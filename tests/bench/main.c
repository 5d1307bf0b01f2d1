/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `make bench`: starts a server and a PostgreSQL of its own, loads them, and says what a request
 * costs beside what it must cost. docs/performance.md explains the figures.
 */
#include <argp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/exchange.h"
#include "bench/growth.h"

struct options {
    size_t rounds, scale_percent;
    const char *only;
    bool list, growth;
    const char *bare_exchange; /* be the bare server, with requests and replies so large */
};

enum { BARE_EXCHANGE = 256 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    char *end = NULL;
    switch (key) {
    case 'r':
        o->rounds = strtoul(arg, &end, 10);
        if (*end != '\0' || o->rounds < 1 || o->rounds > 100)
            argp_error(state, "--rounds takes a whole number from 1 to 100");
        return 0;
    case 's':
        o->scale_percent = strtoul(arg, &end, 10);
        if (*end != '\0' || o->scale_percent < 1 || o->scale_percent > 1000)
            argp_error(state, "--scale takes a percentage from 1 to 1000");
        return 0;
    case 'o':
        o->only = arg;
        return 0;
    case 'g':
        o->growth = true;
        return 0;
    case 'l':
        o->list = true;
        return 0;
    case BARE_EXCHANGE:
        o->bare_exchange = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static const struct scenario *const tables[] = {bench_polls, bench_posts, bench_reactions,
                                                bench_files};

static void list(void)
{
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        for (const struct scenario *s = tables[t]; s->name != NULL; s++)
            (void)printf("%-15s %s\n", s->name, s->what);
}

/* NULL: all of them. */
static bool measure(struct bench *b, const char *only)
{
    size_t measured = 0;
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        for (const struct scenario *s = tables[t]; s->name != NULL; s++) {
            if (only != NULL && strcmp(only, s->name) != 0)
                continue;
            if (!bench_measure(b, s))
                return false;
            measured++;
        }
    }
    if (measured == 0)
        (void)fprintf(stderr, "bench: no scenario of that name; --list shows them\n");
    return measured > 0;
}

static int run(const struct options *o)
{
    struct bench *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return 1;
    b->rounds = o->rounds;
    b->scale_percent = o->scale_percent;
    bool fine = bench_open(b);
    if (fine && o->growth) {
        fine = growth_run(b);
    } else if (fine) {
        (void)printf("%ld cores; limits are off: [rooms] post_limit=off, [limits] known_after=0s, "
                     "[files] upload_limit=off, [limits] uploads=off\n",
                     sysconf(_SC_NPROCESSORS_ONLN));
        bench_print_head(b);
        fine = measure(b, o->only);
    }
    bench_close(b);
    free(b);
    return fine ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"rounds", 'r', "N", 0, "Rounds per scenario (5)", 0},
        {"scale", 's', "PERCENT", 0, "Requests per round, of the usual number (100)", 0},
        {"only", 'o', "SCENARIO", 0, "Measure this one alone", 0},
        {"growth", 'g', NULL, 0,
         "Measure cost against size instead: up to 1,000,000 messages, 1,000 rooms, 100,000 people",
         0},
        {"list", 'l', NULL, 0, "List the scenarios", 0},
        {"bare-exchange", BARE_EXCHANGE, "BYTES,BYTES", OPTION_HIDDEN, NULL, 0},
        {0}};
    static const struct argp argp = {
        options, parse, NULL, "Measures conclave against the cryptographic floor.",
        NULL,    NULL,  NULL};
    struct options o = {.rounds = 5, .scale_percent = 100};
    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0 || sodium_init() < 0)
        return 2;
    raise_descriptors();
    if (o.bare_exchange != NULL)
        return exchange_main(o.bare_exchange);
    if (o.list) {
        list();
        return 0;
    }
    return run(&o);
}
