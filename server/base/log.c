/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes log lines: built on the stack, no allocation, one write(2), so that lines of several
 * threads never mix and a server without memory can still say so. Decides nothing: what may be
 * logged is settled by the types in log.h.
 */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Below PIPE_BUF, so that a line into a pipe is atomic too. */
enum { LINE_BYTES = 2048 };

/*
 * The one mutable state at file scope that we allow: set by main before threads start, only read
 * afterwards. Passing a logger through every function would cost more clarity than it brings.
 */
static enum log_level log_level_now = LOG_INFO;
static enum log_format log_format_now = LOG_FORMAT_TEXT;

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool full;
};

static void put_char(struct line *l, char c)
{
    /* Two bytes stay free for the closing brace and the line feed. */
    if (l->len + 2 >= sizeof l->text)
        l->full = true;
    else
        l->text[l->len++] = c;
}

static void put_text(struct line *l, const char *text)
{
    for (; *text != '\0'; text++)
        put_char(l, *text);
}

static void put_number(struct line *l, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (value < 0)
        put_char(l, '-');
    while (at < sizeof digits)
        put_char(l, digits[at++]);
}

static void put_padded(struct line *l, int64_t value, int64_t smallest_shown)
{
    for (int64_t bound = smallest_shown; bound > 1 && value < bound; bound /= 10)
        put_char(l, '0');
    put_number(l, value);
}

static void put_quoted(struct line *l, const char *text)
{
    put_char(l, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            put_char(l, '\\');
        if ((unsigned char)*text < 0x20)
            put_char(l, ' ');
        else
            put_char(l, *text);
    }
    put_char(l, '"');
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/*
 * UTC to the second. By hand because the library's conversion reads the time zone file and takes a
 * lock, and the sandbox allows neither late. Counting years from 1970 takes about sixty steps.
 */
static void put_time(struct line *l, int64_t wall_ms)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t second = wall_ms < 0 ? 0 : wall_ms / SECOND_MS;
    int64_t day = second / 86400;
    second %= 86400;
    int64_t year = 1970;
    for (; day >= (is_leap(year) ? 366 : 365) && year < 9999; year++)
        day -= is_leap(year) ? 366 : 365;
    int month = 0;
    for (; month < 11; month++) {
        int days = month_days[month] + (month == 1 && is_leap(year) ? 1 : 0);
        if (day < days)
            break;
        day -= days;
    }
    put_padded(l, year, 1000);
    put_char(l, '-');
    put_padded(l, month + 1, 10);
    put_char(l, '-');
    put_padded(l, day + 1, 10);
    put_char(l, 'T');
    put_padded(l, second / 3600, 10);
    put_char(l, ':');
    put_padded(l, second / 60 % 60, 10);
    put_char(l, ':');
    put_padded(l, second % 60, 10);
    put_char(l, 'Z');
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "error";
}

/* In key=value only what could be misread is quoted. */
static void put_field_text(struct line *l, const struct log_field *f)
{
    put_char(l, ' ');
    put_text(l, f->name);
    put_char(l, '=');
    if (f->text == NULL)
        put_number(l, f->number);
    else if (f->text[0] == '\0' || strpbrk(f->text, " \"\\=\n\t\r") != NULL)
        put_quoted(l, f->text);
    else
        put_text(l, f->text);
}

static void put_field_json(struct line *l, const struct log_field *f)
{
    put_char(l, ',');
    put_quoted(l, f->name);
    put_char(l, ':');
    if (f->text == NULL)
        put_number(l, f->number);
    else
        put_quoted(l, f->text);
}

static void put_head(struct line *l, enum log_level level, const char *event)
{
    const bool json = log_format_now == LOG_FORMAT_JSON;
    put_text(l, json ? "{\"time\":\"" : "");
    put_time(l, clock_wall_ms());
    put_text(l, json ? "\",\"level\":\"" : " ");
    put_text(l, level_name(level));
    put_text(l, json ? "\",\"event\":" : " event=");
    if (json)
        put_quoted(l, event);
    else
        put_text(l, event);
}

/*
 * A log that cannot be written has nobody to tell: a full disk or closed pipe is given up silently.
 */
static void write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

void log_setup(enum log_level level, enum log_format format)
{
    log_level_now = level;
    log_format_now = format;
}

int log_wants(enum log_level level)
{
    return level <= log_level_now;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    if (!log_wants(level))
        return;
    const int saved_errno = errno;
    struct line l;
    l.len = 0;
    l.full = false;
    put_head(&l, level, event);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].name == NULL)
            continue; /* the empty last one of log_event */
        size_t before = l.len;
        if (log_format_now == LOG_FORMAT_JSON)
            put_field_json(&l, &fields[i]);
        else
            put_field_text(&l, &fields[i]);
        if (l.full) {
            l.len = before; /* whole fields or none: the line stays readable by machines */
            break;
        }
    }
    if (log_format_now == LOG_FORMAT_JSON)
        l.text[l.len++] = '}';
    l.text[l.len++] = '\n';
    write_all(l.text, l.len);
    errno = saved_errno;
}

void log_operator_words(const char *text)
{
    write_all(text, strlen(text));
}
