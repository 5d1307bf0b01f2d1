/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compiler attributes used throughout, under short names.
 */
#ifndef CONCLAVE_BASE_ATTR_H
#define CONCLAVE_BASE_ATTR_H

#define MUST_USE      __attribute__((warn_unused_result))
#define UNUSED        __attribute__((unused))
#define CLEANUP(done) __attribute__((cleanup(done)))

/* Number of elements of a real array (not of a pointer). */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

#endif
