/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave filter show|set|reply: what is filtered out of posts, in every room or in one.
 */
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "cli/cli.h"
#include "store/filters.h"

enum said { UNSAID = -2, DEFAULT = -1 }; /* beside TRI_NO, TRI_YES and sums of alphabets */

struct filter_arguments {
    const char *verb;
    const char *room;
    bool global;
    int alphabets, alphabet_silent, profanity, profanity_silent, moderators, public;
    int type;
    const char *texts[FILTER_TEXTS_MAX];
    size_t text_count;
    bool no_texts;
    const char *name;
    bool remove;
};

static const struct {
    const char *name;
    enum alphabet alphabet;
} alphabets[] = {
    {"persian", ALPHABET_PERSIAN}, {"arabic", ALPHABET_ARABIC}, {"cyrillic", ALPHABET_CYRILLIC}};
static const char *const types[FILTER_TYPES] = {"any",     "alphabet", "profanity",
                                                "persian", "arabic",   "cyrillic"};

/* ---- reading the command line ---- */

static int parse_yes(const char *text, struct argp_state *state)
{
    if (strcasecmp(text, "yes") == 0)
        return TRI_YES;
    if (strcasecmp(text, "no") == 0)
        return TRI_NO;
    if (strcasecmp(text, "default") != 0)
        argp_error(state, "say yes, no or default");
    return DEFAULT;
}

static int parse_alphabets(const char *text, struct argp_state *state)
{
    int sum = 0;
    if (strcasecmp(text, "default") == 0)
        return DEFAULT;
    if (strcasecmp(text, "none") == 0)
        return 0;
    while (*text != '\0') {
        size_t n = strcspn(text, ","), found = COUNT_OF(alphabets);
        for (size_t i = 0; i < COUNT_OF(alphabets); i++)
            if (strlen(alphabets[i].name) == n && strncasecmp(text, alphabets[i].name, n) == 0)
                found = i;
        if (found == COUNT_OF(alphabets))
            argp_error(state, "say none, default, or a list of persian, arabic, cyrillic");
        else
            sum |= (int)alphabets[found].alphabet;
        text += n + (text[n] == ',');
    }
    return sum;
}

static int parse_type(const char *text, struct argp_state *state)
{
    for (int i = 0; i < FILTER_TYPES; i++)
        if (strcasecmp(text, types[i]) == 0)
            return i;
    argp_error(state, "say any, alphabet, profanity, persian, arabic or cyrillic");
    return FILTER_ANY;
}

/* A backslash that would stay as it is was meant as something else. */
static bool escapes_ok(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\\' && (*++text == '\0' || strchr("@prtn\\", *text) == NULL))
            return false;
    return true;
}

static void add_text(struct filter_arguments *a, const char *text, struct argp_state *state)
{
    if (text[0] == '\0')
        a->no_texts = true;
    else if (a->text_count == FILTER_TEXTS_MAX)
        argp_error(state, "at most %d texts", FILTER_TEXTS_MAX);
    else if (strlen(text) > FILTER_TEXT_MAX_BYTES || strchr(text, '\n') != NULL ||
             !utf8_valid(span_of_text(text)))
        argp_error(state, "a text is one line of at most %d bytes; write \\n for a new line",
                   FILTER_TEXT_MAX_BYTES);
    else if (!escapes_ok(text))
        argp_error(state, "after a backslash comes one of @ p r t n \\");
    else
        a->texts[a->text_count++] = text;
}

