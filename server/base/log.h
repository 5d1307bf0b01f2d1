/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line per event on stderr: a fixed event name first, then typed fields. log_event(LOG_WARN,
 * "db.lost", LOG_U64("retry_in_ms", 500)); -> 2026-11-24T10:00:00Z warn event=db.lost
 * retry_in_ms=500          (format=json: one object a line) Only typed fields exist, so a user's
 * string has no door (docs/design.md, D11). Never logged at any level: ids, tokens, addresses,
 * paths, bodies, keys, SQL parameters. Any thread; one write(2) per line.
 */
#ifndef CONCLAVE_BASE_LOG_H
#define CONCLAVE_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *name; /* a literal */
    const char *text; /* a literal or other static text; NULL: value is a number */
    int64_t number;
};

#define LOG_U64(field_name, value)      ((struct log_field){(field_name), NULL, (int64_t)(value)})
#define LOG_I64(field_name, value)      ((struct log_field){(field_name), NULL, (value)})
#define LOG_ERR(value)                  ((struct log_field){"err", err_name(value), 0})
#define LOG_STATIC(field_name, literal) ((struct log_field){(field_name), "" literal, 0})

/* Set once by main before threads start; the defaults are info and text. */
void log_setup(enum log_level level, enum log_format format);
/* True if lines of this level are written: for work that only logging needs. */
int log_wants(enum log_level level);

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);
/*
 * log_event(level, "event.name", fields...): fields may be none; the empty one at the end makes
 * that standard C.
 */
#define LOG_END_               ((struct log_field){NULL, NULL, 0})
#define LOG_FIRST_(first, ...) first
#define LOG_REST_(first, ...)  __VA_ARGS__
#define LOG_FIELDS_(...)       ((const struct log_field[]){LOG_REST_(__VA_ARGS__, LOG_END_)})
#define log_event(level, ...)                                                                      \
    log_write((level), "" LOG_FIRST_(__VA_ARGS__, LOG_END_), LOG_FIELDS_(__VA_ARGS__),             \
              COUNT_OF(LOG_FIELDS_(__VA_ARGS__)))

/*
 * For what an operator reads on the terminal (prompts of commands, first-run words): no level, no
 * time.
 */
void log_operator_words(const char *text);

#endif
