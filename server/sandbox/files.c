/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Landlock. Reading stays allowed: libpq reads certificates and password files that its URL names,
 * glibc reads what resolving a name takes, and both do so again at every reconnect. Writing is what
 * a server without files never needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/internal.h"
#include "sandbox/sandbox.h"

/* Newer than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

enum { ABI_REFER = 2, ABI_TRUNCATE = 3 };

/* glibc has no functions for these. */
static int create_ruleset(const struct landlock_ruleset_attr *attr, size_t size, unsigned flags)
{
    return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

static uint64_t forbidden(int abi)
{
    uint64_t rights =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
        LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    if (abi >= ABI_REFER)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_TRUNCATE)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

static bool allow_sockets_in(int ruleset, const char *folder)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE,
        .parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    /* A folder that is not there: the listener will say so in better words. */
    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR;
    long added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    (void)close(rule.parent_fd);
    return added == 0;
}

enum err sandbox_files(const char *folder, unsigned *ret_abi)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (SANDBOX_LEFT_OUT)
        return ERR_MISSING;
    int abi = create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return ERR_MISSING;
    const struct landlock_ruleset_attr attr = {.handled_access_fs = forbidden(abi)};
    int ruleset = create_ruleset(&attr, sizeof(attr), 0);
    if (ruleset < 0)
        return ERR_MISSING;
    bool bound = (folder == NULL || allow_sockets_in(ruleset, folder)) &&
                 syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    (void)close(ruleset);
    if (!bound)
        return ERR_MISSING;
    *ret_abi = (unsigned)abi;
    return OK;
}
