/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The types of settings: one reader for each, and the one place where a value is held against its
 * limits. Writes no sentences: conf.c knows where the text came from.
 */
#include "conf/conf_value.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/utf8.h"

enum {
    UNIX_PATH_MAX_BYTES = 107, /* sun_path, with its NUL */
    HOST_MAX_BYTES = 253,
    MOST_IDS = 1000,
};

struct unit {
    char name;
    int64_t worth;
};

static const struct unit size_units[] = {
    {'K', (int64_t)KIB(1)}, {'M', (int64_t)MIB(1)}, {'G', (int64_t)MIB(1024)}};
static const struct unit time_units[] = {
    {'s', SECOND_MS}, {'m', MINUTE_MS}, {'h', HOUR_MS}, {'d', DAY_MS}};

static bool within(const struct setting *s, int64_t value)
{
    return value >= s->min && value <= s->max;
}

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* All of s are letters, digits or one of `others`. */
static bool consists_of(struct span s, const char *others)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_letter_or_digit(s.p[i]) && (s.p[i] == '\0' || strchr(others, s.p[i]) == NULL))
            return false;
    }
    return true;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_skip(s, 1);
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Digits and one of the units; without a unit only if unit_needed is false. */
static enum err read_with_unit(struct span text, const struct unit *units, size_t count,
                               bool unit_needed, int64_t *ret_value)
{
    int64_t worth = unit_needed ? 0 : 1;
    for (size_t i = 0; i < count && text.len > 0; i++) {
        if (text.p[text.len - 1] == (uint8_t)units[i].name) {
            worth = units[i].worth;
            text.len--;
            break;
        }
    }
    int64_t number = 0;
    int64_t value = 0;
    if (worth == 0 || span_to_i64(text, &number) != OK ||
        __builtin_mul_overflow(number, worth, &value))
        return ERR_MALFORMED;
    *ret_value = value;
    return OK;
}

enum err conf_read_size(struct span text, int64_t *ret_bytes)
{
    return read_with_unit(text, size_units, COUNT_OF(size_units), false, ret_bytes);
}

enum err conf_read_duration(struct span text, int64_t *ret_ms)
{
    return read_with_unit(text, time_units, COUNT_OF(time_units), true, ret_ms);
}

const char *conf_value_text(struct arena *mem, struct span text)
{
    char *copy = arena_alloc(mem, text.len + 1); /* zeroed: it ends with NUL */
    if (copy != NULL && text.len > 0)
        memcpy(copy, text.p, text.len);
    return copy;
}

static enum err set_text(struct arena *mem, const char **field, struct span text)
{
    const char *copy = conf_value_text(mem, text);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    *field = copy;
    return OK;
}

static bool is_plain_line(struct span text, int64_t max_bytes)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < 0x20 || text.p[i] == 0x7f)
            return false;
    }
    return text.len <= (size_t)max_bytes && utf8_valid(text);
}

static enum err read_bool(struct span text, bool *field)
{
    static const char *const yes[] = {"yes", "on", "true", "1"};
    static const char *const no[] = {"no", "off", "false", "0"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (span_eq_nocase(text, span_of_text(yes[i])) ||
            span_eq_nocase(text, span_of_text(no[i]))) {
            *field = span_eq_nocase(text, span_of_text(yes[i]));
            return OK;
        }
    }
    return ERR_MALFORMED;
}

static enum err read_integer(const struct setting *s, struct span text, unsigned *field)
{
    int64_t value = 0;
    if (span_to_i64(text, &value) != OK || !within(s, value) || value > UINT32_MAX)
        return ERR_MALFORMED;
    *field = (unsigned)value;
    return OK;
}

static enum err read_size(const struct setting *s, struct span text, size_t *field)
{
    int64_t value = 0;
    if (read_with_unit(text, size_units, COUNT_OF(size_units), false, &value) != OK ||
        !within(s, value))
        return ERR_MALFORMED;
    *field = (size_t)value;
    return OK;
}

