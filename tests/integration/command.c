/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command's two outputs, by process_run and a file.
 */
#include "integration/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "integration/world_settings.h"

enum { WORDS_MAX = 32, ENDS_WITHIN_MS = 30000 };

static void read_file(const char *path, char out[static SAID_MAX])
{
    size_t n = 0;
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        n = fread(out, 1, SAID_MAX - 1, f);
        (void)fclose(f);
    }
    out[n] = '\0';
}

void command_run(struct world *w, const char *const *more, const char *const *args,
                 struct said *ret_said)
{
    struct world_settings settings;
    char program[WORLD_PROGRAM_MAX];
    char err_path[WORLD_PATH_MAX + 16];
    const char *argv[WORDS_MAX + 1] = {program};
    AUTO_BUF struct buf out = buf_make(SAID_MAX);
    size_t n = 1;
    world_program(w, program);
    (void)snprintf(err_path, sizeof(err_path), "%s/said", w->folder);
    for (; *args != NULL && n < WORDS_MAX; args++)
        argv[n++] = *args;
    assert_int_equal(world_settings(w, 0, more, &settings), OK);
    (void)unlink(err_path);
    const struct process_spec spec = {.argv = argv, .env = settings.env, .err_path = err_path};
    ret_said->status = -1;
    enum err e = process_run(&spec, ENDS_WITHIN_MS, &out, &ret_said->status);
    assert_true(e == OK || e == ERR_BUSY);
    assert_true(out.len < SAID_MAX);
    if (out.len > 0)
        memcpy(ret_said->out, out.p, out.len);
    ret_said->out[out.len] = '\0';
    read_file(err_path, ret_said->err);
}

void command_expect(struct world *w, const char *const *more, const char *const *args, int status,
                    const char *words, struct said *ret_said)
{
    command_run(w, more, args, ret_said);
    bool said = words == NULL || strstr(ret_said->out, words) != NULL ||
                strstr(ret_said->err, words) != NULL;
    if (ret_said->status != status || !said)
        fail_msg("%s %s: exit code %d instead of %d%s%s\nstdout: %s\nstderr: %s", args[0],
                 args[1] != NULL ? args[1] : "", ret_said->status, status,
                 said ? "" : ", and not a word of: ", said ? "" : words, ret_said->out,
                 ret_said->err);
}
