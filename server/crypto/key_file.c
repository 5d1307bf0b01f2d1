/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key files: reading them with an eye on who else may, and making new ones that never replace an
 * old one. A lost or replaced server key loses the whole community, so nothing here ever
 * overwrites.
 */
#include "crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hex.h"

enum {
    KEY_BYTES = 32,
    KEY_HEX_LEN = 64,
    KEY_FILE_MAX_BYTES = KEY_HEX_LEN + 2, /* hex and a final newline, CR LF at most */
};

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define AUTO_FD CLEANUP(close_fd)

/* Reads until the end or until out is full; -1 on failure. */
static ssize_t read_all(int fd, uint8_t *out, size_t size)
{
    size_t filled = 0;
    while (filled < size) {
        ssize_t n = read(fd, out + filled, size - filled);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        filled += (size_t)n;
    }
    return (ssize_t)filled;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* 32 raw bytes, or 64 hex digits with or without a final newline. */
static bool decode(struct span content, uint8_t out[static KEY_BYTES])
{
    if (content.len == KEY_BYTES) {
        memcpy(out, content.p, KEY_BYTES);
        return true;
    }
    struct span end = span_skip(content, KEY_HEX_LEN);
    if (end.len != 0 && !span_eq(end, SPAN("\n")) && !span_eq(end, SPAN("\r\n")))
        return false;
    return hex_read(span_first(content, KEY_HEX_LEN), out, KEY_BYTES) == OK;
}

enum key_file_state key_file_read(const char *path, uint8_t out[static 32])
{
    /* O_NONBLOCK: a FIFO in the key's place must not hang the start. */
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? KEY_FILE_MISSING : KEY_FILE_UNREADABLE;
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return KEY_FILE_UNREADABLE;
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return KEY_FILE_WRITABLE_BY_OTHERS;
    uint8_t content[KEY_FILE_MAX_BYTES + 1]; /* one more tells a file that is too long */
    ssize_t len = read_all(fd, content, sizeof(content));
    bool good = len >= 0 && decode(span_of(content, (size_t)len), out);
    crypto_wipe(content, sizeof(content));
    if (len < 0)
        return KEY_FILE_UNREADABLE;
    if (!good)
        return KEY_FILE_BAD_CONTENT;
    bool seen = (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
    return seen ? KEY_FILE_READABLE_BY_OTHERS : KEY_FILE_OK;
}

static void sync_folder(const char *folder)
{
    /*
     * Best effort: the key is complete either way, and some file systems refuse to sync a folder.
     */
    AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

static enum err fill(int fd, const uint8_t key[static KEY_BYTES])
{
    bool written = write_all(fd, key, KEY_BYTES) && fchmod(fd, S_IRUSR) == 0 && fsync(fd) == 0;
    return written ? OK : ERR_DENIED;
}

/* link(2) refuses to replace, which rename(2) would not. */
static enum err put_in_place(const char *temporary, const char *path)
{
    if (link(temporary, path) == 0)
        return OK;
    return errno == EEXIST ? ERR_CONFLICT : ERR_DENIED;
}

enum err key_file_write(const char *path, const uint8_t key[static 32])
{
    struct span name = span_of_text(path);
    AUTO_BUF struct buf temporary = buf_make(PATH_MAX);
    buf_put(&temporary, name);
    buf_put(&temporary, span_of(".XXXXXX", sizeof(".XXXXXX"))); /* with its NUL */
    AUTO_BUF struct buf folder = buf_make(PATH_MAX);
    const char *slash = strrchr(path, '/');
    buf_put(&folder, slash == NULL ? SPAN(".") : span_of(path, (size_t)(slash - path) + 1));
    buf_put_byte(&folder, 0);
    if (buf_verdict(&temporary) != OK || buf_verdict(&folder) != OK)
        return ERR_DENIED;

    struct stat st;
    if (lstat(path, &st) == 0)
        return ERR_CONFLICT;
    AUTO_FD int fd = mkostemp((char *)temporary.p, O_CLOEXEC);
    if (fd < 0)
        return ERR_DENIED;
    enum err e = fill(fd, key);
    if (e == OK)
        e = put_in_place((const char *)temporary.p, path);
    (void)unlink((const char *)temporary.p);
    if (e == OK)
        sync_folder((const char *)folder.p);
    return e;
}

enum err key_file_generate(const char *path)
{
    uint8_t key[KEY_BYTES];
    crypto_random(key, sizeof(key));
    enum err e = key_file_write(path, key);
    crypto_wipe(key, sizeof(key));
    return e;
}
