/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What filters see in a post, what they find in it, and what several rows of settings mean
 * together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/message.h"
#include "client/padding.h"
#include "community/auto_reply.h"
#include "community/filter.h"
#include "crypto/voice.h"

enum { TEXT_MAX = 1 << 16 };

/* ---- protobuf ---- */

static void post_text__of_a_clients_post__is_its_body(void **state)
{
    (void)state;
    struct buf data AUTO_BUF = buf_make(TEXT_MAX);
    struct content content = {.text = SPAN("good morning ☕"), .timestamp_ms = 1700000000000};
    struct post_text text;
    content_put(&data, &content);
    assert_true(post_text_read(buf_span(&data), &text));
    assert_true(span_eq(text.body, content.text));
    assert_int_equal(text.name.len, 0);
}

static void post_text__written__reads_back_here_and_at_the_client(void **state)
{
    (void)state;
    struct buf data AUTO_BUF = buf_make(TEXT_MAX);
    const struct post_text text = {SPAN("body"), SPAN("name")};
    struct post_text found;
    struct content content;
    post_text_write(&data, &text, 1234567890123);
    assert_true(post_text_read(buf_span(&data), &found));
    assert_true(span_eq(found.body, text.body) && span_eq(found.name, text.name));
    assert_int_equal(content_read(buf_span(&data), &content), OK);
    assert_true(span_eq(content.text, text.body));
    assert_true(content.timestamp_ms == 1234567890123);
}

static void post_text__every_truncation__is_unreadable_or_shorter(void **state)
{
    (void)state;
    struct buf data AUTO_BUF = buf_make(TEXT_MAX);
    const struct post_text text = {SPAN("body"), SPAN("name")};
    post_text_write(&data, &text, 1);
    for (size_t n = 1; n < data.len; n++) {
        struct post_text found;
        assert_false(post_text_read(span_first(buf_span(&data), n), &found));
    }
}

