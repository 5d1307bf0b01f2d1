/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No option is accepted and ignored. Help says which verbs there are and what each takes; every
 * verb is then given every option that any other one has, one word too many, its own options
 * without a value and twice, and must refuse them all with 2, before anything has changed.
 *
 * test-seconds: 24
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/command.h"
#include "integration/file_fixture.h"
#include "integration/group.h"

/* test-timeout-s: 600 (about 1,800 processes; half a minute on a machine that does nothing else) */

enum { USAGE = 2 };
enum { NAMES_MAX = 64, NAME_BYTES = 48, VERBS_MAX = 64, WORDS_MAX = 8, TYPED_BYTES = 128 };

struct name {
    char s[NAME_BYTES];
};
struct own_option {
    struct name name;
    bool has_value;
};
/* One verb, as its help describes it. */
struct verb {
    struct name command, verb; /* verb empty: the command has none */
    struct own_option options[NAMES_MAX];
    size_t option_count;
    size_t words;    /* that are no options */
    bool more_words; /* any number of them */
};

static struct verb verbs[VERBS_MAX];
static size_t verb_count;
static struct name all[NAMES_MAX]; /* options of anybody */
static size_t all_count;
static struct said said;

/* ---- reading help ---- */

static void put_name(struct name *to, const char *from, size_t len)
{
    assert_true(len > 0 && len < sizeof(to->s));
    memcpy(to->s, from, len);
    to->s[len] = '\0';
}

static void run(struct world *w, const struct verb *v, const char *const *more, size_t count)
{
    const char *args[WORDS_MAX + 1] = {v->command.s};
    size_t n = 1;
    if (v->verb.s[0] != '\0')
        args[n++] = v->verb.s;
    assert_true(n + count <= WORDS_MAX);
    for (size_t i = 0; i < count; i++)
        args[n++] = more[i];
    command_run(w, NULL, args, &said);
}

static void note_everywhere(const struct name *name)
{
    for (size_t i = 0; i < all_count; i++)
        if (strcmp(all[i].s, name->s) == 0)
            return;
    assert_true(all_count < NAMES_MAX);
    all[all_count++] = *name;
}

/* "      --name NAME    words", or "  -c, --config FILE    words". */
static void read_option_line(struct verb *v, const char *line)
{
    const char *dashes = strstr(line, "--");
    bool is_option = strncmp(line, "      --", 8) == 0 ||
                     (strncmp(line, "  -", 3) == 0 && strncmp(line + 4, ", --", 4) == 0);
    if (!is_option || !dashes)
        return;
    if (line[2] == '-' && strchr("ch", line[3]) == NULL)
        fail_msg("%s %s has another one-letter option: %s", v->command.s, v->verb.s, line);
    size_t len = strcspn(dashes + 2, " \n");
    assert_true(v->option_count < NAMES_MAX);
    struct own_option *o = &v->options[v->option_count++];
    put_name(&o->name, dashes + 2, len);
    o->has_value = dashes[2 + len] == ' ' && dashes[3 + len] != ' ' && dashes[3 + len] != '\0';
    note_everywhere(&o->name);
}

/* "TOKEN --name NAME [OPTIONS]", behind the verb: how many words stand there that are no option. */
static void read_form(struct verb *v, const char *form)
{
    char text[TYPED_BYTES];
    (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(form, "\n"), form);
    v->more_words = strstr(text, "...") != NULL;
    int depth = 0;
    bool is_value = false;
    char *rest = text;
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        bool group = word[0] == '(' || depth > 0;
        depth += (word[0] == '(') - (strchr(word, ')') != NULL);
        if (!group && word[0] != '-' && word[0] != '[' && !is_value)
            v->words++;
        is_value = strncmp(word, "--", 2) == 0;
    }
}

static void read_verb(struct world *w, const struct name *command, const struct name *verb)
{
    char usage[TYPED_BYTES];
    assert_true(verb_count < VERBS_MAX);
    struct verb *v = &verbs[verb_count++];
    *v = (struct verb){.command = *command, .verb = *verb};
    run(w, v, ARGS("--help"), 1);
    assert_int_equal(said.status, 0);
    int n = snprintf(usage, sizeof(usage), "Usage: conclave %s%s%s ", command->s,
                     verb->s[0] != '\0' ? " " : "", verb->s);
    assert_true(n > 0 && strncmp(said.out, usage, (size_t)n) == 0);
    read_form(v, said.out + n);
    for (char *line = said.out; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        read_option_line(v, line);
    }
    assert_true(v->option_count >= 2); /* --config and --help */
    run(w, v, ARGS("-h"), 1);
    assert_int_equal(said.status, 0);
    assert_true(strncmp(said.out, usage, (size_t)n) == 0);
}

