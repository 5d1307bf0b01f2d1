/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave-client as people type it, against a real server: post, edit, react, read, delete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "integration/world.h"

enum { WORDS_MAX = 8, OUT_MAX_BYTES = 1 << 16 };

static struct world w;
static char program[256], url[64], key[65], account[128];

/*
 * Runs `conclave-client` with the options and these words (NULL-ended); the JSON of its first line.
 */
static json_t *client(const char *const *words, int *ret_status)
{
    const char *argv[WORDS_MAX + 8] = {program, "--server",  url,    "--key",
                                       key,     "--account", account};
    size_t n = 7;
    for (; *words != NULL; words++)
        argv[n++] = *words;
    struct buf out AUTO_BUF = buf_make(OUT_MAX_BYTES);
    struct process_spec spec = {.argv = argv, .err_path = "/dev/null"};
    assert_int_equal(process_run(&spec, WORLD_COMMAND_MS, &out, ret_status), OK);
    size_t line = span_find(buf_span(&out), '\n');
    return json_loadb((const char *)out.p, line, 0, NULL);
}
#define CLIENT(status, ...) client((const char *const[]){__VA_ARGS__, NULL}, (status))

static void client__post_edit_react_delete__do_what_they_say(void **state)
{
    (void)state;
    char id[24];
    int status = -1;
    json_auto_t *made = CLIENT(&status, "account", "new");
    assert_int_equal(status, 0);
    assert_non_null(made);
    json_auto_t *posted = CLIENT(&status, "post", "lobby", "first words");
    assert_int_equal(status, 0);
    (void)snprintf(id, sizeof(id), "%lld",
                   (long long)json_integer_value(json_object_get(posted, "id")));
    json_auto_t *edited = CLIENT(&status, "edit", "lobby", id, "better words");
    assert_int_equal(status, 0);
    assert_true(json_is_true(json_object_get(edited, "edited")));
    json_auto_t *reacted = CLIENT(&status, "react", "lobby", id, "a/🍍?");
    assert_int_equal(status, 0);
    assert_true(json_is_true(json_object_get(reacted, "added")));
    json_auto_t *row = CLIENT(&status, "read", "lobby");
    assert_int_equal(status, 0);
    assert_string_equal(json_string_value(json_object_get(row, "text")), "better words");
    assert_true(json_is_true(json_object_get(row, "verified")));
    assert_non_null(json_object_get(json_object_get(row, "reactions"), "a/🍍?"));
    json_auto_t *deleted = CLIENT(&status, "delete", "lobby", id);
    assert_int_equal(status, 0);
    assert_true(json_is_true(json_object_get(deleted, "deleted")));
    json_auto_t *again = CLIENT(&status, "delete", "lobby", id);
    assert_int_equal(status, 1);
    assert_int_equal(json_integer_value(json_object_get(again, "code")), 404);
    json_auto_t *no_id = CLIENT(&status, "edit", "lobby", "x", "words");
    assert_int_equal(status, 2);
    assert_null(no_id);
}

static int set_up(void **state)
{
    struct world_options options = {.servers = 1, .no_fsync = true};
    (void)state;
    if (world_open(&w, &options) != OK)
        fail_msg("%s", w.trouble);
    struct buf hex AUTO_BUF = buf_make(sizeof(key));
    buf_put_hex(&hex, SPAN_OF_KEY(&w.key));
    memcpy(key, hex.p, sizeof(key) - 1);
    (void)snprintf(program, sizeof(program), "%s/conclave-client", w.build);
    (void)snprintf(url, sizeof(url), "http://%.20s:%u", w.servers[0].at.host,
                   (unsigned)w.servers[0].at.port);
    (void)snprintf(account, sizeof(account), "%s/account", w.folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(world_close(&w));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client__post_edit_react_delete__do_what_they_say),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
