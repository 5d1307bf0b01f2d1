/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world starts its servers from a folder of programs: here it is given one in which `conclave`
 * is a script.
 */
#include "bench/counted.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENV_MAX = 8, TOOL_MS = 60000 };

static char folder[WORLD_PATH_MAX + 16]; /* of the script and of what callgrind writes */

static enum err write_script(const struct world *w)
{
    char path[sizeof(folder) + 16], program[PATH_MAX];
    if (realpath("build/conclave", program) == NULL)
        return ERR_MISSING;
    (void)snprintf(folder, sizeof(folder), "%s/counted", w->folder);
    (void)mkdir(folder, 0700);
    (void)snprintf(path, sizeof(path), "%s/conclave", folder);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return ERR_DENIED;
    bool written = fprintf(f,
                           "#!/bin/sh\nexec valgrind -q --tool=callgrind "
                           "--callgrind-out-file=%s/out '%s' \"$@\"\n",
                           folder, program) > 0;
    written = fclose(f) == 0 && written;
    return written && chmod(path, 0700) == 0 ? OK : ERR_DENIED;
}

enum err counted_start(struct world *w, const char *const *env)
{
    const char *all[ENV_MAX] = {"CONCLAVE_SERVER_SANDBOX=off"};
    for (size_t i = 0; env != NULL && env[i] != NULL && i + 2 < ENV_MAX; i++)
        all[i + 1] = env[i];
    const char *build = w->build;
    enum err e = write_script(w);
    if (e != OK)
        return e;
    w->build = folder;
    e = world_restart_server(w, 0, all);
    w->build = build;
    return e;
}

static enum err control(const struct world *w, const char *flag)
{
    char pid[16];
    int status = 0;
    struct buf out AUTO_BUF = buf_make(KIB(64));
    (void)snprintf(pid, sizeof(pid), "%d", (int)w->servers[0].process.pid);
    const char *const argv[] = {"/usr/bin/callgrind_control", flag, pid, NULL};
    const struct process_spec spec = {.argv = argv, .err_path = "/dev/null"};
    enum err e = process_run(&spec, TOOL_MS, &out, &status);
    return e == OK && status != 0 ? ERR_DENIED : e;
}

enum err counted_begin(struct world *w)
{
    return control(w, "-z");
}

/* "  1,234,567 (12.3%)  file.c:name [program]": the count of the line with ":name [". */
static double count_of(struct span listing, const char *function)
{
    char wanted[128];
    (void)snprintf(wanted, sizeof(wanted), ":%s [", function);
    while (listing.len > 0) {
        struct span line = span_first(listing, span_find(listing, '\n'));
        listing = span_skip(listing, line.len + 1);
        if (memmem(line.p, line.len, wanted, strlen(wanted)) == NULL)
            continue;
        double count = 0;
        for (size_t i = 0; i < line.len && line.p[i] != '('; i++)
            if (line.p[i] >= '0' && line.p[i] <= '9')
                count = count * 10 + (line.p[i] - '0');
        return count;
    }
    return 0;
}

enum err counted_end(struct world *w, const char *const *functions, size_t count,
                     double *ret_instructions)
{
    char command[4 * sizeof(folder)];
    int status = 0;
    struct buf out AUTO_BUF = buf_make(MIB(16));
    enum err e = control(w, "-d");
    if (e != OK)
        return e;
    /* callgrind numbers its dumps; each is read once. */
    (void)snprintf(
        command, sizeof(command),
        "f=$(ls -t %s/out.* | head -n 1) && callgrind_annotate --auto=no --inclusive=yes "
        "--threshold=100 $f 2>/dev/null && rm $f",
        folder);
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    const struct process_spec spec = {.argv = argv};
    e = process_run(&spec, TOOL_MS, &out, &status);
    for (size_t i = 0; e == OK && status == 0 && i < count; i++)
        ret_instructions[i] = count_of(buf_span(&out), functions[i]);
    return e == OK && status != 0 ? ERR_DENIED : e;
}

void counted_stop(struct world *w)
{
    (void)world_stop_server(w, 0);
}
