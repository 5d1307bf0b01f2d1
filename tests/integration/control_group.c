/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "integration/control_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER_MAX = 32 };

static bool write_text(const char *folder, const char *file, const char *text)
{
    char path[CONTROL_GROUP_PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return false;
    bool written = fputs(text, f) >= 0;
    return fclose(f) == 0 && written;
}

static void root_of(int version, const char *controller, char out[static CONTROL_GROUP_PATH_MAX])
{
    (void)snprintf(out, CONTROL_GROUP_PATH_MAX, "/sys/fs/cgroup%s%s", version == 1 ? "/" : "",
                   version == 1 ? controller : "");
}

/* Where this process is, below the root. */
static bool find_home(int version, const char *controller, char out[static CONTROL_GROUP_PATH_MAX])
{
    char line[CONTROL_GROUP_PATH_MAX], wanted[64], root[CONTROL_GROUP_PATH_MAX];
    bool found = false;
    (void)snprintf(wanted, sizeof(wanted), version == 1 ? ":%s:" : "0::", controller);
    root_of(version, controller, root);
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
        const char *at = strstr(line, wanted);
        line[strcspn(line, "\n")] = '\0';
        found = at != NULL && snprintf(out, CONTROL_GROUP_PATH_MAX, "%.30s%.440s", root,
                                       at + strlen(wanted)) < CONTROL_GROUP_PATH_MAX;
    }
    if (f != NULL)
        (void)fclose(f);
    return found;
}

static bool make(int version, const char *controller, struct control_group *g)
{
    char root[CONTROL_GROUP_PATH_MAX], enable[64];
    root_of(version, controller, root);
    (void)snprintf(enable, sizeof(enable), "+%s", controller);
    if (version == 2)
        (void)write_text(root, "cgroup.subtree_control", enable);
    g->version = version;
    (void)snprintf(g->path, sizeof(g->path), "%.300s/conclave-test-%d", root, (int)getpid());
    if (mkdir(g->path, 0755) == 0)
        return true;
    g->version = 0;
    return false;
}

bool control_group_make(const char *controller, struct control_group *ret_group)
{
    *ret_group = (struct control_group){.version = 0};
    for (int version = 1; ret_group->version == 0 && version <= 2; version++)
        if (find_home(version, controller, ret_group->home))
            (void)make(version, controller, ret_group);
    return ret_group->version != 0;
}

bool control_group_set(const struct control_group *g, const char *file, const char *text)
{
    return g->version != 0 && write_text(g->path, file, text);
}

size_t control_group_get(const struct control_group *g, const char *file)
{
    char path[CONTROL_GROUP_PATH_MAX + 64], line[64] = "";
    if (g->version == 0)
        return 0;
    (void)snprintf(path, sizeof(path), "%s/%s", g->path, file);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    bool read = fgets(line, sizeof(line), f) != NULL;
    (void)fclose(f);
    return read ? strtoull(line, NULL, 10) : 0;
}

bool control_group_add(const struct control_group *g, pid_t pid)
{
    char number[NUMBER_MAX];
    (void)snprintf(number, sizeof(number), "%d", (int)pid);
    return control_group_set(g, "cgroup.procs", number);
}

void control_group_leave(const struct control_group *g)
{
    char number[NUMBER_MAX];
    (void)snprintf(number, sizeof(number), "%d", (int)getpid());
    if (g->version != 0)
        (void)write_text(g->home, "cgroup.procs", number);
}

bool control_group_remove(struct control_group *g)
{
    if (g->version == 0)
        return true;
    if (rmdir(g->path) != 0)
        return false;
    g->version = 0;
    return true;
}