static enum err read_duration(const struct setting *s, struct span text, int64_t *field)
{
    int64_t value = 0;
    if (read_with_unit(text, time_units, COUNT_OF(time_units), true, &value) != OK ||
        !within(s, value))
        return ERR_MALFORMED;
    *field = value;
    return OK;
}

/* 5/16s, or off. The limits of the setting are those of its time. */
static enum err read_rate(const struct setting *s, struct span text, struct conf_rate *field)
{
    if (span_eq_text(text, "off")) {
        *field = (struct conf_rate){0, 0};
        return OK;
    }
    size_t slash = span_find(text, '/');
    int64_t count = 0;
    int64_t per_ms = 0;
    if (span_to_i64(span_first(text, slash), &count) != OK || count < 1 || count > 1000000 ||
        read_duration(s, span_skip(text, slash + 1), &per_ms) != OK)
        return ERR_MALFORMED;
    *field = (struct conf_rate){(unsigned)count, per_ms};
    return OK;
}

/* The number of the choice; the enums in conf.h count alike. */
static enum err read_choice(const struct setting *s, struct span text, void *field)
{
    struct span left = span_of_text(s->choices);
    for (unsigned i = 0; left.len > 0; i++) {
        size_t end = span_find(left, '|');
        if (span_eq(text, span_first(left, end))) {
            _Static_assert(sizeof(enum conf_type_check) == sizeof i,
                           "enums are stored as unsigned");
            _Static_assert(sizeof(enum log_level) == sizeof i, "enums are stored as unsigned");
            _Static_assert(sizeof(enum log_format) == sizeof i, "enums are stored as unsigned");
            memcpy(field, &i, sizeof i);
            return OK;
        }
        left = span_skip(left, end + 1);
    }
    return ERR_MALFORMED;
}

/* One id into ret_id, in lower case. */
static bool read_id(struct span text, char ret_id[static CONF_ID_CHARS + 1])
{
    uint8_t raw[CONF_ID_CHARS / 2];
    if (hex_read(text, raw, sizeof raw) != OK || (raw[0] != 0x05 && raw[0] != 0x15))
        return false;
    hex_write(span_of(raw, sizeof raw), ret_id);
    ret_id[CONF_ID_CHARS] = '\0';
    return true;
}

static enum err read_ids(struct arena *mem, struct span text, struct conf_ids *field)
{
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++)
        most += text.p[i] == ',';
    if (text.len == 0) {
        *field = (struct conf_ids){0, NULL};
        return OK;
    }
    if (most > MOST_IDS)
        return ERR_MALFORMED;
    char(*id)[CONF_ID_CHARS + 1] = arena_alloc_array(mem, most, sizeof *id);
    if (id == NULL)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t n = 0; n < most; n++) {
        size_t comma = span_find(text, ',');
        if (!read_id(trim(span_first(text, comma)), id[count]))
            return ERR_MALFORMED;
        text = span_skip(text, comma + 1);
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(id[i], id[count]) == 0;
        count += !known;
    }
    *field = (struct conf_ids){count, (const char(*)[CONF_ID_CHARS + 1]) id};
    return OK;
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_host(struct span host)
{
    if (host.len == 0 || host.len > HOST_MAX_BYTES)
        return false;
    if (host.p[0] != '[')
        return consists_of(host, ".-_");
    if (host.len < 4 || host.p[host.len - 1] != ']')
        return false;
    struct span inside = span_first(span_skip(host, 1), host.len - 2);
    for (size_t i = 0; i < inside.len; i++) {
        if (strchr("0123456789abcdefABCDEF:.", inside.p[i]) == NULL || inside.p[i] == '\0')
            return false;
    }
    return true;
}

/* host:port, split at the last colon. A port is 1..65535. */
static bool split_host_port(struct span text, struct span *ret_host, uint16_t *ret_port)
{
    size_t colon = text.len;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    int64_t port = 0;
    if (colon == 0 || !is_host(span_first(text, colon - 1)) ||
        span_to_i64(span_skip(text, colon), &port) != OK || port < 1 || port > UINT16_MAX)
        return false;
    *ret_host = span_first(text, colon - 1);
    *ret_port = (uint16_t)port;
    return true;
}

