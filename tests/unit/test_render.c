/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message objects to the byte, and who sees a whisper.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "router/call.h"
#include "state/render.h"

#define HEX32(x) x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x
#define AUTHOR   "15" HEX32("0a")
#define OTHER    "15" HEX32("0b")

static struct session_id id_of(uint8_t byte)
{
    struct session_id s;
    memset(s.b, byte, sizeof(s.b));
    s.b[0] = 0x15;
    return s;
}

/* ---- whispers ---- */

enum reader {
    STRANGER,
    READER,
    MODERATOR,
    ADDRESSEE,
    ADDRESSED_MODERATOR,
    WRITING_MODERATOR,
    READERS
};

struct whisper_case {
    const char *name;
    bool has_to, mods;
    bool sees[READERS];
};

/*
 * Protocol 02, 3.4. Columns: nobody, an ordinary member, a moderator, whom it is for, both, who
 * wrote it (a moderator).
 */
static const struct whisper_case whispers[] = {
    {"to everybody", false, false, {true, true, true, true, true, true}},
    {"to all moderators", false, true, {false, false, true, false, true, true}},
    {"to one", true, false, {false, false, false, true, true, true}},
    {"to one and all moderators", true, true, {false, false, true, true, true, true}},
};

static void whisper__each_reader__sees_what_the_protocol_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(whispers); i++)
        for (size_t reader = 0; reader < READERS; reader++)
            for (int deleted = 0; deleted < 2; deleted++) { /* tombstones follow the same rule */
                const struct whisper_case *c = &whispers[i];
                const struct message_row row = {.author = id_of(1),
                                                .whisper = c->has_to || c->mods,
                                                .has_whisper_to = c->has_to,
                                                .whisper_mods = c->mods,
                                                .whisper_to = id_of(2),
                                                .deleted = deleted != 0};
                const bool addressed = reader == ADDRESSEE || reader == ADDRESSED_MODERATOR;
                const struct identity who = {.known = reader != STRANGER,
                                             .id = id_of(reader == WRITING_MODERATOR ? 1
                                                         : addressed                 ? 2
                                                                                     : 3)};
                const struct reader_view view = {.who = &who,
                                                 .moderator = reader == MODERATOR ||
                                                              reader == ADDRESSED_MODERATOR ||
                                                              reader == WRITING_MODERATOR};
                if (render_sees(&row, &view) != c->sees[reader])
                    fail_msg("%s: reader %zu", c->name, reader);
            }
}

static void whisper__nobody_with_the_addressees_bytes__does_not_see_it(void **state)
{
    (void)state;
    /* An id that was not proved is not an id. */
    const struct identity who = {.known = false, .id = id_of(2)};
    const struct reader_view view = {.who = &who, .moderator = false};
    const struct message_row row = {
        .whisper = true, .has_whisper_to = true, .whisper_to = id_of(2)};
    assert_false(render_sees(&row, &view));
}

/* ---- objects ---- */

static const uint8_t signature[MESSAGE_SIGNATURE_BYTES];
#define SIGNATURE_TEXT                                                                             \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

static struct message_row plain_row(void)
{
    return (struct message_row){.id = 5,
                                .author = id_of(0x0a),
                                .posted = 1754863793.186,
                                .seqno_creation = 7,
                                .seqno_data = 7,
                                .data = SPAN("hi?>"),
                                .signature = span_of(signature, sizeof(signature))};
}

static void assert_fragment(const struct message_row *row, const char *expected)
{
    AUTO_BUF struct buf b = buf_make(KIB(8));
    render_fragment(row, &b);
    assert_int_equal(buf_verdict(&b), OK);
    assert_true(b.len <= render_fragment_size(row));
    buf_put_byte(&b, '\0');
    assert_string_equal((const char *)b.p, expected);
}

