/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads /proc and the CPU clocks of other processes.
 */
#include "bench/family.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double family_member_cpu_us(pid_t pid)
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

/* The sum of what is asked of the parent and of each child. */
static double sum_over(pid_t parent, double (*ask)(pid_t pid, const void *arg), const void *arg)
{
    double sum = ask(parent, arg);
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && parent_of(pid) == parent)
            sum += ask(pid, arg);
    }
    if (all != NULL)
        (void)closedir(all);
    return sum;
}

static double ask_cpu(pid_t pid, const void *arg)
{
    (void)arg;
    return family_member_cpu_us(pid);
}

double family_cpu_us(pid_t parent)
{
    return sum_over(parent, ask_cpu, NULL);
}

static double ask_bytes(pid_t pid, const void *arg)
{
    (void)arg;
    char path[64], line[256];
    size_t kb = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "Pss:", 4) == 0)
            kb = strtoul(line + 4, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return (double)kb * 1024;
}

size_t family_bytes(pid_t parent)
{
    return (size_t)sum_over(parent, ask_bytes, NULL);
}
