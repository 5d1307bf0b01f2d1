/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave filter show|set|reply: what is filtered out of posts, in every room or in one.
 */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/terminal.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "store/filters.h"

enum said { UNSAID = -2, DEFAULT = -1 }; /* beside TRI_NO, TRI_YES and sums of alphabets */

enum filter_verb { SHOW, SET, REPLY };

struct filter_texts {
    const char *text[FILTER_TEXTS_MAX];
    size_t count;
    bool none; /* an empty one was said */
};

struct filter_options {
    const char *room;
    bool global;
    int alphabets, alphabet_silent, profanity, profanity_silent, moderators, public;
    int type;
    struct filter_texts texts;
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

static const char *read_yes(const char *text, void *said)
{
    enum tristate yes = TRI_NULL;
    if (strcasecmp(text, "default") != 0 && command_read_yes_no(text, &yes) != NULL)
        return "yes, no or default";
    *(int *)said = yes == TRI_NULL ? DEFAULT : (int)yes;
    return NULL;
}

/* The alphabet of a name; 0: none. */
static int find_alphabet(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(alphabets); i++)
        if (strlen(alphabets[i].name) == name.len &&
            strncasecmp((const char *)name.p, alphabets[i].name, name.len) == 0)
            return (int)alphabets[i].alphabet;
    return 0;
}

static const char *read_alphabets(const char *text, void *said)
{
    int sum = strcasecmp(text, "default") == 0 ? DEFAULT : 0;
    bool is_list = sum == 0 && strcasecmp(text, "none") != 0;
    while (is_list && *text != '\0') {
        size_t n = strcspn(text, ",");
        int one = find_alphabet(span_of(text, n));
        if (one == 0)
            return "none, default, or a list of persian, arabic, cyrillic";
        sum |= one;
        text += n + (text[n] == ',');
    }
    *(int *)said = sum;
    return NULL;
}

static const char *read_type(const char *text, void *type)
{
    for (int i = 0; i < FILTER_TYPES; i++)
        if (strcasecmp(text, types[i]) == 0) {
            *(int *)type = i;
            return NULL;
        }
    return "any, alphabet, profanity, persian, arabic or cyrillic";
}

/* A backslash that would stay as it is was meant as something else. */
static bool escapes_ok(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\\' && (*++text == '\0' || strchr("@prtn\\", *text) == NULL))
            return false;
    return true;
}

static_assert(FILTER_TEXTS_MAX == 16 && FILTER_TEXT_MAX_BYTES == 2000 &&
                  FILTER_NAME_MAX_BYTES == 100,
              "the sentences below say so");

static const char *read_text(const char *text, void *texts)
{
    struct filter_texts *t = texts;
    if (text[0] == '\0') {
        t->none = true;
        return NULL;
    }
    if (t->count == FILTER_TEXTS_MAX)
        return "to be said 16 times at most";
    if (strlen(text) > FILTER_TEXT_MAX_BYTES || strchr(text, '\n') != NULL ||
        !utf8_valid(span_of_text(text)))
        return "one line of at most 2000 bytes; write \\n for a new line";
    if (!escapes_ok(text))
        return "one of @ p r t n \\ after a backslash";
    t->text[t->count++] = text;
    return NULL;
}

