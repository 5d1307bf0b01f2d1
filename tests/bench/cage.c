/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Version 1 is tried first: where both are mounted, memory belongs to it.
 */
#include "bench/cage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"

enum { PLACE_MAX = 512 };

static const struct kind {
    const char *root, *max, *peak;
    const char *line; /* of /proc/self/cgroup, before the path */
} kinds[] = {
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", ":memory:"},
    {"/sys/fs/cgroup", "memory.max", "memory.peak", "0::"},
};

static const struct kind *made; /* NULL: no cage */
static char cage[PLACE_MAX], home[PLACE_MAX];

static bool write_number(const char *folder, const char *file, size_t number)
{
    char path[PLACE_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return false;
    bool written = fprintf(f, "%zu\n", number) > 0;
    return fclose(f) == 0 && written;
}

static bool find_home(const struct kind *kind)
{
    char line[PLACE_MAX];
    bool found = false;
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
        const char *at = strstr(line, kind->line);
        line[strcspn(line, "\n")] = '\0';
        found = at != NULL && snprintf(home, sizeof(home), "%s%s", kind->root,
                                       at + strlen(kind->line)) < (int)sizeof(home);
    }
    if (f != NULL)
        (void)fclose(f);
    return found;
}

static bool enter(const struct kind *kind, size_t max_bytes)
{
    (void)snprintf(cage, sizeof(cage), "%s/conclave-bench-%d", kind->root, (int)getpid());
    if (!find_home(kind) || mkdir(cage, 0755) != 0)
        return false;
    if (write_number(cage, kind->max, max_bytes) &&
        write_number(cage, "cgroup.procs", (size_t)getpid()))
        return true;
    (void)rmdir(cage);
    return false;
}

bool cage_enter(size_t max_bytes)
{
    for (size_t i = 0; made == NULL && i < COUNT_OF(kinds); i++)
        if (enter(&kinds[i], max_bytes))
            made = &kinds[i];
    return made != NULL;
}

void cage_leave(void)
{
    if (made != NULL)
        (void)write_number(home, "cgroup.procs", (size_t)getpid());
}

size_t cage_peak_bytes(void)
{
    char path[PLACE_MAX + 64], line[64] = "";
    if (made == NULL)
        return 0;
    (void)snprintf(path, sizeof(path), "%s/%s", cage, made->peak);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    bool read = fgets(line, sizeof(line), f) != NULL;
    (void)fclose(f);
    return read ? strtoull(line, NULL, 10) : 0;
}

void cage_remove(void)
{
    if (made != NULL && rmdir(cage) == 0)
        made = NULL;
}
