/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brings the world into the shape that a scenario asks for: the server's settings, and on which cores what runs. The
 * small machine is imitated by giving server and PostgreSQL one core together and the driver another; its memory is
 * measured, not limited.
 */
#include <sched.h>

#include "bench/bench.h"
#include "bench/family.h"

static const char *const settings_of[] = {
    [LIMITS_OFF] = "CONCLAVE_LIMITS_KNOWN_AFTER=0s",
    [LIMITS_DEFAULT] = "CONCLAVE_LIMITS_KNOWN_AFTER=10m",
};
static const char *const post_limit_of[] = {
    [LIMITS_OFF] = "CONCLAVE_ROOMS_POST_LIMIT=off",
    [LIMITS_DEFAULT] = "CONCLAVE_ROOMS_POST_LIMIT=5/16s",
};

/* The cores this program was started on. */
static size_t own_cores(size_t cores[static BENCH_CORES_MAX])
{
    cpu_set_t set;
    size_t count = 0;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 0;
    for (size_t i = 0; i < CPU_SETSIZE && count < BENCH_CORES_MAX; i++)
        if (CPU_ISSET(i, &set))
            cores[count++] = i;
    return count;
}

/* This thread, and what it starts from now on. */
static bool run_on(const size_t *cores, size_t count)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < count; i++)
        CPU_SET(cores[i], &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

bool bench_arrange(struct bench *b, const struct scenario *s)
{
    if (b->core_count == 0)
        b->core_count = own_cores(b->cores);
    bool same = b->limits == s->limits && b->one_core == s->one_core;
    if (same)
        return true;
    size_t all = s->one_core ? 1 : b->core_count;
    if (b->core_count < 2 && s->one_core)
        return false;
    /* The server inherits our cores, and makes as many threads as it sees; then we move to what is left. */
    const char *const env[] = {settings_of[s->limits], post_limit_of[s->limits], NULL};
    bool fine = family_pin(b->postmaster, b->cores, all) && world_stop_server(&b->world, 0) == 0 &&
                run_on(b->cores, all) && world_restart_server(&b->world, 0, env) == OK;
    fine = run_on(s->one_core ? b->cores + 1 : b->cores,
                  s->one_core ? b->core_count - 1 : b->core_count) &&
           fine;
    b->limits = s->limits;
    b->one_core = s->one_core;
    return fine;
}