static void post_text__odd_but_valid_forms__are_read_as_apps_read_them(void **state)
{
    (void)state;
    const struct {
        struct span data;
        const char *body; /* NULL: unreadable */
    } cases[] = {
        {SPAN(""), ""},
        {SPAN("\x0a\x00"), ""},
        {SPAN("\x0a\x03\x0a\x01x"), "x"},
        {SPAN("\x0a\x03\x0a\x01x\x0a\x03\x0a\x01y"), "y"},    /* two data messages: the last body */
        {SPAN("\x0a\x03\x0a\x01x\x0a\x00"), "x"},             /* merged */
        {SPAN("\x0a\x06\x0a\x01x\x0a\x01y"), "y"},            /* two bodies */
        {SPAN("\x0b\x08\x01\x0c\x0a\x03\x0a\x01x"), "x"},     /* an unknown group before it */
        {SPAN("\x0a\x07\x13\x1b\x1c\x14\x0a\x01x"), "x"},     /* nested groups inside */
        {SPAN("\x0d\x01\x02\x03\x04\x0a\x03\x0a\x01x"), "x"}, /* field 1 of another type */
        {SPAN("\x0a\x83\x80\x80\x00\x0a\x01x"), "x"},         /* a length longer than it needs */
        /* Keys and lengths count modulo 2^32, as in Java and JavaScript. */
        {SPAN("\x8a\x80\x80\x80\x10\x03\x0a\x01x"), "x"},
        {SPAN("\x0a\x83\x80\x80\x80\x10\x0a\x01x"), "x"},
        {SPAN("\x0b\x14"), NULL}, /* the end of another group */
        {SPAN("\x0b"), NULL},
        {SPAN("\x0c"), NULL},
        {SPAN("\x07"), NULL},
        {SPAN("\x02\x00"), NULL}, /* field 0 */
        {SPAN("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), NULL},
        {SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), NULL},
        {SPAN("\x0a\x03\x0a\x02x"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct post_text found;
        bool read = post_text_read(cases[i].data, &found);
        if (read != (cases[i].body != NULL))
            fail_msg("case %zu", i);
        if (read)
            assert_true(span_eq_text(found.body, cases[i].body));
    }
}

/* Depth is what the apps' readers allow: what is deeper they do not show either. */
static void post_text__behind_deep_groups__is_still_read(void **state)
{
    (void)state;
    enum { DEPTH = 99 };
    AUTO_BUF struct buf data = buf_make(TEXT_MAX);
    struct post_text found;
    for (int i = 0; i < DEPTH; i++)
        buf_put_byte(&data, 0x13);
    for (int i = 0; i < DEPTH; i++)
        buf_put_byte(&data, 0x14);
    buf_put(&data, SPAN("\x0a\x03\x0a\x01x"));
    assert_true(post_text_read(buf_span(&data), &found));
    assert_true(span_eq_text(found.body, "x"));
}

static void post_text__groups_without_end__are_refused_with_bounded_depth(void **state)
{
    (void)state;
    uint8_t deep[4096];
    struct post_text found;
    memset(deep, 0x0b, sizeof(deep));
    assert_false(post_text_read(span_of(deep, sizeof(deep)), &found));
}

/* Envelope { type, timestamp, content }, in any order; the last content counts. */
#define ENVELOPE(content) "\x08\x06\x28\x87\xc1\x32" content

static void post_text__of_an_envelope__is_that_of_its_content(void **state)
{
    (void)state;
    const struct {
        struct span data;
        const char *first, *second; /* NULL: no such reading; both: refused */
    } cases[] = {
        {SPAN("\x0a\x03\x0a\x01x\x80\0\0"), "x", NULL},
        {SPAN(ENVELOPE("\x42\x05\x0a\x03\x0a\x01x")), "x", ""},
        {SPAN(ENVELOPE("\x42\x08\x0a\x03\x0a\x01x\x80\0\0")), "x", NULL}, /* unpadded, it is cut */
        {SPAN("\x42\x05\x0a\x03\x0a\x01x\x28\x01\x08\x06"), "x", ""},
        {SPAN(ENVELOPE("\x42\x05\x0a\x03\x0a\x01x\x42\x05\x0a\x03\x0a\x01y")), "y", ""},
        {SPAN(ENVELOPE("\x0b\x08\x01\x0c\x42\x05\x0a\x03\x0a\x01x")), "x", ""},
        {SPAN(ENVELOPE("")), "", ""},
        {SPAN(ENVELOPE("\x42\x00")), "", ""},
        /* Both at once: what older apps read counts too. */
        {SPAN(ENVELOPE("\x42\x05\x0a\x03\x0a\x01x\x0a\x03\x0a\x01y")), "x", "y"},
        /* Without type or time it is none, and padding outside belongs to a Content. */
        {SPAN("\x28\x01\x42\x05\x0a\x03\x0a\x01x"), "", NULL},
        {SPAN("\x08\x06\x42\x05\x0a\x03\x0a\x01x"), "", NULL},
        {SPAN("\x0a\x00\x28\x01\x42\x05\x0a\x03\x0a\x01x"), "", NULL},
        {SPAN(ENVELOPE("\x42\x05\x0a\x03\x0a\x01x\x80\0")), "", NULL},
        {SPAN(""), "", NULL},
        /* Neither, and an Envelope around no Content. */
        {SPAN(ENVELOPE("\x42\x05\x0a\x03\x0a\x02x")), NULL, NULL},
        {SPAN(ENVELOPE("\x42\x01\xff")), NULL, NULL},
        {SPAN(ENVELOPE("\x42\x05\x0a\x03\x0a\x01")), NULL, NULL},
        {SPAN("\x0a\x7f"), NULL, NULL},
        {SPAN("badger"), NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct post_text texts[POST_TEXT_READINGS_MAX];
        size_t count = 0;
        bool read = post_text_readings(cases[i].data, texts, &count);
        size_t expected = cases[i].first == NULL ? 0 : cases[i].second == NULL ? 1 : 2;
        if (read != (expected > 0) || count != expected)
            fail_msg("case %zu: %zu readings", i, count);
        if (expected > 0)
            assert_true(span_eq_text(texts[0].body, cases[i].first));
        if (expected > 1)
            assert_true(span_eq_text(texts[1].body, cases[i].second));
    }
}

/* ---- words ---- */

static struct words *list(const char *text)
{
    struct words *w = NULL;
    size_t line = 0;
    if (words_new(span_of_text(text), &w, &line) != OK)
        fail_msg("line %zu", line);
    return w;
}

static void words__in_texts__are_found_whole_in_any_case_and_with_stand_ins(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool found;
    } cases[] = {
        {"", false},
        {"badger", true},
        {"a BaDgEr!", true},
        {"the badgers", false},
        {"mybadger", false},
        {"b4dg3r", true},
        {"B@DGER", true},
        {"8@69€r", false},
        {"8@d93r", true},
        {"$n41l", true},
        {"snail", true},
        {"snaii", false}, /* 'i' is no 'l' */
        {"sna!!", true},  /* but '!' is either */
        {"snail!!!", true},
        {"!snail", true},
        {"snail.", true},
        {"(snail)", true},
        {"snail💩", true},
        {"sna\u200bil", true}, /* zero width space */
        {"snail\u200b", true},
        {"ЯД", true}, /* in any case beyond ASCII too */
        {"яды", false},
        {"455", false}, /* a number, although a-s-s is on the list */
        {"a55", true},
        {"4ss", true},
        {"Übel", true},
        {"übel", true},
        {"snail\xff", true}, /* not UTF-8 */
        {"one two three", false},
    };
    struct words *w = list("# a comment\n\nbadger\r\n  Snail \nяд\nass\nÜBEL");
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (words_found(w, span_of_text(cases[i].text)) != cases[i].found)
            fail_msg("%s", cases[i].text);
    assert_false(words_found(NULL, SPAN("badger")));
    words_free(w);
}

static void words__list_with_a_bad_line__is_refused_with_its_number(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
    } cases[] = {{"two words", 1},
                 {"good\nbad,word", 2},
                 {"good\n\n1234", 3},
                 {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1},
                 {"\xff", 1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct words *w = NULL;
        size_t line = 0;
        assert_int_equal(words_new(span_of_text(cases[i].text), &w, &line), ERR_MALFORMED);
        assert_int_equal(line, cases[i].line);
        assert_null(w);
    }
}

/* Found by tests/fuzz/fuzz_words.c: such a word was taken into the list, and never found. */
static void words__listed_with_an_invisible_character__are_found(void **state)
{
    (void)state;
    struct words *w = list("he\xef\xb8\x8f"
                           "ck\n");
    assert_true(words_found(w, SPAN("oh heck")));
    assert_true(words_found(w, SPAN("oh he\xef\xb8\x8f"
                                    "ck")));
    assert_false(words_found(w, SPAN("oh hock")));
    words_free(w);
}

static void words__many__are_all_found_and_nothing_else(void **state)
{
    (void)state;
    struct buf text AUTO_BUF = buf_make(WORDS_FILE_MAX_BYTES);
    char word[32];
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(word, sizeof(word), "x%cq%d\n", 'a' + i % 26, i);
        buf_put_text(&text, word);
    }
    buf_put_byte(&text, '\0');
    struct words *w = list((const char *)text.p);
    for (int i = 0; i < 20000; i++) {
        int n = snprintf(word, sizeof(word), "x%cq%d", 'a' + i % 26, i);
        assert_true(words_found(w, span_of(word, (size_t)n)));
        n = snprintf(word, sizeof(word), "y%cq%d", 'a' + i % 26, i);
        assert_false(words_found(w, span_of(word, (size_t)n)));
    }
    words_free(w);
}

/* ---- alphabets, and which filter speaks ---- */

static struct filters *filters_of(struct filter_row row)
{
    struct filters *f = NULL;
    struct filters_source from = {.rows = &row, .count = 1};
    assert_int_equal(filters_new(&from, &f), OK);
    return f;
}

static struct filter_row row_of(int alphabets, enum tristate profanity)
{
    return (struct filter_row){.alphabets = alphabets,
                               .alphabet_silent = TRI_NULL,
                               .profanity = profanity,
                               .profanity_silent = TRI_NULL,
                               .moderators = TRI_NULL};
}

static void judge__each_filter__finds_its_own_in_its_order(void **state)
{
    (void)state;
    enum { ALL = ALPHABET_PERSIAN | ALPHABET_ARABIC | ALPHABET_CYRILLIC };
    static const struct {
        int alphabets;
        enum tristate profanity;
        const char *body, *name;
        enum filter_type hit;
    } cases[] = {
        {ALL, TRI_YES, "plain words", "a name", FILTER_ANY},
        {ALL, TRI_NO, "سلام", "", FILTER_PERSIAN},
        {ALPHABET_ARABIC, TRI_NO, "سلام", "", FILTER_ARABIC},
        {ALPHABET_PERSIAN, TRI_NO, "\u0660", "",
         FILTER_ANY}, /* a digit that Persian does not use */
        {ALPHABET_ARABIC, TRI_NO, "\u0660", "", FILTER_ARABIC},
        {ALPHABET_ARABIC, TRI_NO, "\ufefe", "", FILTER_ARABIC},
        {ALPHABET_ARABIC, TRI_NO, "\ufeff", "", FILTER_ANY},
        {ALPHABET_CYRILLIC, TRI_NO, "\u0400", "", FILTER_CYRILLIC},
        {ALPHABET_CYRILLIC, TRI_NO, "\u04ff", "", FILTER_CYRILLIC},
        {ALPHABET_CYRILLIC, TRI_NO, "\u03ff\u0500", "", FILTER_ANY},
        {ALPHABET_CYRILLIC, TRI_NO, "سلام", "", FILTER_ANY},
        {ALL, TRI_NO, "сл سلام", "", FILTER_PERSIAN},
        {ALL, TRI_YES, "badger привет", "", FILTER_CYRILLIC},
        {ALL, TRI_NO, "plain", "привет", FILTER_ANY}, /* alphabets look at the body alone */
        {0, TRI_YES, "badger", "", FILTER_PROFANITY},
        {0, TRI_YES, "plain", "Badger", FILTER_PROFANITY},
        {ALL, TRI_NO, "badger", "badger", FILTER_ANY},
    };
    struct words *w = list("badger");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct filters *f = filters_of(row_of(cases[i].alphabets, cases[i].profanity));
        struct post_text text = {span_of_text(cases[i].body), span_of_text(cases[i].name)};
        if (filter_judge(f, w, &text) != cases[i].hit)
            fail_msg("case %zu", i);
        filters_release(f);
    }
    words_free(w);
}

static void filters__of_room_and_server__are_merged_point_by_point(void **state)
{
    (void)state;
    struct filter_row rows[] = {row_of(ALPHABET_CYRILLIC, TRI_YES), row_of(-1, TRI_NO)};
    struct filters *f = NULL;
    struct filters_source from = {.rows = rows, .count = 2};
    rows[0].alphabet_silent = TRI_NO;
    rows[1].room = 7;
    rows[1].moderators = TRI_YES;
    assert_int_equal(filters_new(&from, &f), OK);
    assert_int_equal(f->alphabets, ALPHABET_CYRILLIC);
    assert_false(f->profanity);
    assert_false(f->alphabet_silent);
    assert_true(f->profanity_silent); /* the default */
    assert_true(f->moderators);
    filters_release(f);
    rows[1].alphabets = 0;
    assert_int_equal(filters_new(&from, &f), OK);
    assert_null(f); /* nothing is left to filter */
}

static void replies__of_room_and_type__are_merged_from_general_to_special(void **state)
{
    (void)state;
    struct filter_row rows[] = {row_of(7, TRI_YES)};
    struct filter_reply_row replies[] = {
        {0, FILTER_ANY, SPAN("any\nor other"), SPAN("Robot"), TRI_YES},
        {0, FILTER_PERSIAN, SPAN("persian"), {NULL, 0}, TRI_NULL},
        {7, FILTER_ALPHABET, {NULL, 0}, SPAN("Alphabot"), TRI_NO},
        {7, FILTER_CYRILLIC, SPAN(""), {NULL, 0}, TRI_NULL},
    };
    struct filters *f = NULL;
    struct filters_source from = {SPAN("lobby"), SPAN("The Lobby"), rows, 1,
                                  replies,       COUNT_OF(replies)};
    assert_int_equal(filters_new(&from, &f), OK);
    memset(replies, 0, sizeof(replies)); /* everything was copied */
    const struct filter_answer *words = &f->answers[FILTER_PROFANITY];
    assert_int_equal(words->text_count, 2);
    assert_true(span_eq_text(words->texts[1], "or other"));
    assert_true(span_eq_text(words->name, "Robot") && words->public);
    const struct filter_answer *persian = &f->answers[FILTER_PERSIAN];
    assert_int_equal(persian->text_count, 1);
    assert_true(span_eq_text(persian->texts[0], "persian"));
    assert_true(span_eq_text(persian->name, "Alphabot") && !persian->public);
    assert_int_equal(f->answers[FILTER_ARABIC].text_count, 2);
    assert_int_equal(f->answers[FILTER_CYRILLIC].text_count, 0);
    filters_release(filters_hold(f));
    assert_true(span_eq_text(f->room_name, "The Lobby"));
    filters_release(f);
}

/* ---- answers ---- */

static void expand__every_escape__is_replaced_and_others_stay(void **state)
{
    (void)state;
    static const struct auto_reply_words words = {{(const uint8_t *)"15ab", 4},
                                                  {(const uint8_t *)"Ana", 3},
                                                  {(const uint8_t *)"Lobby", 5},
                                                  {(const uint8_t *)"lobby", 5}};
    static const struct {
        const char *text, *expanded;
    } cases[] = {
        {"", ""},
        {"plain {braces} %s", "plain {braces} %s"},
        {"\\@: \\p in \\r (\\t)\\nbye", "@15ab: Ana in Lobby (lobby)\nbye"},
        {"\\\\p \\x \\", "\\p \\x \\"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out AUTO_BUF = buf_make(TEXT_MAX);
        auto_reply_expand(span_of_text(cases[i].text), &words, &out);
        assert_true(span_eq_text(buf_span(&out), cases[i].expanded));
    }
    struct auto_reply_words nameless = words;
    struct buf out AUTO_BUF = buf_make(TEXT_MAX);
    nameless.poster_name.len = 0;
    auto_reply_expand(SPAN("\\p"), &nameless, &out);
    assert_true(span_eq_text(buf_span(&out), "15ab"));
}

static void voice__of_a_name__is_derived_as_documented_and_readers_verify_it(void **state)
{
    (void)state;
    struct x25519_secret server;
    struct session_id author, again, other;
    struct ed25519_sig signature;
    uint8_t seed[32], input[4 + 32], pub[32], secret[64];
    memset(server.b, 7, sizeof(server.b));
    voice_sign(&server, SPAN("SOGS"), SPAN("words"), &author, &signature);
    assert_true(message_verify(&author, SPAN("words"), &signature));
    assert_false(message_verify(&author, SPAN("other"), &signature));
    memcpy(input, "SOGS", 4);
    memcpy(input + 4, server.b, 32);
    assert_int_equal(
        crypto_generichash(seed, 32, input, sizeof(input), (const uint8_t *)"sogsfiltering", 13),
        0);
    assert_int_equal(crypto_sign_seed_keypair(pub, secret, seed), 0);
    assert_int_equal(author.b[0], ID_BLINDED15);
    assert_memory_equal(author.b + 1, pub, 32);
    voice_sign(&server, SPAN("SOGS"), SPAN("more words"), &again, &signature);
    voice_sign(&server, SPAN("Robot"), SPAN("words"), &other, &signature);
    assert_true(session_id_eq(&author, &again));
    assert_false(session_id_eq(&author, &other));
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post_text__of_a_clients_post__is_its_body),
        cmocka_unit_test(post_text__written__reads_back_here_and_at_the_client),
        cmocka_unit_test(post_text__every_truncation__is_unreadable_or_shorter),
        cmocka_unit_test(post_text__of_an_envelope__is_that_of_its_content),
        cmocka_unit_test(post_text__odd_but_valid_forms__are_read_as_apps_read_them),
        cmocka_unit_test(post_text__behind_deep_groups__is_still_read),
        cmocka_unit_test(post_text__groups_without_end__are_refused_with_bounded_depth),
        cmocka_unit_test(words__in_texts__are_found_whole_in_any_case_and_with_stand_ins),
        cmocka_unit_test(words__list_with_a_bad_line__is_refused_with_its_number),
        cmocka_unit_test(words__listed_with_an_invisible_character__are_found),
        cmocka_unit_test(words__many__are_all_found_and_nothing_else),
        cmocka_unit_test(judge__each_filter__finds_its_own_in_its_order),
        cmocka_unit_test(filters__of_room_and_server__are_merged_point_by_point),
        cmocka_unit_test(replies__of_room_and_type__are_merged_from_general_to_special),
        cmocka_unit_test(expand__every_escape__is_replaced_and_others_stay),
        cmocka_unit_test(voice__of_a_name__is_derived_as_documented_and_readers_verify_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