static enum err read_address(struct arena *mem, const struct setting *s, struct span text,
                             struct conf_address *field)
{
    struct conf_address a = {CONF_ADDRESS_OFF, NULL, NULL, 0, NULL};
    struct span host = {NULL, 0};
    a.text = conf_value_text(mem, text);
    if (a.text == NULL)
        return ERR_NO_MEMORY;
    if (span_eq_text(text, "off")) {
        if (strstr(s->choices, "off") == NULL)
            return ERR_MALFORMED;
    } else if (span_starts_with(text, SPAN("unix:"))) {
        struct span path = span_skip(text, strlen("unix:"));
        if (strstr(s->choices, "unix") == NULL || path.len == 0 || path.p[0] != '/' ||
            !is_plain_line(path, UNIX_PATH_MAX_BYTES))
            return ERR_MALFORMED;
        a.kind = CONF_ADDRESS_UNIX;
        a.path = a.text + strlen("unix:");
    } else if (split_host_port(text, &host, &a.port)) {
        a.kind = CONF_ADDRESS_TCP;
        if (host.p[0] == '[')
            host = span_first(span_skip(host, 1), host.len - 2);
        a.host = conf_value_text(mem, host);
        if (a.host == NULL)
            return ERR_NO_MEMORY;
    } else {
        return ERR_MALFORMED;
    }
    *field = a;
    return OK;
}

/*
 * Strict, because it is printed into join links: no user, query or fragment, nothing that would
 * need quoting. Slashes at the end go away, so that "<url>/<token>" is always right.
 */
static enum err read_url(struct arena *mem, const struct setting *s, struct span text,
                         const char **field)
{
    if (text.len == 0)
        return set_text(mem, field, text);
    size_t scheme = 0;
    if (span_starts_with(text, SPAN("https://")))
        scheme = strlen("https://");
    else if (span_starts_with(text, SPAN("http://")))
        scheme = strlen("http://");
    while (text.len > scheme && text.p[text.len - 1] == '/')
        text.len--;
    struct span rest = span_skip(text, scheme);
    size_t slash = span_find(rest, '/');
    struct span authority = span_first(rest, slash);
    struct span host = {NULL, 0};
    uint16_t port = 0;
    if (scheme == 0 || text.len > (size_t)s->max || !consists_of(span_skip(rest, slash), "/-._~%"))
        return ERR_MALFORMED;
    if (!is_host(authority) && !split_host_port(authority, &host, &port))
        return ERR_MALFORMED;
    return set_text(mem, field, text);
}

enum err conf_value_set(struct conf *conf, const struct setting *s, struct span text)
{
    void *field = (uint8_t *)conf + s->offset;
    if (text.len == 0 && s->fallback[0] != '\0')
        return ERR_MALFORMED;
    switch (s->type) {
    case CONF_TEXT:
    case CONF_PATH:
        return is_plain_line(text, s->max) ? set_text(conf->mem, field, text) : ERR_MALFORMED;
    case CONF_TOKEN:
        if (text.len > (size_t)s->max || !consists_of(text, "_-"))
            return ERR_MALFORMED;
        return set_text(conf->mem, field, text);
    case CONF_URL:
        return read_url(conf->mem, s, text, field);
    case CONF_BOOL:
        return read_bool(text, field);
    case CONF_INTEGER:
        return read_integer(s, text, field);
    case CONF_SIZE:
        return read_size(s, text, field);
    case CONF_DURATION:
        return read_duration(s, text, field);
    case CONF_RATE:
        return read_rate(s, text, field);
    case CONF_CHOICE:
        return read_choice(s, text, field);
    case CONF_IDS:
        return read_ids(conf->mem, text, field);
    case CONF_ADDRESS:
        return read_address(conf->mem, s, text, field);
    }
    return ERR_DEFECT;
}
