/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A control group of our own (version 1 or 2), where the system lets us make one: limits for
 * processes of a test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_CONTROL_GROUP_H
#define CONCLAVE_TESTS_INTEGRATION_CONTROL_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { CONTROL_GROUP_PATH_MAX = 512 };

struct control_group {
    int version;                       /* 1 or 2; 0: none */
    char path[CONTROL_GROUP_PATH_MAX]; /* its folder */
    char home[CONTROL_GROUP_PATH_MAX]; /* that in which this process was */
};

/*
 * controller: "memory" or "cpu". False: not possible here. Version 1 is tried first: what is
 * mounted there is not in 2.
 */
bool control_group_make(const char *controller, struct control_group *ret_group);
/* Writes one of its files. */
bool control_group_set(const struct control_group *g, const char *file, const char *text);
/* The number that stands in one of its files; 0: none. */
size_t control_group_get(const struct control_group *g, const char *file);
bool control_group_add(const struct control_group *g, pid_t pid);
/* This process goes back to where it was when the group was made. */
void control_group_leave(const struct control_group *g);
/* Once nobody is in it. False: somebody is. Harmless without a group. */
bool control_group_remove(struct control_group *g);

#endif
