/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mount, and the namespace in which nobody else sees it.
 */
#include "integration/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return written;
}

/*
 * A mount namespace of our own. Root may have one; anybody else gets one together with a user
 * namespace in which he keeps his own number (PostgreSQL does not run as root, not even as a
 * pretended one).
 */
static bool own_mounts(void)
{
    char map[64];
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        (void)snprintf(map, sizeof(map), "%u %u 1", uid, uid);
        if (!write_text("/proc/self/uid_map", map) || !write_text("/proc/self/setgroups", "deny"))
            return false;
        (void)snprintf(map, sizeof(map), "%u %u 1", gid, gid);
        if (!write_text("/proc/self/gid_map", map))
            return false;
    }
    /* In a chroot "/" is no mount point: who made it decided what is shared. */
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 || errno == EINVAL;
}

static bool mount_at(const char *path, unsigned megabytes, unsigned long flags)
{
    char options[32];
    (void)snprintf(options, sizeof(options), "size=%um", megabytes);
    return mount("tmpfs", path, "tmpfs", flags, options) == 0;
}

bool small_disk_open(struct small_disk *d, unsigned megabytes)
{
    const struct passwd *postgres = getpwnam("postgres");
    (void)snprintf(d->path, sizeof(d->path), "/tmp/conclave-disk-%ld", (long)getpid());
    if (!own_mounts() || mkdir(d->path, 0700) != 0 || !mount_at(d->path, megabytes, 0)) {
        (void)fputs("no private mount of a small tmpfs is possible here (root in a container "
                    "needs CAP_SYS_ADMIN, others user namespaces)\n",
                    stderr);
        return false;
    }
    /* It belongs to whoever runs PostgreSQL. */
    return getuid() != 0 ||
           (postgres != NULL && chown(d->path, postgres->pw_uid, postgres->pw_gid) == 0);
}

bool small_disk_grow(const struct small_disk *d, unsigned megabytes)
{
    return mount_at(d->path, megabytes, MS_REMOUNT);
}

void small_disk_close(struct small_disk *d)
{
    (void)umount(d->path);
    (void)rmdir(d->path);
}
