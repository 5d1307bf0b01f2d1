/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/cage.h"

#include <stdio.h>
#include <unistd.h>

#include "integration/control_group.h"

static struct control_group group;

bool cage_enter(size_t max_bytes)
{
    char number[32];
    (void)snprintf(number, sizeof(number), "%zu", max_bytes);
    if (group.version != 0)
        return true;
    if (!control_group_make("memory", &group))
        return false;
    if (control_group_set(&group, group.version == 1 ? "memory.limit_in_bytes" : "memory.max",
                          number) &&
        control_group_add(&group, getpid()))
        return true;
    (void)control_group_remove(&group);
    return false;
}

void cage_leave(void)
{
    control_group_leave(&group);
}

size_t cage_peak_bytes(void)
{
    return control_group_get(&group,
                             group.version == 1 ? "memory.max_usage_in_bytes" : "memory.peak");
}

void cage_remove(void)
{
    (void)control_group_remove(&group);
}
