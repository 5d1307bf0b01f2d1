/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server gives up once it has started, so that whoever should find a way to run code in it
 * finds little to do there.
 *
 * Two kernel mechanisms, each used where the kernel has it: Landlock (nothing in the file system
 * may be written, made, removed or executed) and a seccomp filter (an allow list of system calls;
 * any other ends the process by SIGSYS). Both hold until the process ends, for every thread. Builds
 * with a sanitizer have neither: its runtime needs calls that the filter would end, and so would
 * its report.
 */
#ifndef CONCLAVE_SANDBOX_SANDBOX_H
#define CONCLAVE_SANDBOX_SANDBOX_H

#include "base/attr.h"
#include "base/err.h"

/*
 * Before threads start: Landlock binds the calling thread and those it starts later. Also
 * no_new_privs, for good. folder: where a socket may be made and removed all the same (that of the
 * operator listener); NULL: nowhere. ERR_MISSING: this kernel does not have it (or forbids it);
 * nothing is restricted. *ret_abi: the kernel's version of it.
 */
MUST_USE enum err sandbox_files(const char *folder, unsigned *ret_abi);

/*
 * When everything is open and all long-lived threads run: binds all threads at once. More threads
 * may be started later. ERR_MISSING: this kernel does not have it (or forbids it); nothing is
 * restricted.
 */
MUST_USE enum err sandbox_calls(void);

#endif