static const char *read_name(const char *text, void *name)
{
    size_t len = strlen(text);
    if (len < 1 || len > FILTER_NAME_MAX_BYTES || !utf8_valid(span_of_text(text)))
        return "1 to 100 bytes";
    *(const char **)name = text;
    return NULL;
}

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
    if (r->name.p != NULL) {
        (void)fputs("\tname ", stdout);
        terminal_put(stdout, r->name);
    }
    (void)printf("\tpublic %s", word_of(r->public));
    if (r->texts.p != NULL && lines.len == 0)
        (void)printf("\tno text");
    while (lines.len > 0) {
        size_t n = span_find(lines, '\n');
        (void)fputs("\ttext ", stdout);
        terminal_put(stdout, span_first(lines, n));
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

static int set(struct cli *cli, const struct filter_options *o, int64_t room)
{
    struct filter_row row = {room, -1, TRI_NULL, TRI_NULL, TRI_NULL, TRI_NULL};
    struct filter_row *rows = NULL;
    size_t count = 0;
    enum err e = filters_list(cli->db, cli->mem, room, &rows, &count);
    for (size_t i = 0; e == OK && i < count; i++)
        if (rows[i].room == room)
            row = rows[i];
    if (o->alphabets != UNSAID)
        row.alphabets = o->alphabets;
    take(&row.alphabet_silent, o->alphabet_silent);
    take(&row.profanity, o->profanity);
    take(&row.profanity_silent, o->profanity_silent);
    take(&row.moderators, o->moderators);
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
static struct span join_texts(struct cli *cli, const struct filter_options *o)
{
    AUTO_BUF struct buf lines = buf_make((size_t)FILTER_TEXTS_MAX * (FILTER_TEXT_MAX_BYTES + 1));
    for (size_t i = 0; i < o->texts.count; i++) {
        buf_put_text(&lines, i > 0 ? "\n" : "");
        buf_put_text(&lines, o->texts.text[i]);
    }
    return lines.len == 0 ? SPAN("") : arena_dup(cli->mem, buf_span(&lines));
}

static int reply(struct cli *cli, const struct filter_options *o, int64_t room)
{
    struct filter_reply_row row = {
        .room = room, .type = (enum filter_type)o->type, .public = TRI_NULL};
    struct filter_reply_row *rows = NULL;
    size_t count = 0;
    enum err e = filters_replies(cli->db, cli->mem, room, &rows, &count);
    for (size_t i = 0; e == OK && !o->remove && i < count; i++)
        if (rows[i].room == room && (int)rows[i].type == o->type)
            row = rows[i];
    if (o->texts.count > 0 || o->texts.none)
        row.texts = join_texts(cli, o);
    if (o->name)
        row.name = span_of_text(o->name);
    take(&row.public, o->public);
    if (e == OK)
        e = filters_set_reply(cli->db, &row);
    return e == OK ? CLI_OK : cli_store_failed(e);
}

static int run(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct filter_options o = {.alphabets = UNSAID,
                               .alphabet_silent = UNSAID,
                               .profanity = UNSAID,
                               .profanity_silent = UNSAID,
                               .moderators = UNSAID,
                               .public = UNSAID,
                               .type = FILTER_ANY};
    struct room_row room = {.id = 0};
    enum filter_verb verb = command_read(&cli_filter, argc, argv, &cli, &o);
    int code = cli_open_db(&cli, true);
    if (code == CLI_OK && o.room)
        code = cli_find_room(&cli, o.room, &room);
    if (code != CLI_OK)
        return code;
    if (verb == SHOW)
        return show(&cli, room.id);
    code = verb == SET ? set(&cli, &o, room.id) : reply(&cli, &o, room.id);
    cli_tell_servers(&cli);
    return code;
}

/* ---- how it is typed ---- */

static const char *check_reach(const void *options, size_t argument_count)
{
    const struct filter_options *o = options;
    (void)argument_count;
    return (o->room != NULL) == o->global ? "say either --room TOKEN or --global" : NULL;
}

static const char *check_set(const void *options, size_t argument_count)
{
    const struct filter_options *o = options;
    bool said = o->alphabets != UNSAID || o->alphabet_silent != UNSAID || o->profanity != UNSAID ||
                o->profanity_silent != UNSAID || o->moderators != UNSAID;
    const char *refusal = check_reach(options, argument_count);
    return refusal || said ? refusal
                           : "say what to set; `conclave filter set --help` lists what there is";
}

static const char *check_reply(const void *options, size_t argument_count)
{
    const struct filter_options *o = options;
    bool said = o->texts.count > 0 || o->texts.none || o->name || o->public != UNSAID;
    const char *refusal = check_reach(options, argument_count);
    if (!refusal && o->texts.count > 0 && o->texts.none)
        return "an empty --text means no text, and excludes others";
    if (!refusal && said == o->remove)
        return "say either what to answer (--text, --name, --public), or --remove";
    return refusal;
}

static const struct command_verb verbs[] = {
    [SHOW] = {"show", "(--room TOKEN | --global)", 0, 0, "what is filtered and answered",
              .check = check_reach},
    [SET] = {"set", "(--room TOKEN | --global)", 0, 0, "what is not wanted", .check = check_set},
    [REPLY] = {"reply", "(--room TOKEN | --global)", 0, 0,
               "what is answered to a silently filtered post",
               .help = "In TEXT, \\@ is a mention of who posted, \\p their name, \\r the room's "
                       "name, \\t its token, \\n a new line.",
               .check = check_reply},
};
static const struct command_option options[] = {
    {"room", EVERY_VERB, "TOKEN", "for this room", MEMBER(struct filter_options, room)},
    {"global", EVERY_VERB, NULL, "for every room that says nothing else",
     MEMBER(struct filter_options, global)},
    {"alphabets", VERB(SET), "LIST", "letters that are not wanted: persian,arabic,cyrillic",
     MEMBER(struct filter_options, alphabets), .read = read_alphabets},
    {"alphabet-silent", VERB(SET), "yes|no",
     "their posts seem to succeed and are shown to nobody, instead of being refused",
     MEMBER(struct filter_options, alphabet_silent), .read = read_yes},
    {"profanity", VERB(SET), "yes|no", "words of the list in [filters] words are not wanted",
     MEMBER(struct filter_options, profanity), .read = read_yes},
    {"profanity-silent", VERB(SET), "yes|no", "as --alphabet-silent, for words",
     MEMBER(struct filter_options, profanity_silent), .read = read_yes},
    {"moderators", VERB(SET), "yes|no", "moderators are filtered too",
     MEMBER(struct filter_options, moderators), .read = read_yes},
    {"type", VERB(REPLY), "TYPE",
     "which filter answers: any (default), alphabet, profanity, persian, arabic, cyrillic",
     MEMBER(struct filter_options, type), .read = read_type},
    {"text", VERB(REPLY), "TEXT", "what is answered; several: one by chance; empty: nothing",
     MEMBER(struct filter_options, texts), .read = read_text, .repeats = true},
    {"name", VERB(REPLY), "NAME", "who answers (default SOGS)", MEMBER(struct filter_options, name),
     .read = read_name},
    {"public", VERB(REPLY), "yes|no", "everybody sees the answer",
     MEMBER(struct filter_options, public), .read = read_yes},
    {"remove", VERB(REPLY), NULL, "forget this reply", MEMBER(struct filter_options, remove)},
};
const struct command cli_filter = {
    .name = "filter",
    .summary = "filter alphabets and words out of posts, and answer them",
    .run = run,
    .verbs = verbs,
    .verb_count = COUNT_OF(verbs),
    .options = options,
    .option_count = COUNT_OF(options),
    .help = "Filters of posts and edits. Takes effect at once in running servers. `default` "
            "instead of a value: as --global says, or as without a filter.",
};
