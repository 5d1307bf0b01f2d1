/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NAME.part under a lock, then renamed.
 */
#include "cli/backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool complain(const char *name, const char *words)
{
    (void)fprintf(stderr, "conclave: %s: %s\n", name, words);
    return false;
}

static bool complain_errno(const char *name)
{
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
        return complain(name, "the disk is full; nothing was kept");
    case EFBIG:
        return complain(name, "the file would be larger than is allowed here; nothing was kept");
    case EACCES:
    case EPERM:
    case EROFS:
        return complain(name, "this user may not write there");
    case ENOENT:
    case ENOTDIR:
        return complain(name, "there is no such folder");
    case EPIPE:
        return complain(name, "nobody reads it any more");
    case EEXIST:
        return complain(name, "it exists already, and is kept; choose another name");
    default:
        return complain(name, "it cannot be written there");
    }
}

/*
 * The lock tells a part that is being written from one that was left behind. Between opening and
 * locking, its writer may have renamed it: then what we hold is no part any more.
 */
static bool own_part(struct backup_file *f)
{
    struct stat held, named;
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0 || fstat(f->fd, &held) != 0 ||
        lstat(f->part, &named) != 0 || held.st_ino != named.st_ino || held.st_dev != named.st_dev)
        return complain(f->name, "another backup is writing it right now");
    if (!S_ISREG(held.st_mode) || ftruncate(f->fd, 0) != 0 || fchmod(f->fd, 0600) != 0)
        return complain(f->part, "it cannot be written");
    return true;
}

bool backup_file_open(struct backup_file *f, const char *name)
{
    struct stat there;
    *f = (struct backup_file){.fd = -1, .name = name};
    if ((size_t)snprintf(f->part, sizeof(f->part), "%s.part", name) >= sizeof(f->part))
        return complain(name, "the name is too long");
    if (lstat(name, &there) == 0) {
        errno = EEXIST;
        return complain_errno(name);
    }
    f->fd = open(f->part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (f->fd < 0)
        return complain_errno(name);
    if (own_part(f))
        return true;
    (void)close(f->fd); /* not ours: it stays */
    f->fd = -1;
    return false;
}

bool backup_file_write(const struct backup_file *f, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(f->fd, bytes.p, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return complain_errno(f->name);
        bytes = span_skip(bytes, (size_t)n);
    }
    return true;
}

/* The name itself is on the disk only with its folder. */
static void sync_folder(const char *name)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(name, '/');
    (void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - name + 1) : 1,
                   slash ? name : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

/* Not every file system can refuse to replace by itself; then the look before it must do. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

bool backup_file_finish(struct backup_file *f)
{
    if (fsync(f->fd) != 0 || rename_new(f->part, f->name) != 0) {
        (void)complain_errno(f->name);
        backup_file_drop(f);
        return false;
    }
    sync_folder(f->name);
    (void)close(f->fd);
    f->fd = -1;
    return true;
}

void backup_file_drop(struct backup_file *f)
{
    if (f->fd < 0)
        return;
    (void)unlink(f->part);
    (void)close(f->fd);
    f->fd = -1;
}
