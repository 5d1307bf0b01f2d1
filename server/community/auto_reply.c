/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts with substitutions, wrapped and signed as a message like any other.
 */
#include "community/auto_reply.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "crypto/secret.h"
#include "crypto/voice.h"

enum { REPLY_BODY_MAX_BYTES = 32 * 1024, POSTER_NAME_MAX_BYTES = 200 };

/* False: no escape of ours. */
static bool put_escape(uint8_t letter, const struct auto_reply_words *words, struct buf *out)
{
    switch (letter) {
    case '@':
        buf_put_byte(out, '@');
        buf_put(out, words->poster);
        return true;
    case 'p':
        buf_put(out, words->poster_name.len > 0 ? words->poster_name : words->poster);
        return true;
    case 'r':
        buf_put(out, words->room_name);
        return true;
    case 't':
        buf_put(out, words->room_token);
        return true;
    case 'n':
        buf_put_byte(out, '\n');
        return true;
    case '\\':
        buf_put_byte(out, '\\');
        return true;
    default:
        return false;
    }
}

void auto_reply_expand(struct span text, const struct auto_reply_words *words, struct buf *out)
{
    while (text.len > 0) {
        if (text.p[0] == '\\' && text.len > 1 && put_escape(text.p[1], words, out)) {
            text = span_skip(text, 2);
            continue;
        }
        buf_put_byte(out, text.p[0]);
        text = span_skip(text, 1);
    }
}

static struct span choose(const struct filter_answer *answer)
{
    uint32_t number = 0;
    if (answer->text_count > 1)
        crypto_random(&number, sizeof(number));
    return answer->texts[number % answer->text_count];
}

/* A name that can be shown: short, and text. */
static struct span presentable(struct span name)
{
    return name.len <= POSTER_NAME_MAX_BYTES && utf8_valid(name) ? name : (struct span){NULL, 0};
}

/* The message as it is signed: content and the least padding that there is. */
static enum err write_data(const struct call *call, const struct filters *filters,
                           const struct filter_answer *answer, struct span poster_name,
                           struct buf *out)
{
    AUTO_BUF struct buf body = buf_make(REPLY_BODY_MAX_BYTES);
    char poster[SESSION_ID_TEXT_LEN];
    session_id_write(&call->who.id, poster);
    const struct auto_reply_words words = {.poster = span_of(poster, sizeof(poster)),
                                           .poster_name = presentable(poster_name),
                                           .room_name = filters->room_name,
                                           .room_token = filters->room_token};
    auto_reply_expand(choose(answer), &words, &body);
    if (buf_verdict(&body) != OK)
        return buf_verdict(&body);
    const struct post_text text = {.body = buf_span(&body), .name = answer->name};
    post_text_write(out, &text, call->now_ms);
    buf_put(out, SPAN("\x80\0"));
    return buf_verdict(out);
}

enum err auto_reply_make(struct call *call, const struct filters *filters, enum filter_type hit,
                         struct span poster_name, struct post_in *ret_post,
                         struct session_id *ret_author)
{
    AUTO_BUF struct buf data = buf_make((size_t)2 * REPLY_BODY_MAX_BYTES);
    const struct filter_answer *answer = &filters->answers[hit];
    struct ed25519_sig signature;
    struct session_id author;
    if (answer->text_count == 0)
        return ERR_MISSING;
    enum err e = write_data(call, filters, answer, poster_name, &data);
    if (e != OK)
        return e;
    voice_sign(call->services->keys->secret, answer->name, buf_span(&data), &author, &signature);
    struct post_in post = {.data = arena_dup(call->mem, buf_span(&data)),
                           .signature = arena_dup(call->mem, SPAN_OF_KEY(&signature)),
                           .state = MESSAGE_VISIBLE,
                           .whisper = !answer->public,
                           .has_whisper_to = !answer->public,
                           .whisper_to = call->who.id};
    if (post.data.len != data.len || post.signature.len != sizeof(signature.b))
        return ERR_NO_MEMORY;
    *ret_post = post;
    *ret_author = author;
    return OK;
}