static void take_name(struct filter_arguments *a, const char *name, struct argp_state *state)
{
    size_t len = strlen(name);
    if (len < 1 || len > FILTER_NAME_MAX_BYTES || !utf8_valid(span_of_text(name)))
        argp_error(state, "a name is 1 to %d bytes", FILTER_NAME_MAX_BYTES);
    a->name = name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct filter_arguments *a = state->input;
    switch (key) {
    case 'r':
        a->room = arg;
        return 0;
    case 'g':
        a->global = true;
        return 0;
    case 'a':
        a->alphabets = parse_alphabets(arg, state);
        return 0;
    case 'A':
        a->alphabet_silent = parse_yes(arg, state);
        return 0;
    case 'p':
        a->profanity = parse_yes(arg, state);
        return 0;
    case 'P':
        a->profanity_silent = parse_yes(arg, state);
        return 0;
    case 'm':
        a->moderators = parse_yes(arg, state);
        return 0;
    case 't':
        a->type = parse_type(arg, state);
        return 0;
    case 'T':
        add_text(a, arg, state);
        return 0;
    case 'n':
        take_name(a, arg, state);
        return 0;
    case 'u':
        a->public = parse_yes(arg, state);
        return 0;
    case 'R':
        a->remove = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->verb)
            argp_error(state, "unexpected argument: %s", arg);
        a->verb = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->verb)
            argp_usage(state);
        if ((a->room != NULL) == a->global)
            argp_error(state, "say either --room TOKEN or --global");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"room", 'r', "TOKEN", 0, "for this room", 0},
    {"global", 'g', NULL, 0, "for every room that says nothing else", 0},
    {"alphabets", 'a', "LIST", 0, "letters that are not wanted: persian,arabic,cyrillic (set)", 0},
    {"alphabet-silent", 'A', "yes|no", 0,
     "their posts seem to succeed and are shown to nobody, instead of being refused (set)", 0},
    {"profanity", 'p', "yes|no", 0, "words of the list in [filters] words are not wanted (set)", 0},
    {"profanity-silent", 'P', "yes|no", 0, "as --alphabet-silent, for words (set)", 0},
    {"moderators", 'm', "yes|no", 0, "moderators are filtered too (set)", 0},
    {"type", 't', "TYPE", 0,
     "which filter answers: any (default), alphabet, profanity, persian, arabic, cyrillic (reply)",
     0},
    {"text", 'T', "TEXT", 0,
     "what is answered to a silently filtered post; several: one by chance; empty: nothing (reply)",
     0},
    {"name", 'n', "NAME", 0, "who answers (default SOGS) (reply)", 0},
    {"public", 'u', "yes|no", 0, "everybody sees the answer (reply)", 0},
    {"remove", 'R', NULL, 0, "forget this reply (reply)", 0},
    {0},
};
static const struct argp filter_argp = {
    options,
    parse,
    "show\nset\nreply",
    "Filters of posts and edits. Takes effect at once in running servers. `default` instead of a "
    "value: as --global says, or as without a filter. In TEXT, \\@ is a mention of who posted, \\p "
    "their name, \\r the room's name, \\t its token, \\n a new line.",
    NULL,
    NULL,
    NULL};

/* ---- show ---- */

static const char *word_of(enum tristate t)
{
    return t == TRI_NULL ? "default" : t == TRI_YES ? "yes" : "no";
}

static void print_alphabets(int sum)
{
    const char *comma = "";
    if (sum <= 0)
        (void)printf("%s", sum < 0 ? "default" : "none");
    for (size_t i = 0; sum > 0 && i < COUNT_OF(alphabets); i++) {
        if ((sum & (int)alphabets[i].alphabet) == 0)
            continue;
        (void)printf("%s%s", comma, alphabets[i].name);
        comma = ",";
    }
}

static void print_reply(const struct filter_reply_row *r)
{
    struct span lines = r->texts;
    (void)printf("%s\treply %s", r->room == 0 ? "global" : "room", types[r->type]);
    if (r->name.p != NULL)
        (void)printf("\tname %.*s", (int)r->name.len, (const char *)r->name.p);
    (void)printf("\tpublic %s", word_of(r->public));
    if (r->texts.p != NULL && lines.len == 0)
        (void)printf("\tno text");
    while (lines.len > 0) {
        size_t n = span_find(lines, '\n');
        (void)printf("\ttext %.*s", (int)n, (const char *)lines.p);
        lines = span_skip(lines, n + 1);
    }
    (void)putchar('\n');
}