/* Names at the beginning of lines "  name ...", after a blank line and up to the next. */
static size_t read_list(const char *text, struct name *names)
{
    size_t count = 0;
    const char *line = strstr(text, "\n\n");
    assert_non_null(line);
    for (line += 2; *line != '\n' && *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_true(count < NAMES_MAX);
        if (strncmp(line, "  ", 2) == 0 && line[2] != ' ')
            put_name(&names[count++], line + 2, strcspn(line + 2, " \n"));
    }
    return count;
}

static void read_command(struct world *w, const struct name *command)
{
    static const struct name none = {""};
    struct name names[NAMES_MAX];
    command_run(w, NULL, ARGS(command->s, "--help"), &said);
    assert_int_equal(said.status, 0);
    if (!strstr(said.out, " VERB ")) {
        read_verb(w, command, &none);
        return;
    }
    size_t count = read_list(said.out, names);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        read_verb(w, command, &names[i]);
}

static int64_t fingerprint(const struct world *w)
{
    return file_number(w, "SELECT ('x' || substr(md5(schema_to_xml('conclave', true, false, "
                          "'')::text), 1, 15))::bit(60)::bigint");
}

static int open_all(void **state)
{
    static const struct world_options options = {.servers = 1, .no_fsync = true};
    struct name commands[NAMES_MAX];
    if (group_open(state, &options) != 0)
        return -1;
    struct world *w = *state;
    (void)world_stop_server(w, 0);
    command_run(w, NULL, ARGS("--help"), &said);
    size_t count = read_list(said.out, commands);
    for (size_t i = 0; i < count; i++)
        read_command(w, &commands[i]);
    return 0;
}

/* ---- the walk ---- */

static const struct own_option *own(const struct verb *v, const char *name)
{
    for (size_t i = 0; i < v->option_count; i++)
        if (strcmp(v->options[i].name.s, name) == 0)
            return &v->options[i];
    return NULL;
}

static const struct verb *find(const char *command, const char *name)
{
    for (size_t i = 0; i < verb_count; i++)
        if (strcmp(verbs[i].command.s, command) == 0 && strcmp(verbs[i].verb.s, name) == 0)
            return &verbs[i];
    fail_msg("help knows no `conclave %s %s`", command, name);
    return NULL;
}

static void expect_refusal(struct world *w, const struct verb *v, const char *const *more,
                           size_t count, const char *words)
{
    run(w, v, more, count);
    if (said.status != USAGE || !strstr(said.err, words))
        fail_msg("conclave %s %s %s: exit code %d, and not: %s\nstdout: %s\nstderr: %s",
                 v->command.s, v->verb.s, more[count - 1], said.status, words, said.out, said.err);
}

static void help__names_all_that_there_is(void **state)
{
    (void)state;
    static const char *const wanted[] = {"name",       "description", "preset", "read",
                                         "accessible", "write",       "upload", "icon",
                                         "quota",      "file-types",  "keep",   "keep-bytes"};
    assert_true(verb_count >= 30 && all_count >= 45);
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_non_null(own(find("room", "add"), wanted[i]));
        assert_non_null(own(find("room", "set"), wanted[i]));
    }
    assert_non_null(own(find("serve", ""), "init"));
    assert_non_null(own(find("restore", ""), "margin"));
    assert_non_null(own(find("import", "pysogs"), "dry-run"));
}

static void every_verb__options_of_others__are_refused_and_nothing_changes(void **state)
{
    struct world *w = *state;
    /* A sanitizer makes each of the processes several times slower. */
    const size_t step = getenv("CONCLAVE_TEST_SHORT") != NULL ? 4 : 1;
    int64_t before = fingerprint(w);
    for (size_t i = 0; i < verb_count; i++) {
        for (size_t k = i % step; k < all_count; k += step) {
            char option[TYPED_BYTES], words[TYPED_BYTES];
            if (own(&verbs[i], all[k].s))
                continue;
            (void)snprintf(option, sizeof(option), "--%.47s", all[k].s);
            (void)snprintf(words, sizeof(words), "unknown option --%.47s; it takes --", all[k].s);
            expect_refusal(w, &verbs[i], ARGS(option), 1, words);
        }
        expect_refusal(w, &verbs[i], ARGS("-r"), 1, "unknown option -r");
        expect_refusal(w, &verbs[i], ARGS("--no-such=1"), 1, "unknown option --no-such;");
    }
    assert_int_equal(fingerprint(w), before);
}

