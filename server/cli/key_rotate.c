/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three steps, each of which is done or not done, so that an interrupted exchange is finished by
 * the same command:
 *
 *      1. FILE.new is made, with a new key.
 *      2. The database: all row keys are wrapped by the new key, in one transaction.
 *      3. The files: FILE becomes FILE.old, then FILE.new becomes FILE.
 *
 * Which step comes next is seen from the names of the keys in the three files and in the database.
 * A server that meets the name of a key that it does not have reads FILE and FILE.new again.
 */
#include "cli/key_rotate.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "crypto/mac.h"

struct key_file {
    char path[PATH_MAX + 8];
    bool there;
    struct key_name name;
};

struct exchange {
    struct cli *cli;
    struct ring *ring;
    struct key_name used; /* in the database */
    struct key_file file, next, old;
};

static bool same(const struct key_name *a, const struct key_name *b)
{
    return span_eq(SPAN_OF_KEY(a), SPAN_OF_KEY(b));
}

static bool is_key(const struct key_file *f, const struct key_name *name)
{
    return f->there && same(&f->name, name);
}

/* A file that is there must be a key: neither of the two is replaced unseen. */
static int look_at(struct key_file *f, const char *path, const char *suffix)
{
    uint8_t raw[32];
    *f = (struct key_file){0};
    (void)snprintf(f->path, sizeof(f->path), "%s%s", path, suffix);
    if (access(f->path, F_OK) != 0 && errno == ENOENT)
        return CLI_OK;
    int code = cli_read_key_file(f->path, f->path, raw);
    if (code == CLI_OK) {
        f->there = true;
        storage_key_name(raw, f->name.b);
    }
    crypto_wipe(raw, sizeof(raw));
    return code;
}

static int look(struct exchange *x)
{
    const char *path = x->cli->conf->server.storage_key_file;
    uint8_t raw[32];
    int code = look_at(&x->file, path, "");
    if (code == CLI_OK)
        code = look_at(&x->next, path, ".new");
    if (code == CLI_OK)
        code = look_at(&x->old, path, ".old");
    if (code != CLI_OK)
        return code;
    if (ring_storage_key(x->ring, NULL, raw) != OK)
        return cli_fail(CLI_CONFIGURATION, "[server] storage_key_file cannot be used");
    storage_key_name(raw, x->used.b);
    crypto_wipe(raw, sizeof(raw));
    return CLI_OK;
}

static int open_all(struct exchange *x)
{
    int code = cli_open_keys(x->cli);
    if (code == CLI_OK)
        code = cli_open_ring(x->cli, &x->ring);
    if (code == CLI_OK)
        code = cli_open_db(x->cli, true);
    if (code == CLI_OK)
        code = cli_check_owner(x->cli);
    if (code == CLI_OK)
        code = cli_check_ring(x->cli, x->ring);
    return code == CLI_OK ? look(x) : code;
}

static void print_file(const struct key_file *f)
{
    char hex[2 * STORAGE_KEY_NAME_BYTES + 1] = "there is none";
    if (f->there)
        hex_write(SPAN_OF_KEY(&f->name), hex);
    (void)printf("%s: %.16s\n", f->path, hex);
}

static int print_status(struct exchange *x)
{
    int64_t under = 0, all = 0;
    enum err e = ring_count(x->cli->db, &x->used, &under, &all);
    if (e != OK)
        return cli_store_failed(e);
    (void)fputs("key of the database: ", stdout);
    cli_print_hex(stdout, SPAN_OF_KEY(&x->used));
    (void)printf("\nrow keys under it: %lld of %lld\n", (long long)under, (long long)all);
    print_file(&x->file);
    print_file(&x->next);
    print_file(&x->old);
    if (!is_key(&x->file, &x->used))
        (void)puts("An exchange was interrupted after the database: `conclave key rotate` "
                   "finishes it.");
    else if (x->next.there)
        (void)puts("An exchange is prepared: `conclave key rotate` does it.");
    else if (under < all)
        (void)puts(
            "Some row keys do not name the key that wraps them: an exchange wraps them anew.");
    return CLI_OK;
}