static int show(struct cli *cli, int64_t room)
{
    struct filter_row *rows = NULL;
    struct filter_reply_row *replies = NULL;
    size_t count = 0, reply_count = 0;
    enum err e = filters_list(cli->db, cli->mem, room, &rows, &count);
    if (e == OK)
        e = filters_replies(cli->db, cli->mem, room, &replies, &reply_count);
    if (e != OK)
        return cli_store_failed(e);
    for (size_t i = 0; i < count; i++) {
        (void)printf("%s\talphabets ", rows[i].room == 0 ? "global" : "room");
        print_alphabets(rows[i].alphabets);
        (void)printf("\talphabet-silent %s\tprofanity %s\tprofanity-silent %s\tmoderators %s\n",
                     word_of(rows[i].alphabet_silent), word_of(rows[i].profanity),
                     word_of(rows[i].profanity_silent), word_of(rows[i].moderators));
    }
    for (size_t i = 0; i < reply_count; i++)
        print_reply(&replies[i]);
    return CLI_OK;
}

/* ---- set and reply: what was said, over what is there ---- */

static void take(enum tristate *to, int said)
{
    if (said != UNSAID)
        *to = (enum tristate)said;
}

static int set(struct cli *cli, const struct filter_arguments *a, int64_t room)
{
    struct filter_row row = {room, -1, TRI_NULL, TRI_NULL, TRI_NULL, TRI_NULL};
    struct filter_row *rows = NULL;
    size_t count = 0;
    enum err e = filters_list(cli->db, cli->mem, room, &rows, &count);
    for (size_t i = 0; e == OK && i < count; i++)
        if (rows[i].room == room)
            row = rows[i];
    if (a->alphabets != UNSAID)
        row.alphabets = a->alphabets;
    take(&row.alphabet_silent, a->alphabet_silent);
    take(&row.profanity, a->profanity);
    take(&row.profanity_silent, a->profanity_silent);
    take(&row.moderators, a->moderators);
    if (e == OK)
        e = filters_set(cli->db, &row);
    if (e != OK)
        return cli_store_failed(e);
    if (row.profanity == TRI_YES && cli->conf->filters.words[0] == '\0')
        (void)fprintf(stderr, "conclave: warning: [filters] words names no list here, so no word "
                              "is filtered\n");
    return CLI_OK;
}

/* The texts as they are stored: one a line. */
static struct span join_texts(struct cli *cli, const struct filter_arguments *a)
{
    AUTO_BUF struct buf lines = buf_make((size_t)FILTER_TEXTS_MAX * (FILTER_TEXT_MAX_BYTES + 1));
    for (size_t i = 0; i < a->text_count; i++) {
        buf_put_text(&lines, i > 0 ? "\n" : "");
        buf_put_text(&lines, a->texts[i]);
    }
    return lines.len == 0 ? SPAN("") : arena_dup(cli->mem, buf_span(&lines));
}

static int reply(struct cli *cli, const struct filter_arguments *a, int64_t room)
{
    struct filter_reply_row row = {
        .room = room, .type = (enum filter_type)a->type, .public = TRI_NULL};
    struct filter_reply_row *rows = NULL;
    size_t count = 0;
    enum err e = filters_replies(cli->db, cli->mem, room, &rows, &count);
    for (size_t i = 0; e == OK && !a->remove && i < count; i++)
        if (rows[i].room == room && (int)rows[i].type == a->type)
            row = rows[i];
    if (a->text_count > 0 || a->no_texts)
        row.texts = join_texts(cli, a);
    if (a->name)
        row.name = span_of_text(a->name);
    take(&row.public, a->public);
    if (e == OK)
        e = filters_set_reply(cli->db, &row);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

int cli_filter(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct filter_arguments a = {.alphabets = UNSAID,
                                 .alphabet_silent = UNSAID,
                                 .profanity = UNSAID,
                                 .profanity_silent = UNSAID,
                                 .moderators = UNSAID,
                                 .public = UNSAID,
                                 .type = FILTER_ANY};
    struct room_row room = {.id = 0};
    cli_parse(&filter_argp, argc, argv, &cli, &a);
    int (*run)(struct cli *, const struct filter_arguments *, int64_t) =
        strcmp(a.verb, "set") == 0     ? set
        : strcmp(a.verb, "reply") == 0 ? reply
                                       : NULL;
    if (!run && strcmp(a.verb, "show") != 0)
        return cli_fail(CLI_USAGE, "say show, set or reply");
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK && a.room)
        code = cli_find_room(&cli, a.room, &room);
    if (code != CLI_OK)
        return code;
    if (!run)
        return show(&cli, room.id);
    code = run(&cli, &a, room.id);
    cli_tell_servers(&cli);
    return code;
}