static void every_verb__a_word_too_many__is_refused(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *v = &verbs[i];
        const char *words[WORDS_MAX] = {"lobby", "lobby", "lobby"};
        if (v->more_words)
            continue;
        assert_true(v->words <= 2);
        words[v->words] = "extra";
        expect_refusal(w, v, words, v->words + 1, "unexpected argument: extra");
        if (v->words > 0)
            expect_refusal(w, v, ARGS("--config", "x"), 2, "an argument is missing");
    }
}

static void every_option__without_its_value_or_twice__is_refused(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < verb_count; i++) {
        for (size_t k = 0; k < verbs[i].option_count; k++) {
            const struct own_option *o = &verbs[i].options[k];
            char option[TYPED_BYTES], with[TYPED_BYTES];
            if (strcmp(o->name.s, "help") == 0)
                continue;
            (void)snprintf(option, sizeof(option), "--%s", o->name.s);
            (void)snprintf(with, sizeof(with), "--%s=1", o->name.s);
            if (!o->has_value) {
                expect_refusal(w, &verbs[i], ARGS(with), 1, "takes no value");
                expect_refusal(w, &verbs[i], ARGS(option, option), 2, "is said twice");
                continue;
            }
            expect_refusal(w, &verbs[i], ARGS(option), 1, "wants a value");
            expect_refusal(w, &verbs[i], ARGS(option, "--config=x"), 2, "wants a value");
        }
    }
    expect_refusal(w, find("room", "set"), ARGS("lobby", "--read=yes", "--read=no"), 3,
                   "--read is said twice");
    expect_refusal(w, find("room", "list"), ARGS("--config=x", "--config=y"), 2,
                   "--config is said twice");
}

static void what_stands_alone__with_more__is_refused(void **state)
{
    command_expect(*state, NULL, ARGS("--version", "room"), USAGE, "unexpected argument: room",
                   &said);
    command_expect(*state, NULL, ARGS("--help", "room"), USAGE, "unexpected argument: room", &said);
    command_expect(*state, NULL, ARGS("room", "--name=x", "add", "t"), USAGE, "say the verb first",
                   &said);
}

/* ---- what belongs together ---- */

static void what_is_said__when_nothing_would_happen__is_refused(void **state)
{
    static const char id[] = "0588672ccb97f40bb57238989226cf429b575ba355443f47bc76c5ab144a96c65b";
    struct world *w = *state;
    int64_t before = fingerprint(w);
    static const struct {
        const char *args[WORDS_MAX];
        const char *words;
    } cases[] = {
        {{"room", "set", "lobby"}, "say what to set"},
        {{"room", "set", "lobby", "--name", "x", "--dry-run"}, "--keep"},
        {{"room", "set", "lobby", "--icon", "x", "--no-icon"}, "exclude"},
        {{"room", "set", "lobby", "--preset", "private", "--read", "yes"}, "--preset private"},
        {{"room", "add", "t", "--name=T", "--preset=private", "--accessible=yes"}, "--preset"},
        {{"room", "add", "t", "--preset", "open"}, "--name"},
        {{"user", "set", id, "--room", "lobby"}, "what to set"},
        {{"user", "ban", id}, "--room"},
        {{"user", "ban", id, "--room", "lobby", "--global"}, "--room"},
        {{"filter", "set", "--global"}, "say what to set"},
        {{"filter", "reply", "--global"}, "--remove"},
        {{"filter", "reply", "--global", "--remove", "--text", "x"}, "--remove"},
        {{"filter", "reply", "--global", "--text=", "--text", "x"}, "no text"},
        {{"status", "--live", "--ready"}, "exclude"},
        {{"message", "delete", "--room", "lobby"}, "--by"},
        {{"mod", "add", "--global"}, "missing"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        command_expect(w, NULL, cases[i].args, USAGE, cases[i].words, &said);
    assert_int_equal(fingerprint(w), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help__names_all_that_there_is),
        cmocka_unit_test(every_verb__options_of_others__are_refused_and_nothing_changes),
        cmocka_unit_test(every_verb__a_word_too_many__is_refused),
        cmocka_unit_test(every_option__without_its_value_or_twice__is_refused),
        cmocka_unit_test(what_stands_alone__with_more__is_refused),
        cmocka_unit_test(what_is_said__when_nothing_would_happen__is_refused),
    };
    return cmocka_run_group_tests(tests, open_all, group_close);
}
