/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine of the fuzzers where libFuzzer is not: every file of the corpus once, then for some
 * seconds mutations of them. It is blind where libFuzzer looks at the code it reaches; but it needs
 * no other compiler, so `make test` runs it. usage: fuzz_<parser> [-seconds=N] [-seed=N] FOLDER
 *
 * An input that ends the process is left in build/fuzz/crash-<name>.
 */
#include <dirent.h>
#include <signal.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "fuzz/fuzz.h"

enum { FILES_MAX = 4096, INPUT_MAX_BYTES = 64 << 10, PATH_MAX_BYTES = 512, CHANGES_MAX = 8 };

struct input {
    uint8_t *p;
    size_t len;
};

static struct {
    struct input files[FILES_MAX];
    size_t count;
    struct input now; /* what the parser has at the moment */
    const char *name;
    uint64_t random; /* the state of a splitmix64 */
} engine;

/* Of the sanitizers' runtime, when there is one. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void keep_input(void)
{
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "build/fuzz/crash-%s", engine.name);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return;
    (void)fwrite(engine.now.p, 1, engine.now.len, f);
    (void)fclose(f);
    (void)fprintf(stderr, "%s: the input is in %s\n", engine.name, path);
}

/* Not async-signal-safe, but we are lost anyway. */
static void on_abort(int number)
{
    keep_input();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static size_t random_below(size_t n)
{
    uint64_t z = (engine.random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return n == 0 ? 0 : (size_t)((z ^ (z >> 31)) % n);
}

static bool load(const char *folder, const char *name)
{
    char path[PATH_MAX_BYTES];
    struct input *in = &engine.files[engine.count];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    if (f == NULL || engine.count == FILES_MAX)
        return false;
    *in = (struct input){malloc(INPUT_MAX_BYTES), 0};
    in->len = in->p != NULL ? fread(in->p, 1, INPUT_MAX_BYTES, f) : 0;
    engine.count++;
    return fclose(f) == 0 && in->p != NULL;
}

static bool load_all(const char *folder)
{
    DIR *d = opendir(folder);
    bool all = d != NULL;
    for (const struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d))
        if (e->d_name[0] != '.')
            all = load(folder, e->d_name) && all;
    if (d != NULL)
        (void)closedir(d);
    return all && engine.count > 0;
}

static void run(void)
{
    (void)LLVMFuzzerTestOneInput(engine.now.p, engine.now.len);
}

/*
 * One of: another byte, a bit, a piece gone, a piece of some file put in, a number at its edge, cut
 * off.
 */
static void change(struct input *in)
{
    static const char *const edges[] = {"0",    "-1", "4294967296", "18446744073709551615",
                                        "\"\"", "[",  "{}",         "\\u0000",
                                        "\xff", "%",  ":",          "1e999"};
    size_t at = random_below(in->len + 1);
    const char *edge = edges[random_below(COUNT_OF(edges))];
    struct input piece = engine.files[random_below(engine.count)];
    size_t skip = random_below(piece.len), n = random_below(piece.len - skip) + 1;
    switch (random_below(6)) {
    case 0:
        if (at < in->len)
            in->p[at] = (uint8_t)random_below(256);
        return;
    case 1:
        if (at < in->len)
            in->p[at] ^= (uint8_t)(1u << random_below(8));
        return;
    case 2:
        n = random_below(in->len - at + 1);
        memmove(in->p + at, in->p + at + n, in->len - at - n);
        in->len -= n;
        return;
    case 3:
        in->len = at;
        return;
    case 4:
        piece = (struct input){NULL, strlen(edge)};
        n = piece.len;
        break;
    default:
        break;
    }
    if (piece.len == 0 || in->len + n > INPUT_MAX_BYTES)
        return;
    memmove(in->p + at + n, in->p + at, in->len - at);
    memcpy(in->p + at, piece.p != NULL ? (const void *)(piece.p + skip) : edge, n);
    in->len += n;
}

static uint64_t mutate(int64_t until_ms)
{
    uint64_t runs = 0;
    for (; clock_mono_ms() < until_ms; runs++) {
        struct input from = engine.files[random_below(engine.count)];
        engine.now.len = from.len;
        memcpy(engine.now.p, from.p, from.len);
        for (size_t i = random_below(CHANGES_MAX) + 1; i > 0; i--)
            change(&engine.now);
        run();
    }
    return runs;
}

int main(int argc, char **argv)
{
    long seconds = 0;
    const char *folder = NULL;
    engine.random = 1;
    for (int i = 1; i < argc; i++) {
        unsigned long long seed = 0;
        if (sscanf(argv[i], "-seed=%llu", &seed) == 1)
            engine.random = seed;
        else if (sscanf(argv[i], "-seconds=%ld", &seconds) != 1)
            folder = argv[i];
    }
    engine.name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
    engine.now.p = malloc(INPUT_MAX_BYTES);
    if (folder == NULL || engine.now.p == NULL || !load_all(folder)) {
        (void)fprintf(stderr, "%s: no corpus\n", engine.name);
        return 2;
    }
    (void)signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(keep_input);
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (size_t i = 0; i < engine.count; i++) {
        engine.now.len = engine.files[i].len;
        memcpy(engine.now.p, engine.files[i].p, engine.files[i].len);
        run();
    }
    uint64_t runs = mutate(clock_mono_ms() + seconds * SECOND_MS);
    (void)printf("%s: %zu files, %llu mutations\n", engine.name, engine.count,
                 (unsigned long long)runs);
    for (size_t i = 0; i < engine.count; i++)
        free(engine.files[i].p);
    free(engine.now.p);
    return 0;
}
