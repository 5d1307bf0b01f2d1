/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libmagic behind a lock and a row of handles. The bytes are hostile: whatever parses structure
 * (archives, documents, programs, compressed data) is off, and only a short beginning is given to
 * it.
 */
#include "files/sniff.h"

#include <magic.h>
#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"

#define TYPE_UNKNOWN "application/octet-stream"

enum {
    FLAGS = MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_CDF |
            MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_APPTYPE,
    /* Text is only told from noise in bodies at least this long. */
    TEXT_MIN_BYTES = 512,
};

struct sniffer {
    pthread_mutex_t lock; /* guards free and free_count */
    pthread_cond_t freed;
    magic_t *free;
    unsigned free_count, count;
};

static magic_t open_handle(void)
{
    magic_t m = magic_open(FLAGS);
    size_t bytes_max = SNIFF_BYTES;
    if (m != NULL &&
        (magic_load(m, NULL) != 0 || magic_setparam(m, MAGIC_PARAM_BYTES_MAX, &bytes_max) != 0)) {
        magic_close(m);
        return NULL;
    }
    return m;
}

enum err sniffer_new(unsigned handles, struct sniffer **ret_sniffer)
{
    struct sniffer *s = MEM_NEW(struct sniffer);
    if (s == NULL)
        return ERR_NO_MEMORY;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->freed, NULL);
    s->free = mem_alloc_zero(handles, sizeof(magic_t));
    enum err e = s->free == NULL ? ERR_NO_MEMORY : OK;
    while (e == OK && s->count < handles) {
        s->free[s->count] = open_handle();
        if (s->free[s->count] == NULL)
            e = ERR_MISSING;
        else
            s->free_count = ++s->count;
    }
    if (e != OK) {
        sniffer_free(s);
        return e;
    }
    *ret_sniffer = s;
    return OK;
}

void sniffer_free(struct sniffer *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; s->free != NULL && i < s->free_count; i++)
        magic_close(s->free[i]);
    mem_free(s->free);
    (void)pthread_cond_destroy(&s->freed);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static magic_t borrow(struct sniffer *s)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->free_count == 0)
        (void)pthread_cond_wait(&s->freed, &s->lock);
    magic_t m = s->free[--s->free_count];
    (void)pthread_mutex_unlock(&s->lock);
    return m;
}

static void give_back(struct sniffer *s, magic_t m)
{
    (void)pthread_mutex_lock(&s->lock);
    s->free[s->free_count++] = m;
    (void)pthread_cond_signal(&s->freed);
    (void)pthread_mutex_unlock(&s->lock);
}

/*
 * libmagic 5.46 renames one type, and tells another in files only: both keep the names of 5.44, on
 * which lists depend.
 */
static const char *settled_name(const char *type, struct span beginning)
{
    if (strcmp(type, "application/vnd.rar") == 0)
        return "application/x-rar";
    if (strcmp(type, TYPE_UNKNOWN) == 0 && span_starts_with(beginning, SPAN("PK\3\4")))
        return "application/zip";
    return type;
}

void sniffer_type(struct sniffer *s, struct span body, char ret_type[static SNIFF_TYPE_MAX])
{
    struct span beginning = span_first(body, SNIFF_BYTES);
    magic_t m = borrow(s);
    /* Its text belongs to the handle: copied before another call overwrites it. */
    const char *type = beginning.len == 0 ? NULL : magic_buffer(m, beginning.p, beginning.len);
    (void)snprintf(ret_type, SNIFF_TYPE_MAX, "%s",
                   settled_name(type == NULL ? TYPE_UNKNOWN : type, beginning));
    give_back(s, m);
}

/* ---- rules ---- */

static bool is_one_of(const char *type, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(type, list[i]) == 0)
            return true;
    }
    return false;
}

/*
 * Never in here, because random bytes are taken for them: application/x-dosexec, application/zlib,
 * application/gzip, any audio but the three, image/jxl, image/g3fax, text/PGP,
 * application/postscript, and all of the table in 4.2.
 */
static const char *const plain_types[] = {
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/tiff",
    "image/bmp",
    "image/heic",
    "image/avif",
    "image/svg+xml",
    "video/mp4",
    "video/webm",
    "video/x-matroska",
    "audio/ogg",
    "audio/flac",
    "audio/x-wav",
    "application/pdf",
    "application/zip",
    "application/x-7z-compressed",
    "application/x-rar",
    "application/vnd.microsoft.portable-executable",
    "application/x-executable",
    "application/x-pie-executable",
    "application/x-sharedlib",
    "application/vnd.sqlite3",
    "text/html",
};
static const char *const plain_text_types[] = {"text/plain", "application/json",
                                               "text/x-shellscript"};
static const char *const room_image_types[] = {"image/png", "image/jpeg", "image/gif",
                                               "image/webp"};

bool sniff_is_plain(const char *type, size_t body_len)
{
    return is_one_of(type, plain_types, COUNT_OF(plain_types)) ||
           (body_len >= TEXT_MIN_BYTES &&
            is_one_of(type, plain_text_types, COUNT_OF(plain_text_types)));
}

bool sniff_is_room_image(const char *type)
{
    return is_one_of(type, room_image_types, COUNT_OF(room_image_types));
}

/* Takes the next entry of a list from its front. */
static struct span next_entry(struct span *list)
{
    struct span entry = span_first(*list, span_find(*list, ','));
    *list = span_skip(*list, entry.len + 1);
    return entry;
}

bool sniff_is_listed(struct span list, const char *type)
{
    struct span wanted = span_of_text(type);
    while (list.len > 0) {
        struct span entry = next_entry(&list);
        bool beginning = entry.p != NULL && entry.len > 0 && entry.p[entry.len - 1] == '/';
        if (beginning ? span_starts_with(wanted, entry) : span_eq(wanted, entry))
            return true;
    }
    return false;
}

bool sniff_list_ok(struct span list)
{
    if (list.p == NULL || list.len == 0 || list.p[list.len - 1] == ',')
        return false;
    for (size_t i = 0; i < list.len; i++) {
        if (list.p[i] <= ' ' || list.p[i] >= 0x7f)
            return false;
    }
    while (list.len > 0) {
        struct span entry = next_entry(&list);
        size_t slash = span_find(entry, '/');
        if (slash == 0 || slash == entry.len)
            return false;
    }
    return true;
}
