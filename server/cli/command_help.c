/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two columns in 80: what is typed, and what it does.
 */
#include "cli/command_help.h"

#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 30, VERB_COLUMN = 40 };

/* Words of text from the given column on; every line begins there. */
static void print_words(FILE *out, const char *text, size_t column)
{
    size_t at = column;
    while (*text != '\0') {
        size_t n = strcspn(text, " \n");
        if (at > column && at + 1 + n > WIDTH) {
            (void)fprintf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            (void)fputc(' ', out);
            at++;
        }
        (void)fprintf(out, "%.*s", (int)n, text);
        at += n;
        text += n;
        if (*text == '\n') {
            (void)fprintf(out, "\n%*s", (int)column, "");
            at = column;
        }
        text += *text != '\0';
    }
    (void)fputc('\n', out);
}

/* What is typed stands there already, `used` columns wide. */
static void print_help_column(FILE *out, size_t used, size_t column, const char *text)
{
    if (used + 1 > column)
        (void)fprintf(out, "\n%*s", (int)column, "");
    else
        (void)fprintf(out, "%*s", (int)(column - used), "");
    print_words(out, text, column);
}

static void print_option(FILE *out, const char *lead, const struct command_option *option)
{
    int used = fprintf(out, "%s--%s%s%s", lead, option->name, option->value ? " " : "",
                       option->value ? option->value : "");
    print_help_column(out, used > 0 ? (size_t)used : 0, OPTION_COLUMN, option->help);
}

static void print_everybodys(FILE *out)
{
    static const struct command_option config = {
        .name = "config",
        .value = "FILE",
        .help = "settings file (else CONCLAVE_CONFIG, else only the environment)"};
    static const struct command_option help = {.name = "help", .help = "this text"};
    print_option(out, "  -c, ", &config);
    print_option(out, "  -h, ", &help);
}

void command_help_verb(FILE *out, const struct command *command, const struct command_verb *verb)
{
    (void)fprintf(out, "Usage: conclave %s%s%s%s%s [OPTIONS]\n", command->name,
                  verb->name ? " " : "", verb->name ? verb->name : "", verb->arguments ? " " : "",
                  verb->arguments ? verb->arguments : "");
    print_words(out, verb->summary, 0);
    (void)fputc('\n', out);
    for (size_t i = 0; i < command->option_count; i++)
        if ((command->options[i].verbs & VERB(verb - command->verbs)) != 0)
            print_option(out, "      ", &command->options[i]);
    print_everybodys(out);
    if (verb->help) {
        (void)fputc('\n', out);
        print_words(out, verb->help, 0);
    }
    if (command->help) {
        (void)fputc('\n', out);
        print_words(out, command->help, 0);
    }
}

void command_help(FILE *out, const struct command *command)
{
    if (command->verbs[0].name == NULL) {
        command_help_verb(out, command, &command->verbs[0]);
        return;
    }
    (void)fprintf(out, "Usage: conclave %s VERB [ARGUMENTS] [OPTIONS]\n\n", command->name);
    for (size_t i = 0; i < command->verb_count; i++) {
        const struct command_verb *verb = &command->verbs[i];
        int used = fprintf(out, "  %s%s%s", verb->name, verb->arguments ? " " : "",
                           verb->arguments ? verb->arguments : "");
        print_help_column(out, used > 0 ? (size_t)used : 0, VERB_COLUMN, verb->summary);
    }
    (void)fputs("\nOptions of every verb:\n", out);
    print_everybodys(out);
    (void)fprintf(out, "`conclave %s VERB --help` names the others.\n", command->name);
    if (command->help) {
        (void)fputc('\n', out);
        print_words(out, command->help, 0);
    }
}
