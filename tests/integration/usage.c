/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /proc/PID/task/TID/schedstat counts nanoseconds; /proc/PID/stat would only count clock ticks of
 * 10 ms.
 */
#include "integration/usage.h"

#include <dirent.h>
#include <stdio.h>

#include "sandbox/internal.h"

enum { PATH_MAX_BYTES = 320, LINE_MAX_BYTES = 256 };

bool usage_is_ours(void)
{
    return !SANDBOX_LEFT_OUT; /* the same builds */
}

int64_t usage_cpu_us(pid_t pid)
{
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return -1;
    int64_t sum_us = 0;
    for (const struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        long long ns = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, task->d_name);
        FILE *f = task->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (f != NULL && fscanf(f, "%lld", &ns) == 1)
            sum_us += ns / 1000;
        if (f != NULL)
            (void)fclose(f);
    }
    (void)closedir(tasks);
    return sum_us;
}

int64_t usage_peak_kb(pid_t pid)
{
    char path[PATH_MAX_BYTES], line[LINE_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -1;
    long kb = -1;
    while (fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    (void)fclose(f);
    return kb;
}

void usage_forget_peak(pid_t pid)
{
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)pid);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return;
    (void)fputs("5", f);
    (void)fclose(f);
}
