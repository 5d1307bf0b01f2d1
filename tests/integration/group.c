/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cmocka's shape around world_open and world_close.
 */
#include "integration/group.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

int group_open(void **state, const struct world_options *options)
{
    static struct world w; /* too large for a stack */
    *state = &w;
    if (world_open(&w, options) == OK)
        return 0;
    print_error("%s\n", w.trouble);
    return -1;
}

int group_close(void **state)
{
    return world_close(*state) ? 0 : -1;
}
