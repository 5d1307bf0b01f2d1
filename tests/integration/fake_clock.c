/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See integration/fake_clock.h.
 */
#include "integration/fake_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool find_library(char *out, size_t size)
{
    static const char *const places[] = {"x86_64-linux-gnu", "aarch64-linux-gnu"};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        (void)snprintf(out, size, "/usr/lib/%s/faketime/libfaketimeMT.so.1", places[i]);
        if (access(out, R_OK) == 0)
            return true;
    }
    (void)fputs("libfaketime is not installed (make deps)\n", stderr);
    return false;
}

bool fake_clock_possible(void)
{
    return getenv("CONCLAVE_TEST_SHORT") == NULL;
}

bool fake_clock_open(struct fake_clock *clock, const char *name)
{
    char library[96];
    if (!find_library(library, sizeof(library)))
        return false;
    (void)snprintf(clock->control, sizeof(clock->control), "/tmp/conclave-clock-%ld-%.16s",
                   (long)getpid(), name);
    (void)snprintf(clock->preload, sizeof(clock->preload), "LD_PRELOAD=%s", library);
    (void)snprintf(clock->file, sizeof(clock->file), "FAKETIME_TIMESTAMP_FILE=%s", clock->control);
    const char *const env[FAKE_CLOCK_SETTINGS + 1] = {clock->preload,
                                                      clock->file,
                                                      "FAKETIME_NO_CACHE=1",
                                                      "DONT_FAKE_MONOTONIC=1",
                                                      "FAKETIME_DONT_FAKE_MONOTONIC=1",
                                                      NULL};
    for (size_t i = 0; i < COUNT_OF(env); i++)
        clock->env[i] = env[i];
    return fake_clock_set(clock, 0);
}

bool fake_clock_set(const struct fake_clock *clock, int64_t ahead_s)
{
    char fresh[sizeof(clock->control) + 8];
    (void)snprintf(fresh, sizeof(fresh), "%s.new", clock->control);
    FILE *f = fopen(fresh, "we");
    if (f == NULL)
        return false;
    bool written = fprintf(f, "%+lld\n", (long long)ahead_s) > 0;
    return fclose(f) == 0 && written && rename(fresh, clock->control) == 0; /* never half a file */
}

void fake_clock_close(struct fake_clock *clock)
{
    (void)unlink(clock->control);
}
