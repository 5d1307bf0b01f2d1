/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content into uploads/TOKEN/ID_NAME, where PySOGS would have put it; what counts is the path in its database.
 */
#include "pysogs/export_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/blob.h"

enum { NAME_SHOWN_MAX = 40, PATH_BYTES = 256 };

static void put_folder(struct buf *path, struct span token)
{
    buf_put_text(path, "uploads/");
    buf_put(path, token);
}

/* As much of it as may stand in the name of a file anywhere. */
static void put_name(struct buf *path, int64_t id, struct span name)
{
    buf_put_byte(path, '/');
    buf_put_i64(path, id);
    buf_put_byte(path, '_');
    if (name.len == 0)
        buf_put_text(path, "unnamed");
    for (size_t i = 0; i < name.len && i < NAME_SHOWN_MAX; i++) {
        bool plain = name.p[i] != 0 && name.p[i] < 0x80 &&
                     (isalnum(name.p[i]) || strchr("-_.", name.p[i]) != NULL);
        buf_put_byte(path, plain ? name.p[i] : '_');
    }
}

static enum err write_all(int fd, struct span piece)
{
    while (piece.len > 0) {
        ssize_t n = write(fd, piece.p, piece.len);
        if (n < 0 && errno != EINTR)
            return ERR_DENIED;
        piece = span_skip(piece, n > 0 ? (size_t)n : 0);
    }
    return OK;
}

static enum err write_content(struct export *ex, const struct blob_ref *ref,
                              const struct file_row *file, int fd)
{
    struct body_source *source = NULL;
    uint64_t left = (uint64_t)file->blob.size;
    enum err e = blob_open(ex->ring, ref, file, &source);
    while (e == OK && left > 0) {
        struct span piece = {NULL, 0};
        e = source->next(source, ex->db, &piece);
        if (e == OK && (piece.len == 0 || piece.len > left))
            e = ERR_DEFECT;
        if (e == OK)
            e = write_all(fd, piece);
        left -= e == OK ? piece.len : 0;
    }
    if (source != NULL)
        source->close(source);
    return e == ERR_MISSING ? ERR_DEFECT : e; /* it was there a moment ago */
}

static enum err make_file(struct export *ex, const struct blob_ref *ref,
                          const struct file_row *file, const char *path)
{
    int fd = openat(ex->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? ERR_CONFLICT : ERR_DENIED;
    enum err e = write_content(ex, ref, file, fd);
    return close(fd) != 0 && e == OK ? ERR_DENIED : e;
}

static enum err make_folders(struct export *ex, const char *folder)
{
    bool made = (mkdirat(ex->folder, "uploads", 0700) == 0 || errno == EEXIST) &&
                (mkdirat(ex->folder, folder, 0700) == 0 || errno == EEXIST);
    return made ? OK : ERR_DENIED;
}

enum err export_file(struct export *ex, const struct row *row)
{
    const struct blob_ref ref = {.room = row_i64(row, 1), .file = row_i64(row, 0)};
    struct file_row file;
    AUTO_BUF struct buf path = buf_make(PATH_BYTES);
    enum err e = blob_stat(ex->db, ex->ring, &ref, ex->mem, ex->now, &file);
    if (e != OK)
        return e;
    put_folder(&path, row_bytes(row, 6));
    buf_put_byte(&path, '\0');
    e = buf_verdict(&path);
    if (e == OK)
        e = make_folders(ex, (const char *)path.p);
    buf_reset(&path);
    put_folder(&path, row_bytes(row, 6));
    put_name(&path, ref.file, file.name);
    /* It has to last until the row is written. */
    struct span kept = arena_dup(ex->mem, buf_span(&path));
    if (e == OK && kept.len != path.len)
        e = ERR_NO_MEMORY;
    buf_put_byte(&path, '\0');
    if (e == OK)
        e = buf_verdict(&path);
    if (e == OK)
        e = make_file(ex, &ref, &file, (const char *)path.p);
    if (e != OK)
        return e;
    target_i64(ex->target, file.blob.size);
    if (file.name.len > 0)
        target_text(ex->target, file.name);
    else
        target_null(ex->target);
    target_text(ex->target, kept);
    return OK;
}