/* Step 1. */
static int make_next(struct exchange *x)
{
    if (is_key(&x->next, &x->used) && is_key(&x->file, &x->used)) {
        (void)fprintf(stderr,
                      "conclave: %s is the key that is in use already: remove it, and repeat\n",
                      x->next.path);
        return CLI_CONFIGURATION;
    }
    if (x->old.there && !is_key(&x->old, &x->used)) {
        (void)fprintf(stderr,
                      "conclave: %s is the key of an earlier exchange: keep it with the backups "
                      "that need it, away from here, or destroy it; then repeat\n",
                      x->old.path);
        return CLI_CONFIGURATION;
    }
    if (x->next.there)
        return CLI_OK;
    if (key_file_generate(x->next.path) != OK) {
        (void)fprintf(stderr,
                      "conclave: %s: a new key cannot be written there; nothing was changed\n",
                      x->next.path);
        return CLI_CONFIGURATION;
    }
    (void)printf("made %s\n", x->next.path);
    return look_at(&x->next, x->file.path, ".new");
}

/* Step 2. */
static int change_database(struct exchange *x)
{
    int64_t wrapped = 0, kept = 0;
    /* The new file is younger than the ring. */
    enum err e = ring_watch(x->ring, x->file.path) == OK
                     ? ring_rotate(x->ring, x->cli->db, &x->next.name, &wrapped, &kept)
                     : ERR_DEFECT;
    if (e == ERR_SEALED)
        return cli_fail(CLI_CONFIGURATION, "the new key cannot be read; nothing was changed");
    if (e != OK)
        return cli_store_failed(e);
    (void)printf("the database: %lld row keys are under the new key\n", (long long)wrapped);
    if (kept > 0)
        (void)fprintf(stderr,
                      "conclave: warning: %lld row keys open under no key of this server, as "
                      "before; what they sealed cannot be read\n",
                      (long long)kept);
    x->used = x->next.name;
    return CLI_OK;
}

/* Step 3. link() does not replace what is there; rename() does, at once. */
static int change_files(struct exchange *x)
{
    bool kept =
        x->old.there ? same(&x->old.name, &x->file.name) : link(x->file.path, x->old.path) == 0;
    if (kept && rename(x->next.path, x->file.path) == 0) {
        (void)printf("%s is the new key, %s the old one\n", x->file.path, x->old.path);
        return CLI_OK;
    }
    (void)fprintf(
        stderr,
        "conclave: the database is under the new key, but the files could not be renamed: "
        "make %s to %s, and %s to %s, and keep both until then\n",
        x->file.path, x->old.path, x->next.path, x->file.path);
    return CLI_FAILED;
}

static void advise(const struct exchange *x)
{
    (void)printf("Running servers go on. On every other machine with these keys: copy %s there "
                 "beside the old one, as %s, and run `conclave key rotate` there.\n"
                 "Keep a copy of the new key. Backups made until now need the old one: when you "
                 "need none of them any more, destroy %s and its copies.\n",
                 x->file.path, x->next.path, x->old.path);
}

static int exchange_keys(struct exchange *x, bool prepare)
{
    int code = CLI_OK;
    if (is_key(&x->file, &x->used))
        code = make_next(x);
    if (code == CLI_OK && prepare) {
        (void)printf("%s is the next key: copy it beside the old one on every machine, then "
                     "`conclave key rotate`\n",
                     x->next.path);
        return CLI_OK;
    }
    if (code == CLI_OK && !is_key(&x->next, &x->used))
        code = change_database(x);
    if (code == CLI_OK)
        code = change_files(x);
    if (code == CLI_OK)
        advise(x);
    return code;
}

int key_rotate(struct cli *cli, enum key_rotate_how how)
{
    struct exchange x = {.cli = cli};
    int code = open_all(&x);
    if (code == CLI_OK)
        code = how == KEY_ROTATE_STATUS ? print_status(&x)
                                        : exchange_keys(&x, how == KEY_ROTATE_PREPARE);
    ring_free(x.ring);
    return code;
}
