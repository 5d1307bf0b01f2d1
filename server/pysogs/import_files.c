/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files: rows of the old database, and their content from the old server's folder. What has
 * expired, or is not there, is left out; when that is the picture of a room or pinned, it is said
 * by its id.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "files/blob.h"
#include "pysogs/import.h"
#include "store/file_jobs.h"

enum {
    DAY_S = 86400,
    /*
     * Partitions are made as far ahead as this; later content goes where things without an end are,
     * and by row.
     */
    DAYS_AHEAD = 60,
};

enum column {
    ID,
    ROOM,
    MESSAGE,
    UPLOADER,
    SIZE,
    UPLOADED,
    EXPIRY,
    NAME,
    PATH,
    IS_PICTURE,
    IS_PINNED
};

struct opened {
    int fd;
    int64_t size;
};

static double now_of(const struct import *im)
{
    return (double)im->now_ms / 1000;
}

static enum err missing(struct import *im)
{
    struct source *s = im->source;
    bool picture = source_i64(s, IS_PICTURE) != 0;
    if (picture || source_i64(s, IS_PINNED) != 0)
        (void)fprintf(stderr, "conclave: files, id %lld: %s, and it is not in the folder\n",
                      (long long)source_i64(s, ID),
                      picture ? "the picture of a room" : "attached to a pinned message");
    return import_leave(im, "files that are not in the folder");
}

/* Where a descriptor leads to, when every link has been followed. False: nobody knows. */
static bool place_of(int fd, char out[static PATH_MAX])
{
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, out, PATH_MAX - 1);
    out[len < 0 ? 0 : len] = '\0';
    return len > 0;
}

static bool lies_below(int fd, int folder)
{
    char file[PATH_MAX], above[PATH_MAX];
    if (folder < 0 || !place_of(fd, file) || !place_of(folder, above))
        return false;
    size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);
    return strncmp(file, above, len) == 0 && file[len] == '/';
}

/*
 * Whoever made the database chose the path, and whoever imports may read this server's keys: so
 * nothing is opened but regular files below the folders that the operator named. Until that is
 * known the file is only held, not opened (O_PATH), since to open a device is to use it.
 */
