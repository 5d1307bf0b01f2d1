/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What main.c read from the command line of conclave-client, and the commands that act on it.
 */
#ifndef CONCLAVE_TESTS_CLIENT_TOOL_H
#define CONCLAVE_TESTS_CLIENT_TOOL_H

#include "client/server_link.h"

enum { TOOL_DONE = 0, TOOL_REFUSED = 1, TOOL_USAGE = 2, TOOL_WORDS_MAX = 5 };

struct tool {
    const char *server;
    const char *key;
    const char *account;
    const char *path;
    const char *attachment_key;
    const char *digest;
    const char *size;
    const char *since;
    bool stream;
    const char *words[TOOL_WORDS_MAX]; /* command and its arguments */
    size_t word_count;
};

/* Runs the command of t; prints one JSON object per line on stdout and returns an exit code. */
int tool_run(const struct tool *t);

/* Says on stderr what is wrong with the command line. Returns TOOL_USAGE. */
int tool_usage(const char *words);
/* Prints {"error":...,"code":...} (code left out when 0). Returns TOOL_REFUSED. */
int tool_refused(const char *words, int code);
/* One line of the output. */
void tool_print(const json_t *object);
/* What a failed call left behind, as one line. Returns TOOL_REFUSED. */
struct community;
int tool_tell(const struct community *c, enum err e);

/* --server, --key and --path into link options. TOOL_DONE, or what to exit with. */
int tool_link_options(const struct tool *t, struct server_link_options *ret_options);

int tool_account_new(const struct tool *t);
int tool_account_show(const struct tool *t);
/* Reads a local file of at most what an onion request carries; writes one anew, mode 0600. */
MUST_USE enum err tool_read_file(const char *path, struct buf *out);
MUST_USE bool tool_write_file(const char *path, struct span data);

int tool_dm(const struct tool *t, struct community *c);
int tool_inbox(const struct tool *t, struct community *c);
int tool_upload(const struct tool *t, struct community *c);
int tool_download(const struct tool *t, struct community *c);
int tool_file_put(const struct tool *t);
int tool_file_get(const struct tool *t);
int tool_file_extend(const struct tool *t);

#endif
