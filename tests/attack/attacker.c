/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "attack/attacker.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NICE = 10 };

static bool limit(const struct control_group *g)
{
    if (g->version == 1)
        return control_group_set(g, "cpu.cfs_period_us", "10000") &&
               control_group_set(g, "cpu.cfs_quota_us", "5000") &&
               control_group_set(g, "cpu.shares", "256");
    return control_group_set(g, "cpu.max", "5000 10000") &&
           control_group_set(g, "cpu.weight", "25");
}

static bool make_group(struct control_group *ret_group)
{
    if (!control_group_make("cpu", ret_group))
        return false;
    if (limit(ret_group))
        return true;
    (void)control_group_remove(ret_group);
    return false;
}

const char *attacker_kind(void)
{
    static int kind;
    struct control_group g;
    if (kind == 0) {
        kind = make_group(&g) ? g.version : -1;
        (void)control_group_remove(&g);
    }
    if (kind < 0)
        return "no control group can be made here: a nice process";
    return kind == 1 ? "a control group (version 1) of half a core, weight 256 of 1,024"
                     : "a control group (version 2) of half a core, weight 25 of 100";
}

/* The child. Never returns. */
static void attack(const struct stage *s, const struct weapon *w, int go_fd,
                   struct attacker_sums *sums)
{
    char go;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    enum err e = read(go_fd, &go, 1) == 1 ? OK : ERR_MISSING;
    if (e == OK && w->hold.connections > 0)
        e = hold_run(&s->target.url.at, &w->hold, &sums->held);
    struct driver_job job = {.at = s->target.url.at,
                             .requests = w->requests,
                             .count = w->count,
                             .connections = w->connections,
                             .rate_per_s = w->rate_per_s};
    if (e == OK && w->connections > 0)
        e = driver_run(&job, &sums->answers);
    _exit(e == OK ? 0 : 1);
}

enum err attacker_start(const struct stage *s, const struct weapon *w,
                        struct attacker *ret_attacker)
{
    struct attacker a = {.pid = 0};
    int go[2];
    a.sums = mmap(NULL, sizeof(*a.sums), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (a.sums == MAP_FAILED || pipe(go) != 0)
        return ERR_NO_MEMORY;
    a.pid = fork();
    if (a.pid == 0) {
        (void)close(go[1]);
        attack(s, w, go[0], a.sums);
    }
    (void)close(go[0]);
    a.go_fd = go[1];
    if (a.pid < 0)
        return ERR_NO_MEMORY;
    if (!make_group(&a.group) || !control_group_add(&a.group, a.pid))
        (void)setpriority(PRIO_PROCESS, (id_t)a.pid, NICE);
    *ret_attacker = a;
    return OK;
}

void attacker_begin(struct attacker *a)
{
    (void)!write(a->go_fd, "g", 1);
}

struct attacker_sums attacker_stop(struct attacker *a)
{
    if (a->pid <= 0)
        return (struct attacker_sums){.held = {0}};
    (void)kill(a->pid, SIGKILL);
    (void)waitpid(a->pid, NULL, 0);
    struct attacker_sums sums = *a->sums;
    (void)munmap(a->sums, sizeof(*a->sums));
    (void)close(a->go_fd);
    (void)control_group_remove(&a->group);
    *a = (struct attacker){.pid = 0};
    return sums;
}
