/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one world that a program's group of tests shares: cmocka's *state is it, from group_open to
 * group_close.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_GROUP_H
#define CONCLAVE_TESTS_INTEGRATION_GROUP_H

#include "integration/world.h"

/* For the set-up of a group; says what went wrong. 0 or -1, as cmocka wants it. */
int group_open(void **state, const struct world_options *options);
/* The tear-down of a group. */
int group_close(void **state);

#endif
