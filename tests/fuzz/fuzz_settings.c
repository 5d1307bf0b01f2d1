/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings: the input as a file, and its first line as the value of every setting (as the
 * environment would give it).
 */
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "conf/conf_load.h"

static void read_file(const uint8_t *data, size_t size)
{
    char path[40];
    struct conf *conf = NULL;
    AUTO_BUF struct buf problems = buf_make(8 << 20);
    int fd = memfd_create("settings", MFD_CLOEXEC);
    HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    enum err e = conf_load(path, &conf, &problems);
    /* Whoever is refused is told why. */
    HOLDS(e == OK || e == ERR_TOO_LARGE || problems.len > 0);
    if (e == OK)
        conf_free(conf);
    (void)close(fd);
}

static void set_each(struct span text)
{
    size_t count = 0;
    const struct setting *table = conf_table(&count);
    struct conf conf = {.mem = arena_new(FUZZ_ARENA_BYTES)};
    HOLDS(conf.mem != NULL);
    for (size_t i = 0; i < count; i++)
        HOLDS(conf_value_set(&conf, &table[i], text) != ERR_NO_MEMORY);
    arena_free(conf.mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool cleared;
    if (!cleared)
        HOLDS(clearenv() == 0);
    cleared = true;
    read_file(data, size);
    struct bytes copy = fuzz_copy(data, size);
    struct span rest = span_of_bytes(copy);
    struct span line = fuzz_line(&rest);
    if (span_find(line, '\0') == line.len)
        set_each(line);
    free(copy.p);
    return 0;
}
