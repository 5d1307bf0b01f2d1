/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a command is typed, as data: its verbs, and the options that each verb takes. Reading the
 * command line, `--help` and every complaint about usage follow from these tables, so an option is
 * either declared for a verb, or refused by it.
 *
 * To add a verb: a name in the command's enum of verbs, and the row [NAME] in its table of verbs.
 * To add an option: a member in the command's struct of options, and a row in its table of options
 * that names the verbs which take it.
 */
#ifndef CONCLAVE_CLI_COMMAND_H
#define CONCLAVE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/attr.h"

struct cli;

struct command_verb {
    const char *name;      /* NULL: the command is typed without a verb, and this is its only row */
    const char *arguments; /* what help writes behind the verb, such as "TOKEN --name NAME" */
    size_t least, most;    /* how many words that are no options */
    const char *summary;   /* one line */
    const char *help;      /* more of it; NULL: nothing */
    /*
     * Judges what was read, all together: NULL, or the sentence that refuses it. NULL: nothing to
     * judge.
     */
    const char *(*check)(const void *options, size_t argument_count);
};

/* Reads the value of an option into its member: NULL, or what it wants ("yes or no"). */
typedef const char *command_reader(const char *text, void *member);

struct command_option {
    const char *name;  /* typed as --name */
    unsigned verbs;    /* which take it: VERB(a) | VERB(b), or EVERY_VERB */
    const char *value; /* what help calls its value; NULL: it has none, and its member is a bool */
    const char *help;  /* one line */
    size_t member;     /* its offset in the command's struct of options */
    command_reader *read; /* NULL: the member is a const char *, which points into argv */
    bool repeats;         /* may be said several times; read is called for each */
};
#define VERB(row)          (1U << (row))
#define EVERY_VERB         (~0U)
#define MEMBER(type, name) .member = offsetof(type, name)

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
    const struct command_verb *verbs;
    size_t verb_count;
    const struct command_option *options; /* --config FILE and --help are everybody's */
    size_t option_count;
    const char *help; /* about all verbs; NULL: nothing */
};

/*
 * Reads a command line into cli (--config, arguments) and the command's struct of options, which
 * holds its defaults. Returns the row of the verb. On --help it prints and exits 0; on any mistake
 * it says which and exits 2 (CLI_USAGE), and nothing else has been done. argv is reordered.
 */
size_t command_read(const struct command *command, int argc, char **argv, struct cli *cli,
                    void *options);

/* A command_reader for an enum tristate: yes or no. */
const char *command_read_yes_no(const char *text, void *tristate);

#endif
