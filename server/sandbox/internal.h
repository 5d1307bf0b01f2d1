/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside sandbox/ only: is this build one with a sanitizer?
 */
#ifndef CONCLAVE_SANDBOX_INTERNAL_H
#define CONCLAVE_SANDBOX_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_LEFT_OUT true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANDBOX_LEFT_OUT true
#endif
#endif
#ifndef SANDBOX_LEFT_OUT
#define SANDBOX_LEFT_OUT false
#endif

#endif
