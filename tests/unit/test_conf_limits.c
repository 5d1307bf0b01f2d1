/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits that contradict each other, and what an operator is told of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

enum { SETTINGS_MAX = 6 };

struct contradiction {
    const char *name[SETTINGS_MAX], *value[SETTINGS_MAX]; /* CONCLAVE_… of the environment */
    const char *sentences;
    enum err verdict;
};

/* What `make test` tells its programs would be warned of. */
static int forget_tests_own(void **state)
{
    (void)state;
    static const char *const names[] = {"CONCLAVE_TEST_BUILD", "CONCLAVE_TEST_SHORT",
                                        "CONCLAVE_TEST_FULL", "CONCLAVE_TEST_EMULATED"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
    return 0;
}

static void expect(const struct contradiction *c)
{
    AUTO_BUF struct buf problems = buf_make(KIB(16));
    struct conf *conf = NULL;
    for (size_t i = 0; i < SETTINGS_MAX && c->name[i] != NULL; i++)
        setenv(c->name[i], c->value[i], 1);
    assert_int_equal(conf_load(NULL, &conf, &problems), c->verdict);
    for (size_t i = 0; i < SETTINGS_MAX && c->name[i] != NULL; i++)
        unsetenv(c->name[i]);
    buf_put_byte(&problems, '\0');
    assert_int_equal(buf_verdict(&problems), OK);
    assert_string_equal((const char *)problems.p, c->sentences);
    conf_free(conf);
}

static void limits__that_contradict_each_other__are_refused_in_a_sentence(void **state)
{
    (void)state;
    static const struct contradiction cases[] = {
        {{"CONCLAVE_FILES_ANONYMOUS_SHARE", "CONCLAVE_FILES_STRANGERS_SHARE"},
         {"60", "41"},
         "[files] anonymous_share and strangers_share must not exceed 100 together: they are "
         "shares of one quota.\n",
         ERR_MALFORMED},
        {{"CONCLAVE_FILES_STRANGERS_BYTES"},
         {"9M"},
         "[files] anonymous_bytes, strangers_bytes and members_bytes must be 0 or at least [files] "
         "max_bytes: the largest file could never be uploaded.\n",
         ERR_MALFORMED},
        {{"CONCLAVE_LIMITS_UPLOAD_BYTES"},
         {"9M"},
         "[limits] upload_bytes must be 0 or at least [files] max_bytes: the largest file could "
         "never be uploaded.\n",
         ERR_MALFORMED},
        {{"CONCLAVE_LIMITS_STRANGERS_BYTES"},
         {"63K"},
         "[limits] strangers_bytes must be 0 or at least [rooms] message_bytes: the longest "
         "message could never be sent.\n",
         ERR_MALFORMED},
        {{"CONCLAVE_FILES_ANONYMOUS_SHARE"},
         {"101"},
         "CONCLAVE_FILES_ANONYMOUS_SHARE: a whole number from 0 to 100 is needed.\n",
         ERR_MALFORMED},
        {{"CONCLAVE_LIMITS_DELETIONS"},
         {"0/60s"},
         "CONCLAVE_LIMITS_DELETIONS: a rate such as 5/16s, or off is needed.\n",
         ERR_MALFORMED},
        /* All of the quota for the file server is what a server without rooms wants. */
        {{"CONCLAVE_FILES_ANONYMOUS_SHARE", "CONCLAVE_FILES_STRANGERS_SHARE"},
         {"100", "0"},
         "",
         OK},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect(&cases[i]);
}

static void limit_of_one__above_that_of_all_strangers__is_told_and_starts(void **state)
{
    (void)state;
    static const struct contradiction told = {
        {"CONCLAVE_LIMITS_STRANGERS_TOGETHER", "CONCLAVE_LIMITS_REACTIONS", "CONCLAVE_LIMITS_EDITS",
         "CONCLAVE_LIMITS_UPLOADS", "CONCLAVE_LIMITS_DIRECT_MESSAGES", "CONCLAVE_LIMITS_DELETIONS"},
        {"2/60s", "off", "20/60s", "20/60s", "21/60s", "1/1s"},
        "[limits] direct_messages: one stranger may do more than [limits] strangers_together "
        "allows all of them on the whole server.\n"
        "[limits] deletions: one stranger may do more than [limits] strangers_together allows all "
        "of them on the whole server.\n",
        OK};
    expect(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits__that_contradict_each_other__are_refused_in_a_sentence),
        cmocka_unit_test(limit_of_one__above_that_of_all_strangers__is_told_and_starts),
    };
    return cmocka_run_group_tests(tests, forget_tests_own, NULL);
}