static void fragment__plain_message__is_exactly_this(void **state)
{
    (void)state;
    struct message_row row = plain_row();
    assert_fragment(&row, ",\"id\":5,\"session_id\":\"" AUTHOR "\",\"posted\":1754863793.186"
                          ",\"data\":\"aGk/Pg==\",\"signature\":\"" SIGNATURE_TEXT "\"");
}

static void fragment__edited_message__says_when(void **state)
{
    (void)state;
    struct message_row row = plain_row();
    row.edited = 1754863800;
    assert_fragment(&row, ",\"id\":5,\"session_id\":\"" AUTHOR "\",\"posted\":1754863793.186"
                          ",\"edited\":1754863800.0"
                          ",\"data\":\"aGk/Pg==\",\"signature\":\"" SIGNATURE_TEXT "\"");
}

static void fragment__tombstone__has_no_text_and_no_signature(void **state)
{
    (void)state;
    struct message_row row = plain_row();
    row.edited = 1754863800;
    row.deleted = true;
    row.data = row.signature = (struct span){NULL, 0};
    assert_fragment(&row, ",\"id\":5,\"session_id\":\"" AUTHOR "\",\"posted\":1754863793.186"
                          ",\"edited\":1754863800.0,\"data\":null,\"deleted\":true");
}

static void fragment__whispers__say_what_they_are(void **state)
{
    (void)state;
#define WHISPER_HEAD                                                                               \
    ",\"id\":5,\"session_id\":\"" AUTHOR "\",\"posted\":1754863793.186"                            \
    ",\"data\":\"aGk/Pg==\",\"signature\":\"" SIGNATURE_TEXT "\",\"whisper\":true"
    struct message_row row = plain_row();
    row.whisper = row.whisper_mods = true;
    assert_fragment(&row, WHISPER_HEAD ",\"whisper_mods\":true");
    row.has_whisper_to = true;
    row.whisper_to = id_of(0x0b);
    assert_fragment(&row, WHISPER_HEAD ",\"whisper_mods\":true,\"whisper_to\":\"" OTHER "\"");
    row.whisper_mods = false;
    assert_fragment(&row, WHISPER_HEAD ",\"whisper_mods\":false,\"whisper_to\":\"" OTHER "\"");
}

static void render__seqno__is_that_of_the_later_event(void **state)
{
    (void)state;
    struct message_row row = plain_row();
    assert_int_equal(render_seqno(&row), 7);
    row.seqno_reactions = 6;
    assert_int_equal(render_seqno(&row), 7);
    row.seqno_reactions = 8;
    assert_int_equal(render_seqno(&row), 8);
}

static void render__size__covers_the_longest_row(void **state)
{
    (void)state;
    static uint8_t data[65536];
    struct message_row row = {.id = INT64_MAX,
                              .author = id_of(0xff),
                              .posted = 1234567890.1234567,
                              .edited = 1234567890.1234567,
                              .seqno_data = INT64_MAX,
                              .whisper = true,
                              .whisper_mods = true,
                              .has_whisper_to = true,
                              .whisper_to = id_of(0xff),
                              .signature = span_of(signature, sizeof(signature))};
    for (size_t len = 0; len <= sizeof(data); len = len * 2 + 1) {
        AUTO_BUF struct buf b = buf_make(KIB(256));
        row.data = span_of(data, len);
        render_fragment(&row, &b);
        assert_int_equal(buf_verdict(&b), OK);
        assert_true(b.len <= render_fragment_size(&row));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whisper__each_reader__sees_what_the_protocol_says),
        cmocka_unit_test(whisper__nobody_with_the_addressees_bytes__does_not_see_it),
        cmocka_unit_test(fragment__plain_message__is_exactly_this),
        cmocka_unit_test(fragment__edited_message__says_when),
        cmocka_unit_test(fragment__tombstone__has_no_text_and_no_signature),
        cmocka_unit_test(fragment__whispers__say_what_they_are),
        cmocka_unit_test(render__seqno__is_that_of_the_later_event),
        cmocka_unit_test(render__size__covers_the_longest_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