static enum err hold_content(struct import *im, struct opened *ret_held)
{
    char path[PATH_MAX];
    struct stat info;
    int64_t id = source_i64(im->source, ID);
    struct span text = source_bytes(im->source, PATH);
    if (text.len == 0 || text.len >= sizeof(path) || memchr(text.p, 0, text.len) != NULL)
        return missing(im);
    memcpy(path, text.p, text.len);
    path[text.len] = '\0';
    int fd = openat(im->folder, path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return missing(im);
    if (fd < 0)
        return import_refuse(im, "files", id, "this user may not read its file");
    enum err e = OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        e = missing(im);
    else if (!lies_below(fd, im->folder) && !lies_below(fd, im->uploads))
        e = import_refuse(im, "files", id,
                          "it lies neither below --folder nor --uploads, which is for a [files] "
                          "uploads_dir of sogs.ini, or a link, that leads elsewhere");
    if (e == OK)
        *ret_held = (struct opened){fd, info.st_size};
    else
        (void)close(fd);
    return e;
}

static enum err open_content(struct import *im, struct opened *ret_opened)
{
    char link[64];
    struct opened held = {.fd = -1};
    enum err e = hold_content(im, &held);
    if (e != OK)
        return e;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", held.fd);
    *ret_opened = (struct opened){open(link, O_RDONLY | O_CLOEXEC), held.size};
    (void)close(held.fd);
    if (ret_opened->fd >= 0)
        return OK;
    return import_refuse(im, "files", source_i64(im->source, ID),
                         "this user may not read its file");
}

/* The partition of chunks for what ends then (-1: never), which is made if need be. */
static enum err day_of(struct import *im, double expiry, int64_t *ret_day)
{
    *ret_day = FILES_DAY_PERMANENT;
    if (expiry < 0 || expiry > now_of(im) + (double)DAYS_AHEAD * DAY_S)
        return OK;
    *ret_day = (int64_t)(expiry / DAY_S);
    if (*ret_day == im->last_day)
        return OK;
    im->last_day = *ret_day;
    return file_jobs_partitions(im->db, *ret_day, *ret_day);
}

/* As much of a name as we keep, not cut within a character; none if it is no text. */
static struct span name_of(struct span name)
{
    if (!utf8_valid(name))
        return (struct span){NULL, 0};
    size_t len = name.len < BLOB_NAME_MAX ? name.len : BLOB_NAME_MAX;
    while (len > 0 && len < name.len && (name.p[len] & 0xc0) == 0x80)
        len--;
    return span_first(name, len);
}

static enum err put_file(struct import *im, const struct opened *content, double expiry,
                         struct batch *out)
{
    struct source *s = im->source;
    AUTO_BUF struct buf name = buf_make(FILE_NAME_SEALED_MAX);
    struct blob_take take = {.fd = im->dry_run ? -1 : content->fd,
                             .size = content->size,
                             .room = source_i64(s, ROOM),
                             .now = now_of(im),
                             .name = name_of(source_bytes(s, NAME))};
    int64_t id = source_i64(s, ID), blob = 0;
    enum err e = day_of(im, expiry, &take.day);
    if (e == OK)
        e = blob_take(im->db, im->ring, &take, &blob, &name);
    if (e == ERR_MISSING)
        return import_refuse(im, "files", id, "its file cannot be read to its end");
    if (e != OK)
        return e;
    im->file_bytes += content->size;
    batch_begin(out, id);
    batch_i64(out, id);
    batch_i64(out, take.room);
    batch_i64(out, source_i64(s, MESSAGE));
    batch_i64(out, import_user(im, source_i64(s, UPLOADER)));
    batch_i64(out, blob);
    batch_bytes(out, name.len > 0 ? buf_span(&name) : (struct span){NULL, 0});
    batch_f64(out, source_f64(s, UPLOADED));
    batch_f64(out, expiry);
    return batch_end(out);
}

/* PySOGS lets the picture of a room expire when it is set again; the room still shows it. */
static double expiry_of(struct import *im)
{
    return source_i64(im->source, IS_PICTURE) != 0 ? -1 : source_f64(im->source, EXPIRY);
}

/* Reads it a second time, to be compared with the copy that was made of it. */
static enum err sum_content(struct import *im, int fd)
{
    uint8_t piece[KIB(16)];
    ssize_t n = -1;
    struct digest_content *sum = mem_alloc_zero(1, sizeof(*sum));
    if (sum == NULL)
        return ERR_NO_MEMORY;
    if (lseek(fd, 0, SEEK_SET) == 0)
        while ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR))
            digest_content_put(sum, span_of(piece, n > 0 ? (size_t)n : 0));
    digest_content_end(sum, im->content);
    mem_free(sum);
    return n == 0 ? OK
                  : import_refuse(im, "files", source_i64(im->source, ID),
                                  "its file cannot be read to its end");
}

static void same_file(struct import *im, struct digest_row *out)
{
    struct source *s = im->source;
    double expiry = expiry_of(im);
    struct span name = name_of(source_bytes(s, NAME));
    int64_t uploader = source_i64(s, UPLOADER), message = source_i64(s, MESSAGE);
    digest_i64(out, source_i64(s, ID));
    digest_i64(out, source_i64(s, ROOM));
    if (uploader < 0)
        digest_null(out);
    else
        import_same_user(im, out, uploader);
    import_same_number(out, message > 0 ? message : -1);
    digest_f64(out, source_f64(s, UPLOADED));
    if (expiry < 0)
        digest_null(out);
    else
        digest_f64(out, expiry);
    digest_i64(out, im->content_size);
    if (name.len > 0)
        digest_bytes(out, name);
    else
        digest_null(out);
    digest_bytes(out, span_of(im->content, sizeof(im->content)));
}

