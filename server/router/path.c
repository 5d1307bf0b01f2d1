/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Matching one path against one pattern, segment by segment. Values are checked here, once, so that
 * a handler never sees a token, number or id that could not be one. Knows no route.
 */
#include "router/path.h"

enum { ROOM_TOKEN_MAX_LEN = 64 };

enum piece { PIECE_LITERAL, PIECE_ROOM, PIECE_NUMBER, PIECE_USER, PIECE_TEXT, PIECE_REST };

static const struct {
    const char *name;
    enum piece piece;
} placeholders[] = {
    {"{room}", PIECE_ROOM}, {"{number}", PIECE_NUMBER}, {"{user}", PIECE_USER},
    {"{text}", PIECE_TEXT}, {"{rest}", PIECE_REST},
};

/* False: in braces, but none of ours. */
static bool piece_of(struct span segment, enum piece *ret_piece)
{
    if (segment.len == 0 || segment.p[0] != '{') {
        *ret_piece = PIECE_LITERAL;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(placeholders); i++) {
        if (span_eq_text(segment, placeholders[i].name)) {
            *ret_piece = placeholders[i].piece;
            return true;
        }
    }
    return false;
}

/*
 * Takes "/segment" from the front; the segment stands without its slash. False at the end or
 * without a slash.
 */
static bool next_segment(struct span *rest, struct span *ret_segment)
{
    if (rest->len == 0 || rest->p[0] != '/')
        return false;
    struct span after = span_skip(*rest, 1);
    *ret_segment = span_first(after, span_find(after, '/'));
    *rest = span_skip(after, ret_segment->len);
    return true;
}

bool path_is_room_token(struct span s)
{
    if (s.len == 0 || s.len > ROOM_TOKEN_MAX_LEN)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* Past 64 bits the largest number stands for it: there is nothing beyond. */
static bool read_number(struct span s, int64_t *ret_number)
{
    enum err e = span_to_i64(s, ret_number);
    if (e == ERR_TOO_LARGE) {
        *ret_number = INT64_MAX;
        return true;
    }
    return e == OK;
}

static bool read_user(struct span s, struct session_id *ret_user)
{
    struct session_id id;
    if (session_id_read(s, &id) != OK || (id.b[0] != ID_UNBLINDED && id.b[0] != ID_BLINDED15))
        return false;
    *ret_user = id;
    return true;
}

static bool take_value(enum piece piece, struct span value, struct params *params)
{
    switch (piece) {
    case PIECE_ROOM:
        params->room = value;
        return path_is_room_token(value);
    case PIECE_NUMBER:
        return read_number(value, &params->number);
    case PIECE_USER:
        return read_user(value, &params->user);
    case PIECE_TEXT:
    case PIECE_REST:
        params->text = value;
        return value.len > 0;
    case PIECE_LITERAL:
        break;
    }
    return false;
}

/*
 * A value that runs to the end, slashes included; but not one that starts with a slash
 * (docs/protocol/community.md, 1.5).
 */
static bool take_rest(struct span path, struct params *params)
{
    if (path.len == 0 || path.p[0] != '/')
        return false;
    struct span value = span_skip(path, 1);
    return value.len > 0 && value.p[0] != '/' && take_value(PIECE_REST, value, params);
}

bool path_match(const char *pattern, struct span path, struct params *ret_params)
{
    struct params params = {.number = 0};
    struct span left = span_of_text(pattern);
    struct span expected, segment;
    while (next_segment(&left, &expected)) {
        enum piece piece;
        if (!piece_of(expected, &piece))
            return false;
        if (piece == PIECE_REST) {
            if (!take_rest(path, &params))
                return false;
            *ret_params = params;
            return true;
        }
        if (!next_segment(&path, &segment))
            return false;
        if (piece == PIECE_LITERAL ? !span_eq(expected, segment)
                                   : !take_value(piece, segment, &params))
            return false;
    }
    if (path.len > 0)
        return false;
    *ret_params = params;
    return true;
}

bool path_pattern_ok(const char *pattern)
{
    unsigned seen = 0;
    struct span left = span_of_text(pattern);
    struct span segment;
    if (left.len == 0)
        return false;
    while (next_segment(&left, &segment)) {
        enum piece piece;
        if (segment.len == 0 || !piece_of(segment, &piece))
            return false;
        if (piece == PIECE_LITERAL)
            continue;
        /* {text} and {rest} share a destination. */
        unsigned bit = 1U << (piece == PIECE_REST ? PIECE_TEXT : piece);
        if ((seen & bit) != 0 || (piece == PIECE_REST && left.len > 0))
            return false;
        seen |= bit;
    }
    return left.len == 0;
}

bool path_has_room(const char *pattern)
{
    return strstr(pattern, "{room}") != NULL;
}
