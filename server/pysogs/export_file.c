/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content into uploads/TOKEN/ID_NAME, where PySOGS would have put it; what counts is the path in
 * its database.
 */
#include "pysogs/export_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
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

/* Where content goes: into a file, or, with sums, only into a digest. */
struct sink {
    int fd;
    struct digest_content *digest; /* NULL: the file */
};

static enum err put_piece(const struct sink *sink, struct span piece)
{
    if (sink->digest == NULL)
        return write_all(sink->fd, piece);
    digest_content_put(sink->digest, piece);
    return OK;
}

static enum err put_content(struct export *ex, const struct blob_ref *ref,
                            const struct file_row *file, const struct sink *sink)
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
            e = put_piece(sink, piece);
        left -= e == OK ? piece.len : 0;
    }
    if (source != NULL)
        source->close(source);
    return e == ERR_MISSING ? ERR_DEFECT : e; /* it was there a moment ago */
}

/* PySOGS reads and writes them as the owner that the operator named. */
static bool give_away(const struct export *ex, const char *path)
{
    struct stat info;
    if (fstatat(ex->folder, path, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    return (info.st_uid == ex->owner && info.st_gid == ex->group) ||
           fchownat(ex->folder, path, ex->owner, ex->group, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum err make_file(struct export *ex, const struct blob_ref *ref,
                          const struct file_row *file, const char *path)
{
    struct sink sink = {
        .fd = openat(ex->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (sink.fd < 0)
        return errno == EEXIST ? ERR_CONFLICT : ERR_DENIED;
    enum err e = put_content(ex, ref, file, &sink);
    if (close(sink.fd) != 0 || (e == OK && !give_away(ex, path)))
        return ERR_DENIED;
    return e;
}

static enum err make_folder(const struct export *ex, const char *path)
{
    bool made = mkdirat(ex->folder, path, 0700) == 0 || errno == EEXIST;
    return made && give_away(ex, path) ? OK : ERR_DENIED;
}

/* Makes the file, and adds its path to the row. */
static enum err put_file(struct export *ex, const struct blob_ref *ref, const struct row *row,
                         const struct file_row *file)
{
    AUTO_BUF struct buf path = buf_make(PATH_BYTES);
    put_folder(&path, row_bytes(row, 6));
    buf_put_byte(&path, '\0');
    enum err e = buf_verdict(&path);
    if (e == OK)
        e = make_folder(ex, "uploads");
    if (e == OK)
        e = make_folder(ex, (const char *)path.p);
    buf_reset(&path);
    put_folder(&path, row_bytes(row, 6));
    put_name(&path, ref->file, file->name);
    /* It has to last until the row is written. */
    struct span kept = arena_dup(ex->mem, buf_span(&path));
    if (e == OK && kept.len != path.len)
        e = ERR_NO_MEMORY;
    buf_put_byte(&path, '\0');
    if (e == OK)
        e = buf_verdict(&path);
    if (e == OK)
        e = make_file(ex, ref, file, (const char *)path.p);
    if (e == OK)
        target_text(ex->target, kept);
    return e;
}

/* Instead of the path, which says nothing about the content. */
static enum err sum_file(struct export *ex, const struct blob_ref *ref, const struct file_row *file)
{
    struct digest_content *content = mem_alloc_zero(1, sizeof(*content));
    if (content == NULL)
        return ERR_NO_MEMORY;
    const struct sink sink = {.fd = -1, .digest = content};
    uint8_t hash[DIGEST_BYTES];
    enum err e = put_content(ex, ref, file, &sink);
    digest_content_end(content, hash);
    if (e == OK)
        target_bytes(ex->target, span_of(hash, sizeof(hash)));
    mem_free(content);
    return e;
}

enum err export_file(struct export *ex, const struct row *row)
{
    const struct blob_ref ref = {.room = row_i64(row, 1), .file = row_i64(row, 0)};
    struct file_row file;
    enum err e = blob_stat(ex->db, ex->ring, &ref, ex->mem, ex->now, &file);
    if (e != OK)
        return e;
    target_i64(ex->target, file.blob.size);
    if (file.name.len > 0)
        target_text(ex->target, file.name);
    else
        target_null(ex->target);
    return ex->sums != NULL ? sum_file(ex, &ref, &file) : put_file(ex, &ref, row, &file);
}