static enum err take_file(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    double expiry = expiry_of(im);
    struct opened content = {.fd = -1};
    if (source_i64(s, ROOM) == 0)
        return import_leave(im, "files of rooms that are gone");
    if (expiry >= 0 && expiry <= now_of(im))
        return import_leave(im, "files whose time is over");
    enum err e = open_content(im, &content);
    if (e != OK)
        return e;
    if (content.size != source_i64(s, SIZE))
        im->file_sizes++;
    e = put_file(im, &content, expiry, out);
    im->content_size = content.size;
    if (e == OK && !im->dry_run)
        e = sum_content(im, content.fd);
    (void)close(content.fd);
    return e;
}

enum { NOT_THERE = -1, NOT_OURS = -2 };

/*
 * Of a file in the folder. NOT_OURS: it lies elsewhere or is none, which its row is refused for
 * later.
 */
static int64_t size_of(const struct import *im, struct span name)
{
    char path[PATH_MAX];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%.*s", (int)name.len, (const char *)name.p);
    int fd = name.len < sizeof(path) ? openat(im->folder, path, O_PATH | O_CLOEXEC) : -1;
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? NOT_THERE : NOT_OURS;
    bool ours = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                (lies_below(fd, im->folder) || lies_below(fd, im->uploads));
    (void)close(fd);
    return ours ? info.st_size : NOT_OURS;
}

/* Copied while it was being written, or not to the end. */
enum err import_look_at_files(struct import *im)
{
    struct source *s = im->source;
    int64_t all = 0, missing_files = 0, other_size = 0;
    char sql[512];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT f.path, f.size FROM files f"
                   " WHERE EXISTS (SELECT 1 FROM rooms r WHERE r.id = f.room)"
                   "   AND (f.expiry IS NULL OR f.expiry > %lld"
                   "        OR EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id))",
                   (long long)(im->now_ms / SECOND_MS));
    enum err e = source_ask(s, sql);
    while (e == OK && (e = source_next(s)) == OK) {
        int64_t size = size_of(im, source_bytes(s, 0));
        all++;
        missing_files += size == NOT_THERE;
        other_size += size >= 0 && size != source_i64(s, 1);
    }
    if (e != ERR_MISSING || !source_ok(s))
        return import_fail("files", "the table cannot be read");
    if (missing_files + other_size == 0)
        return OK;
    (void)fprintf(stderr,
                  "conclave: %sfiles: of %lld, %lld are not in the folder and %lld have another "
                  "size than the old server noted: copy uploads to the end, or, if they are lost, "
                  "say --skip-missing-files\n",
                  im->dry_run ? "warning: " : "", (long long)all, (long long)missing_files,
                  (long long)other_size);
    return im->dry_run ? OK : ERR_DENIED;
}

enum err import_files(struct import *im)
{
    static const struct import_table files = {
        .name = "files",
        .sql =
            "SELECT f.id, (SELECT r.id FROM rooms r WHERE r.id = f.room), "
            "       coalesce((SELECT m.id FROM messages m WHERE m.id = f.message), 0),"
            "       coalesce((SELECT u.id FROM users u WHERE u.id = f.uploader), -1),"
            "       f.size, f.uploaded, coalesce(f.expiry, -1),"
            "       f.filename, f.path,"
            "       CASE WHEN EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id)"
            "            THEN 1 ELSE 0 END,"
            "       CASE WHEN EXISTS (SELECT 1 FROM pinned_messages p WHERE p.message = f.message)"
            "            THEN 1 ELSE 0 END"
            "  FROM files f ORDER BY f.id",
        .what = TAKING_FILES,
        .letters = "iiiiibdd",
        .row = take_file,
        .same = same_file,
        .giving = GIVING_FILES,
    };
    enum err e = import_table(im, &files);
    if (e == OK)
        import_took(im, "  bytes of them", im->file_bytes);
    if (e == OK && im->file_sizes > 0)
        (void)fprintf(
            stderr,
            "conclave: warning: %lld files have another size than the old server noted; they "
            "are taken as they are\n",
            (long long)im->file_sizes);
    return e;
}
