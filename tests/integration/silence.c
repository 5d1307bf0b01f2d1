/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every world ends with a look at what was logged meanwhile, at level debug, by its servers and its
 * database: none of its accounts may be named there (docs/design.md, D11). test_closed_mouths.c
 * looks for more, in more forms; this looks every time.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hex.h"
#include "integration/world_settings.h"

enum { LOG_MAX_BYTES = 256 << 20, KEY_HEX_LEN = 64, NAMES_PER_ACCOUNT = 3 };

static enum err read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_MISSING;
    for (ssize_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(out, KIB(64));
        n = to != NULL ? read(fd, to, KIB(64)) : 0;
        if (n > 0)
            buf_commit(out, (size_t)n);
    }
    (void)close(fd);
    return buf_verdict(out);
}

/* The keys that ids are made of: the account's two, and the blinded one. */
static size_t names_of(const struct world *w, const struct account *a,
                       char names[NAMES_PER_ACCOUNT][KEY_HEX_LEN])
{
    struct blinded blinded;
    hex_write(SPAN_OF_KEY(&a->ed), names[0]);
    hex_write(SPAN_OF_KEY(&a->x), names[1]);
    if (blinding_15(a, &w->key, &blinded) != OK)
        return NAMES_PER_ACCOUNT - 1;
    hex_write(SPAN_OF_KEY(&blinded.key), names[2]);
    blinding_done(&blinded);
    return NAMES_PER_ACCOUNT;
}

static bool names_nobody(const struct world *w, const char *path)
{
    struct buf log AUTO_BUF = buf_make(LOG_MAX_BYTES);
    bool silent = true;
    if (read_file(path, &log) != OK || log.len == 0)
        return true; /* this one has not run, or not said a word */
    for (size_t i = 0; i < w->account_count; i++) {
        char names[NAMES_PER_ACCOUNT][KEY_HEX_LEN];
        size_t count = names_of(w, &w->accounts[i], names);
        for (size_t n = 0; n < count; n++)
            if (memmem(log.p, log.len, names[n], KEY_HEX_LEN) != NULL) {
                (void)fprintf(stderr, "%s names an account: %.*s\n", path, KEY_HEX_LEN, names[n]);
                silent = false;
            }
    }
    return silent;
}

bool world_is_silent(const struct world *w)
{
    char path[WORLD_PATH_MAX + 8];
    bool silent = true;
    for (size_t i = 0; i < w->server_count; i++)
        silent = names_nobody(w, w->servers[i].log_path) && silent;
    (void)snprintf(path, sizeof(path), "%s/log", w->folder);
    return names_nobody(w, path) && silent;
}
