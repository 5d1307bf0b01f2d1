/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accounts of the client core. A seed file stands for the recovery phrase, whose word list is not
 * ours to ship.
 */
#include "client/account.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/hex.h"

enum { SEED_TEXT_LEN = 2 * ACCOUNT_SEED_BYTES, FILE_MAX_BYTES = 256 };

enum err account_from_seed(const uint8_t seed[static ACCOUNT_SEED_BYTES],
                           struct account *ret_account)
{
    struct account a = {0};
    memcpy(a.seed, seed, sizeof(a.seed));
    if (crypto_sign_seed_keypair(a.ed.b, a.sk64, a.seed) != 0 ||
        crypto_sign_ed25519_sk_to_curve25519(a.scalar.b, a.sk64) != 0 ||
        crypto_sign_ed25519_pk_to_curve25519(a.x.b, a.ed.b) != 0)
        return ERR_DEFECT;
    memcpy(a.x_secret.b, a.scalar.b, sizeof(a.x_secret.b));
    a.id.b[0] = ID_UNBLINDED;
    memcpy(a.id.b + 1, a.x.b, sizeof(a.x.b));
    *ret_account = a;
    account_done(&a);
    return OK;
}

enum err account_new(struct account *ret_account)
{
    uint8_t seed[ACCOUNT_SEED_BYTES] = {0};
    randombytes_buf(seed, ACCOUNT_RANDOM_BYTES);
    enum err e = account_from_seed(seed, ret_account);
    sodium_memzero(seed, sizeof(seed));
    return e;
}

void account_done(struct account *a)
{
    sodium_memzero(a, sizeof(*a));
}

enum err account_save(const struct account *a, const char *path)
{
    char text[SEED_TEXT_LEN + 1];
    hex_write(span_of(a->seed, sizeof(a->seed)), text);
    text[SEED_TEXT_LEN] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? ERR_CONFLICT : ERR_DENIED;
    ssize_t n = write(fd, text, sizeof(text));
    int closed = close(fd);
    sodium_memzero(text, sizeof(text));
    if (n != (ssize_t)sizeof(text) || closed != 0) {
        (void)unlink(path);
        return ERR_DENIED;
    }
    return OK;
}

enum err account_load(const char *path, struct account *ret_account)
{
    char text[FILE_MAX_BYTES];
    uint8_t seed[ACCOUNT_SEED_BYTES] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_MISSING;
    ssize_t n = read(fd, text, sizeof(text));
    (void)close(fd);
    if (n <= 0)
        return ERR_MALFORMED;
    struct span digits = span_of(text, (size_t)n);
    if (digits.p[digits.len - 1] == '\n')
        digits.len--;
    size_t bytes = digits.len == SEED_TEXT_LEN ? ACCOUNT_SEED_BYTES : ACCOUNT_RANDOM_BYTES;
    enum err e = hex_read(digits, seed, bytes);
    if (e == OK)
        e = account_from_seed(seed, ret_account);
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(text, sizeof(text));
    return e;
}

struct id_text account_id_text(const struct session_id *id)
{
    struct id_text text = {{0}};
    hex_write(SPAN_OF_KEY(id), text.s);
    return text;
}

enum err account_id_read(struct span text, struct session_id *ret_id)
{
    return hex_read(text, ret_id->b, sizeof(ret_id->b));
}
