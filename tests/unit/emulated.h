/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests that mean nothing under qemu's user mode (tests/arm64/lane.sh): it has neither seccomp
 * nor Landlock, and its times are not the machine's. Such a test counts as skipped.
 */
#ifndef CONCLAVE_TESTS_UNIT_EMULATED_H
#define CONCLAVE_TESTS_UNIT_EMULATED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static inline void skip_when_emulated(void)
{
    if (getenv("CONCLAVE_TEST_EMULATED") != NULL)
        skip();
}

#endif
