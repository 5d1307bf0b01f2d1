/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key files on a real file system: what is accepted, what is refused, and that none is ever
 * replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"

struct place {
    char folder[64];
    char key[80];
};

static int place_make(void **state)
{
    static struct place place;
    (void)snprintf(place.folder, sizeof(place.folder), "/tmp/test-key-file.XXXXXX");
    if (mkdtemp(place.folder) == NULL)
        return -1;
    (void)snprintf(place.key, sizeof(place.key), "%s/server.key", place.folder);
    *state = &place;
    return 0;
}

static int place_remove(void **state)
{
    struct place *place = *state;
    (void)chmod(place->folder, 0700);
    (void)unlink(place->key);
    return rmdir(place->folder);
}

static void put(const struct place *place, struct span content, mode_t mode)
{
    (void)unlink(place->key);
    int fd = open(place->key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.p, content.len), content.len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d) != NULL)
        count++;
    assert_int_equal(closedir(d), 0);
    return count - 2; /* . and .. */
}

#define HEX64 "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

static void key_file_read__hex_and_raw__give_the_same_key(void **state)
{
    struct place *place = *state;
    static const struct span forms[] = {
        {(const uint8_t *)HEX64, 64},
        {(const uint8_t *)HEX64 "\n", 65},
        {(const uint8_t *)HEX64 "\r\n", 66},
    };
    uint8_t out[32], raw[32];
    for (size_t i = 0; i < sizeof(raw); i++)
        raw[i] = (uint8_t)(0x11 * (i % 16));
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        memset(out, 0, sizeof(out));
        put(place, forms[i], 0400);
        assert_int_equal(key_file_read(place->key, out), KEY_FILE_OK);
        assert_memory_equal(out, raw, sizeof(raw));
    }
    put(place, span_of(raw, sizeof(raw)), 0600);
    assert_int_equal(key_file_read(place->key, out), KEY_FILE_OK);
    assert_memory_equal(out, raw, sizeof(raw));
}

static void key_file_read__any_other_content__is_refused(void **state)
{
    struct place *place = *state;
    uint8_t out[32];
    char content[80];
    memset(content, 'a', sizeof(content));
    for (size_t len = 0; len <= sizeof(content); len++) {
        put(place, span_of(content, len), 0400);
        bool good = len == 32 || len == 64;
        assert_int_equal(key_file_read(place->key, out), good ? KEY_FILE_OK : KEY_FILE_BAD_CONTENT);
    }
    static const char *const bad[] = {HEX64 "\n\n", HEX64 " ", HEX64 "\r", "g" HEX64,
                                      HEX64 "\r\n\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        put(place, span_of_text(bad[i]), 0400);
        assert_int_equal(key_file_read(place->key, out), KEY_FILE_BAD_CONTENT);
    }
    memset(content, 'x', 64);
    put(place, span_of(content, 64), 0400);
    assert_int_equal(key_file_read(place->key, out), KEY_FILE_BAD_CONTENT);
}

static void key_file_read__permissions__are_judged(void **state)
{
    struct place *place = *state;
    static const struct {
        mode_t mode;
        enum key_file_state expected;
    } cases[] = {
        {0400, KEY_FILE_OK},
        {0600, KEY_FILE_OK},
        {0440, KEY_FILE_READABLE_BY_OTHERS},
        {0404, KEY_FILE_READABLE_BY_OTHERS},
        {0444, KEY_FILE_READABLE_BY_OTHERS},
        {0620, KEY_FILE_WRITABLE_BY_OTHERS},
        {0602, KEY_FILE_WRITABLE_BY_OTHERS},
        {0666, KEY_FILE_WRITABLE_BY_OTHERS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t out[32];
        put(place, span_of_text(HEX64), cases[i].mode);
        assert_int_equal(key_file_read(place->key, out), cases[i].expected);
    }
}

static void key_file_read__what_is_no_file__is_told_apart(void **state)
{
    struct place *place = *state;
    uint8_t out[32];
    assert_int_equal(key_file_read(place->key, out), KEY_FILE_MISSING);
    assert_int_equal(key_file_read(place->folder, out), KEY_FILE_UNREADABLE);
    assert_int_equal(mkfifo(place->key, 0400), 0);
    assert_int_equal(key_file_read(place->key, out), KEY_FILE_UNREADABLE); /* and does not hang */
}

static void key_file_generate__makes_a_private_key_once(void **state)
{
    struct place *place = *state;
    uint8_t first[32], again[32];
    assert_int_equal(key_file_generate(place->key), OK);
    assert_int_equal(files_in(place->folder), 1);
    struct stat st;
    assert_int_equal(stat(place->key, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(key_file_read(place->key, first), KEY_FILE_OK);

    assert_int_equal(key_file_generate(place->key), ERR_CONFLICT);
    assert_int_equal(files_in(place->folder), 1);
    assert_int_equal(key_file_read(place->key, again), KEY_FILE_OK);
    assert_memory_equal(first, again, sizeof(first));

    assert_int_equal(unlink(place->key), 0);
    assert_int_equal(key_file_generate(place->key), OK);
    assert_int_equal(key_file_read(place->key, again), KEY_FILE_OK);
    assert_memory_not_equal(first, again, sizeof(first));
}

static void key_file_generate__dangling_link__is_a_conflict(void **state)
{
    struct place *place = *state;
    assert_int_equal(symlink("/nowhere/at/all", place->key), 0);
    assert_int_equal(key_file_generate(place->key), ERR_CONFLICT);
    assert_int_equal(files_in(place->folder), 1);
}

static void key_file_generate__no_such_folder__is_denied(void **state)
{
    struct place *place = *state;
    char path[120];
    (void)snprintf(path, sizeof(path), "%s/none/server.key", place->folder);
    assert_int_equal(key_file_generate(path), ERR_DENIED);
    char endless[5000];
    memset(endless, 'a', sizeof(endless));
    endless[sizeof(endless) - 1] = 0;
    assert_int_equal(key_file_generate(endless), ERR_DENIED);
}

static void secret_alloc__is_zeroed_and_free_takes_null(void **state)
{
    (void)state;
    static const uint8_t zeros[100];
    uint8_t *p = secret_alloc(sizeof(zeros));
    assert_non_null(p);
    assert_memory_equal(p, zeros, sizeof(zeros));
    secret_free(p);
    secret_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)
        IN_A_PLACE(key_file_read__hex_and_raw__give_the_same_key),
        IN_A_PLACE(key_file_read__any_other_content__is_refused),
        IN_A_PLACE(key_file_read__permissions__are_judged),
        IN_A_PLACE(key_file_read__what_is_no_file__is_told_apart),
        IN_A_PLACE(key_file_generate__makes_a_private_key_once),
        IN_A_PLACE(key_file_generate__dangling_link__is_a_conflict),
        IN_A_PLACE(key_file_generate__no_such_folder__is_denied),
        cmocka_unit_test(secret_alloc__is_zeroed_and_free_takes_null),
    };
    if (crypto_start() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
