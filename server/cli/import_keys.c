/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which key files are there, which are to be made, and whether they can be.
 */
#include "cli/import_keys.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Found out before the import, not after an hour. */
static bool can_write_beside(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? snprintf(folder, sizeof(folder), ".")
                          : snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
    return n > 0 && (size_t)n < sizeof(folder) && access(folder, W_OK | X_OK) == 0;
}

static int cannot_write(const char *setting)
{
    (void)fprintf(stderr,
                  "conclave: %s: a key cannot be written there: its folder must exist, be writable "
                  "for this user, and have space left\n",
                  setting);
    return CLI_CONFIGURATION;
}

/*
 * `conclave key generate`, which the usual sentence suggests, would end the old server's identity.
 */
static int no_key(const char *setting)
{
    (void)fprintf(stderr,
                  "conclave: %s: there is no such file: the old server's key has to come along "
                  "(--key: key_x25519 in its folder, or [crypto] key_file of its sogs.ini)\n",
                  setting);
    return CLI_CONFIGURATION;
}

static int open_given(struct cli *cli, const char *path)
{
    uint8_t raw[32];
    if (access(path, F_OK) != 0)
        return no_key("--key");
    int code = cli_read_key_file("--key", path, raw);
    if (code == CLI_OK && server_keys_open(raw, &cli->keys) != OK)
        code = cli_fail(CLI_CONFIGURATION, "--key: its content is not a usable key");
    crypto_wipe(raw, sizeof(raw));
    return code;
}

int import_keys_open(struct cli *cli, const char *path, struct import_keys *keys)
{
    const char *ours = cli->conf->server.key_file;
    bool there = access(ours, F_OK) == 0;
    if (path == NULL)
        return there ? cli_open_keys(cli) : no_key("[server] key_file");
    int code = open_given(cli, path);
    keys->writes_server_key = !there;
    if (code == CLI_OK && !there && !can_write_beside(ours))
        return cannot_write("[server] key_file");
    if (code != CLI_OK || !there)
        return code;
    struct x25519_pub given = cli->keys.pub;
    server_keys_close(&cli->keys);
    code = cli_open_keys(cli);
    if (code == CLI_OK && !span_eq(SPAN_OF_KEY(&given), SPAN_OF_KEY(&cli->keys.pub)))
        code =
            cli_fail(CLI_CONFIGURATION, "[server] key_file is there already, and is not the key of "
                                        "--key; move it away if no database belongs to it");
    return code;
}

int import_keys_ring(struct cli *cli, bool is_new, bool trial, struct import_keys *keys,
                     struct ring **ret_ring)
{
    const char *path = cli->conf->server.storage_key_file;
    if (!is_new || access(path, F_OK) == 0)
        return cli_open_ring(cli, ret_ring);
    if (!trial && !can_write_beside(path))
        return cannot_write("[server] storage_key_file");
    keys->writes_storage_key = !trial;
    crypto_random(keys->storage_key, sizeof(keys->storage_key));
    return ring_new(keys->storage_key, ret_ring) == OK
               ? CLI_OK
               : cli_fail(CLI_FAILED, "not enough (lockable) memory");
}

int import_keys_write(const struct cli *cli, const struct import_keys *keys)
{
    const struct conf *conf = cli->conf;
    if (keys->writes_storage_key &&
        key_file_write(conf->server.storage_key_file, keys->storage_key) != OK)
        return cannot_write("[server] storage_key_file");
    if (!keys->writes_server_key ||
        key_file_write(conf->server.key_file, cli->keys.secret->b) == OK)
        return CLI_OK;
    if (keys->writes_storage_key)
        (void)unlink(conf->server.storage_key_file);
    return cannot_write("[server] key_file");
}
