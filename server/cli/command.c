/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one reader of command lines. Long options only, `--name VALUE` or `--name=VALUE`, before or
 * after other words; `--` ends them. The two short ones mean the same everywhere: -c FILE
 * (--config) and -h (--help).
 */
#include "cli/command.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/command_help.h"

struct line {
    const struct command *command;
    const struct command_verb *verb; /* NULL: not read yet */
    struct cli *cli;
    char *options;
    uint64_t given; /* bit: row of the option */
    char **argv;
    int argc, next; /* the next word to be read */
};

/* ---- complaints ---- */

static void begin_complaint(const struct line *line)
{
    (void)fprintf(stderr, "conclave %s", line->command->name);
    if (line->verb && line->verb->name)
        (void)fprintf(stderr, " %s", line->verb->name);
    (void)fputs(": ", stderr);
}

static _Noreturn void end_complaint(void)
{
    (void)fputc('\n', stderr);
    exit(CLI_USAGE);
}

static _Noreturn void complain(const struct line *line, const char *sentence)
{
    begin_complaint(line);
    (void)fputs(sentence, stderr);
    end_complaint();
}

static bool takes(const struct line *line, const struct command_option *option)
{
    return line->verb && (option->verbs & VERB(line->verb - line->command->verbs)) != 0;
}

static _Noreturn void complain_of_option(const struct line *line, const char *word, size_t len)
{
    begin_complaint(line);
    (void)fputs("unknown option ", stderr);
    terminal_put(stderr, span_of(word, len));
    (void)fputs("; it takes ", stderr);
    for (size_t i = 0; i < line->command->option_count; i++)
        if (takes(line, &line->command->options[i]))
            (void)fprintf(stderr, "--%s, ", line->command->options[i].name);
    (void)fputs("--config, --help", stderr);
    end_complaint();
}

static _Noreturn void complain_of_verb(const struct line *line, const char *word)
{
    begin_complaint(line);
    if (word) {
        (void)fputs("there is no '", stderr);
        terminal_put(stderr, span_of_text(word));
        (void)fputs("'; ", stderr);
    }
    (void)fputs("say ", stderr);
    for (size_t i = 0; i < line->command->verb_count; i++)
        (void)fprintf(stderr, "%s%s",
                      i == 0                               ? ""
                      : i + 1 == line->command->verb_count ? " or "
                                                           : ", ",
                      line->command->verbs[i].name);
    if (!word) {
        (void)fputs("\n\n", stderr);
        command_help(stderr, line->command);
    } else {
        (void)fputc('\n', stderr);
    }
    exit(CLI_USAGE);
}

/* ---- reading ---- */

/*
 * The value of an option: behind its "=", or the next word. One that begins with a dash is an
 * option that was forgotten to get its value, far more often than it is meant; "-" alone is a name
 * for standard input or output.
 */
static const char *value_of(struct line *line, const char *option, const char *equals)
{
    const char *next = equals || line->next == line->argc ? NULL : line->argv[line->next];
    if (equals)
        return equals + 1;
    if (next && (next[0] != '-' || next[1] == '\0')) {
        line->next++;
        return next;
    }
    begin_complaint(line);
    (void)fprintf(stderr, "%s wants a value (one that begins with a dash: %s=-...)", option,
                  strcmp(option, "-c") == 0 ? "--config" : option);
    end_complaint();
}

static void take(struct line *line, size_t row, const char *equals)
{
    const struct command_option *option = &line->command->options[row];
    char word[64];
    (void)snprintf(word, sizeof(word), "--%s", option->name);
    if ((line->given & (UINT64_C(1) << row)) != 0 && !option->repeats) {
        begin_complaint(line);
        (void)fprintf(stderr, "%s is said twice", word);
        end_complaint();
    }
    line->given |= UINT64_C(1) << row;
    void *member = line->options + option->member;
    if (!option->value) {
        if (equals) {
            begin_complaint(line);
            (void)fprintf(stderr, "%s takes no value", word);
            end_complaint();
        }
        *(bool *)member = true;
        return;
    }
    const char *value = value_of(line, word, equals);
    const char *wanted = NULL;
    if (option->read)
        wanted = option->read(value, member);
    else
        *(const char **)member = value;
    if (wanted) {
        begin_complaint(line);
        (void)fprintf(stderr, "%s wants %s", word, wanted);
        end_complaint();
    }
}

