/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads /proc and the CPU clocks of other processes.
 */
#include "bench/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double usage_cpu_us(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static pid_t parent_of(pid_t pid)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    const char *text = f != NULL ? fgets(line, sizeof(line), f) : NULL;
    if (f != NULL)
        (void)fclose(f);
    /* The name in parentheses may hold anything. */
    const char *after = text != NULL ? strrchr(text, ')') : NULL;
    return after != NULL && strlen(after) > 4 ? (pid_t)strtol(after + 4, NULL, 10) : 0;
}

double usage_family_cpu_us(pid_t parent)
{
    double sum = usage_cpu_us(parent);
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && parent_of(pid) == parent)
            sum += usage_cpu_us(pid);
    }
    if (all != NULL)
        (void)closedir(all);
    return sum;
}

size_t usage_peak_bytes(pid_t pid)
{
    char path[64], line[256];
    size_t kb = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtoul(line + 6, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return kb * 1024;
}
