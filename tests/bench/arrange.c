/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brings the world into the shape that a scenario asks for: the server's settings, and on which
 * cores what runs. The small machine is imitated by giving server and PostgreSQL one core together
 * and, where the system lets us, no more memory than it would leave them; the driver has the other
 * cores.
 */
#include <sched.h>

#include "bench/bench.h"
#include "bench/cage.h"

/* 1 GB, less what a bare Debian takes. */
enum { SMALL_MACHINE_BYTES = 768 << 20 };

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

/* Ends server and PostgreSQL and starts them again with our cores and limits, as children do. */
static bool move(struct bench *b, const char *const *env)
{
    return world_crash_database(&b->world) == OK && world_restart_database(&b->world) == OK &&
           bench_find_postmaster(b) && world_restart_server(&b->world, 0, env) == OK;
}

bool bench_arrange(struct bench *b, const struct scenario *s)
{
    if (b->core_count == 0)
        b->core_count = own_cores(b->cores);
    if (b->core_count < 2 && s->one_core)
        return false;
    if (b->limits == s->limits && b->one_core == s->one_core)
        return true;
    const char *const env[] = {settings_of[s->limits], post_limit_of[s->limits], NULL};
    bool fine = world_stop_server(&b->world, 0) == 0;
    if (b->one_core == s->one_core) {
        fine = fine && world_restart_server(&b->world, 0, env) == OK;
    } else {
        /* The server makes as many threads as it sees cores. */
        bool caged = s->one_core && cage_enter(SMALL_MACHINE_BYTES);
        fine = fine && run_on(b->cores, s->one_core ? 1 : b->core_count) && move(b, env);
        if (caged)
            cage_leave();
        else
            cage_remove(); /* of an earlier scenario: everybody has moved out */
        fine = run_on(s->one_core ? b->cores + 1 : b->cores,
                      s->one_core ? b->core_count - 1 : b->core_count) &&
               fine;
    }
    b->limits = s->limits;
    b->one_core = s->one_core;
    return fine;
}