static void take_config(struct line *line, const char *option, const char *equals)
{
    if (line->cli->config)
        complain(line, "--config is said twice");
    line->cli->config = value_of(line, option, equals);
}

static _Noreturn void print_help(const struct line *line)
{
    if (line->verb)
        command_help_verb(stdout, line->command, line->verb);
    else
        command_help(stdout, line->command);
    exit(CLI_OK);
}

static bool is_option(const char *word, size_t len, const char *name)
{
    return strlen(name) == len - 2 && memcmp(word + 2, name, len - 2) == 0;
}

static void read_option(struct line *line, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
        print_help(line);
    if (strcmp(word, "-c") == 0) {
        take_config(line, "-c", NULL);
        return;
    }
    if (word[1] == '-' && is_option(word, len, "config")) {
        take_config(line, "--config", equals);
        return;
    }
    for (size_t i = 0; word[1] == '-' && i < line->command->option_count; i++) {
        const struct command_option *option = &line->command->options[i];
        if (!is_option(word, len, option->name) || !takes(line, option))
            continue;
        take(line, i, equals);
        return;
    }
    complain_of_option(line, word, len);
}

static void read_verb(struct line *line, const char *word)
{
    for (size_t i = 0; !line->verb && i < line->command->verb_count; i++)
        if (strcmp(line->command->verbs[i].name, word) == 0)
            line->verb = &line->command->verbs[i];
    if (!line->verb)
        complain_of_verb(line, word);
}

/* Options before the verb belong to it, too; so the verb is looked for first. */
static void find_verb(struct line *line)
{
    const struct command *command = line->command;
    if (command->verbs[0].name == NULL) {
        line->verb = &command->verbs[0];
        return;
    }
    for (int i = 1; i < line->argc; i++) {
        const char *word = line->argv[i];
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
            print_help(line);
        if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0) {
            i++;
            continue;
        }
        if (word[0] != '-') {
            read_verb(line, word);
            memmove(&line->argv[i], &line->argv[i + 1],
                    (size_t)(line->argc - i - 1) * sizeof(line->argv[0]));
            line->argc--;
            return;
        }
        if (strncmp(word, "--config=", strlen("--config=")) != 0) {
            begin_complaint(line);
            (void)fprintf(stderr, "%s stands before the verb; say the verb first", word);
            end_complaint();
        }
    }
    complain_of_verb(line, NULL);
}

static void judge(const struct line *line, size_t count)
{
    const struct command_verb *verb = line->verb;
    const char *form = verb->arguments ? verb->arguments : "";
    if (count < verb->least || count > verb->most) {
        begin_complaint(line);
        (void)fputs(count > verb->most ? "unexpected argument: " : "an argument is missing",
                    stderr);
        if (count > verb->most)
            terminal_put(stderr, span_of_text(line->cli->arguments[verb->most]));
        (void)fprintf(stderr, "; usage: conclave %s%s%s%s%s", line->command->name,
                      verb->name ? " " : "", verb->name ? verb->name : "", *form ? " " : "", form);
        end_complaint();
    }
    const char *refusal = verb->check ? verb->check(line->options, count) : NULL;
    if (refusal)
        complain(line, refusal);
}

size_t command_read(const struct command *command, int argc, char **argv, struct cli *cli,
                    void *options)
{
    struct line line = {
        .command = command, .cli = cli, .options = options, .argv = argv, .argc = argc, .next = 1};
    size_t count = 0;
    bool options_ended = false;
    find_verb(&line);
    cli->arguments = argv;
    while (line.next < line.argc) {
        char *word = argv[line.next++];
        if (options_ended || word[0] != '-' || word[1] == '\0')
            argv[count++] = word;
        else if (strcmp(word, "--") == 0)
            options_ended = true;
        else
            read_option(&line, word);
    }
    cli->argument_count = count;
    judge(&line, count);
    return (size_t)(line.verb - command->verbs);
}

const char *command_read_yes_no(const char *text, void *tristate)
{
    bool yes = strcasecmp(text, "yes") == 0;
    if (!yes && strcasecmp(text, "no") != 0)
        return "yes or no";
    *(enum tristate *)tristate = yes ? TRI_YES : TRI_NO;
    return NULL;
}
