/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A short list under a lock, and the files it is filled from.
 */
#include "store/storage_keys.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/secret.h"

/* Rows under a key that nobody has must not make every request read files. */
enum { LOOK_AGAIN_MS = 200 };

struct known_key {
    struct key_name name;
    struct aead_key key;
};

struct storage_keys {
    pthread_mutex_t lock;    /* guards all below */
    struct known_key *known; /* locked memory; the oldest is replaced */
    size_t count, next;
    char path[PATH_MAX];    /* "": no files to look into */
    struct key_name missed; /* what was last looked for in vain, and when */
    int64_t missed_ms;
};

static bool recall(const struct storage_keys *keys, struct span name, struct aead_key *ret_key)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (!span_eq(SPAN_OF_KEY(&keys->known[i].name), name))
            continue;
        if (ret_key)
            *ret_key = keys->known[i].key;
        return true;
    }
    return false;
}

static void learn(struct storage_keys *keys, const uint8_t raw[static 32])
{
    struct key_name name;
    storage_key_name(raw, name.b);
    if (recall(keys, SPAN_OF_KEY(&name), NULL))
        return;
    struct known_key *k = &keys->known[keys->next];
    k->name = name;
    memcpy(k->key.b, raw, sizeof(k->key.b));
    keys->next = (keys->next + 1) % STORAGE_KEYS_MAX;
    keys->count += keys->count < STORAGE_KEYS_MAX;
}

static void learn_file(struct storage_keys *keys, const char *suffix)
{
    uint8_t raw[32];
    char path[PATH_MAX + 8];
    (void)snprintf(path, sizeof(path), "%s%s", keys->path, suffix);
    enum key_file_state state = key_file_read(path, raw);
    if (state == KEY_FILE_OK || state == KEY_FILE_READABLE_BY_OTHERS)
        learn(keys, raw);
    crypto_wipe(raw, sizeof(raw));
}

/* FILE.new first: it becomes FILE, and would be missed in between. */
static void look(struct storage_keys *keys)
{
    if (keys->path[0] == '\0')
        return;
    learn_file(keys, ".new");
    learn_file(keys, "");
}

static bool missed_lately(const struct storage_keys *keys, struct span name, int64_t now_ms)
{
    return keys->missed_ms != 0 && now_ms - keys->missed_ms < LOOK_AGAIN_MS &&
           span_eq(SPAN_OF_KEY(&keys->missed), name);
}

static bool find(struct storage_keys *keys, struct span name, struct aead_key *ret_key)
{
    int64_t now_ms = clock_mono_ms();
    if (name.len != sizeof(keys->missed.b) || missed_lately(keys, name, now_ms))
        return false;
    look(keys);
    if (recall(keys, name, ret_key))
        return true;
    memcpy(keys->missed.b, name.p, sizeof(keys->missed.b));
    keys->missed_ms = now_ms;
    return false;
}

enum err storage_keys_new(const uint8_t first[static 32], struct storage_keys **ret_keys)
{
    struct storage_keys *keys = MEM_NEW(struct storage_keys);
    if (!keys)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&keys->lock, NULL);
    keys->known = secret_alloc(STORAGE_KEYS_MAX * sizeof(*keys->known));
    if (!keys->known) {
        storage_keys_free(keys);
        return ERR_NO_MEMORY;
    }
    learn(keys, first);
    *ret_keys = keys;
    return OK;
}

void storage_keys_free(struct storage_keys *keys)
{
    if (!keys)
        return;
    secret_free(keys->known);
    pthread_mutex_destroy(&keys->lock);
    mem_free(keys);
}

enum err storage_keys_watch(struct storage_keys *keys, const char *path)
{
    pthread_mutex_lock(&keys->lock);
    bool fits = (size_t)snprintf(keys->path, sizeof(keys->path), "%s", path) < sizeof(keys->path);
    if (fits)
        look(keys);
    else
        keys->path[0] = '\0';
    pthread_mutex_unlock(&keys->lock);
    return fits ? OK : ERR_TOO_LARGE;
}

enum err storage_keys_find(struct storage_keys *keys, struct span name, struct aead_key *ret_key)
{
    pthread_mutex_lock(&keys->lock);
    bool found = recall(keys, name, ret_key) || find(keys, name, ret_key);
    pthread_mutex_unlock(&keys->lock);
    return found ? OK : ERR_SEALED;
}

bool storage_keys_at(struct storage_keys *keys, size_t i, struct aead_key *ret_key,
                     struct key_name *ret_name)
{
    pthread_mutex_lock(&keys->lock);
    bool there = i < keys->count;
    if (there) {
        *ret_key = keys->known[i].key;
        *ret_name = keys->known[i].name;
    }
    pthread_mutex_unlock(&keys->lock);
    return there;
}
