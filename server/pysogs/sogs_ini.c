/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a sogs.ini as Python's configparser does, as far as the three settings need it: a value
 * may go on in indented lines, and %% is one %.
 */
#include "pysogs/sogs_ini.h"

#include <ini.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "pysogs/source.h"

enum { LINE_MAX_BYTES = 8192 };

/* The values as they stand there; empty: not set. */
struct values {
    char url[SOGS_INI_URL_MAX], key[PATH_MAX], uploads[PATH_MAX];
    bool too_long;
};

static void set(struct values *v, char *out, size_t size, const char *value)
{
    size_t len = 0;
    for (; *value != '\0' && len + 1 < size; value++) {
        out[len++] = *value;
        if (value[0] == '%' && value[1] == '%')
            value++;
    }
    out[len] = '\0';
    v->too_long |= *value != '\0';
}

static bool is(const char *section, const char *key, const char *wanted_section, const char *wanted)
{
    return strcmp(section, wanted_section) == 0 && strcasecmp(key, wanted) == 0;
}

/* inih's handler; always "success". */
static int on_value(void *user, const char *section, const char *key, const char *value)
{
    struct values *v = user;
    if (is(section, key, "db", "url"))
        set(v, v->url, sizeof(v->url), value);
    else if (is(section, key, "crypto", "key_file"))
        set(v, v->key, sizeof(v->key), value);
    else if (is(section, key, "files", "uploads_dir"))
        set(v, v->uploads, sizeof(v->uploads), value);
    return 1;
}

/* False: too long. */
static bool join(const char *folder, const char *path, size_t size, char *out)
{
    int n = path[0] == '/' ? snprintf(out, size, "%s", path)
                           : snprintf(out, size, "%s/%s", folder, path);
    return n >= 0 && (size_t)n < size;
}

static bool folder_of(const char *path, const char *folder, char out[static PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int n = folder != NULL  ? snprintf(out, PATH_MAX, "%s", folder)
            : slash == NULL ? snprintf(out, PATH_MAX, ".")
                            : snprintf(out, PATH_MAX, "%.*s", (int)(slash - path) + 1, path);
    return n >= 0 && n < PATH_MAX;
}

static enum err refuse(const char *why, const char **ret_why)
{
    *ret_why = why;
    return ERR_DENIED;
}

static enum err resolve(const char *path, const char *folder, const struct values *v,
                        struct sogs_ini *out, const char **ret_why)
{
    const char *file = source_path(v->url[0] != '\0' ? v->url : "sogs.db");
    bool fits =
        !v->too_long && folder_of(path, folder, out->folder) &&
        join(out->folder, v->key[0] != '\0' ? v->key : "key_x25519", sizeof(out->key), out->key);
    if (v->uploads[0] != '\0')
        fits = fits && join(out->folder, v->uploads, sizeof(out->uploads), out->uploads);
    fits =
        fits && (file != NULL ? join(out->folder, file, sizeof(out->database), out->database)
                              : snprintf(out->database, sizeof(out->database), "%s", v->url) > 0);
    if (!fits)
        return refuse("a path or address in it is too long", ret_why);
    if (v->url[0] == '\0' && access(out->database, F_OK) != 0)
        return refuse("it names no [db] url, and there is no sogs.db in the folder that PySOGS is "
                      "started in (--folder, if it is not where sogs.ini is)",
                      ret_why);
    return OK;
}

enum err sogs_ini_read(const char *path, const char *folder, struct sogs_ini *ret_ini,
                       const char **ret_why)
{
    struct values values = {.url = ""};
    struct sogs_ini ini = {.database = ""};
    ini_max_line = LINE_MAX_BYTES;
    ini_allow_multiline = false;
    int line = ini_parse(path, on_value, &values);
    if (line == -1)
        return refuse("it cannot be read: there is no such file, or this user may not read it",
                      ret_why);
    if (line < 0)
        return ERR_NO_MEMORY;
    enum err e = resolve(path, folder, &values, &ini, ret_why);
    if (e == OK)
        *ret_ini = ini;
    return e;
}
