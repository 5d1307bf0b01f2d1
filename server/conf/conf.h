/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of one process: read once from a file and the environment, checked, then only read.
 *
 * Which settings exist is said once, in conf_table.c. Adding one: a row there, a field here, a line
 * in docs/configuration.md (a lint compares them).
 */
#ifndef CONCLAVE_CONF_CONF_H
#define CONCLAVE_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"

struct arena;
struct words;

enum conf_address_kind { CONF_ADDRESS_OFF, CONF_ADDRESS_TCP, CONF_ADDRESS_UNIX };

/* Words that [files] free_space_path may have instead of a path. */
#define CONF_FREE_SPACE_AUTO "auto"
#define CONF_FREE_SPACE_OFF  "off"

struct conf_address {
    enum conf_address_kind kind;
    const char *text; /* as it was written */
    const char *host; /* TCP: name or number, without the brackets of IPv6; else NULL */
    uint16_t port;    /* TCP: 1..65535 */
    const char *path; /* UNIX: at most 107 bytes; else NULL */
};

/* At most `count` in any `per_ms`; count 0: off. */
struct conf_rate {
    unsigned count;
    int64_t per_ms;
};

enum { CONF_ID_CHARS = 66 };

/* Session ids as text: lower-case hex, 05 or 15 first, NUL-terminated; none twice. */
struct conf_ids {
    size_t count;
    const char (*id)[CONF_ID_CHARS + 1];
};

/* In the order of the setting's choices. */
enum conf_type_check { CONF_TYPE_CHECK_REFUSE, CONF_TYPE_CHECK_COUNT, CONF_TYPE_CHECK_OFF };

/* No text here is ever NULL: what is not set is "". */
struct conf {
    struct {
        const char *url; /* may hold a password: never print it */
    } database;
    struct {
        struct conf_address listen; /* TCP */
        const char *public_url;     /* never empty, no slash at the end */
        const char *key_file;
        const char *storage_key_file;
        struct conf_ids admin;
        const char *first_room;
        size_t max_body_bytes;
        unsigned workers;
        unsigned upload_workers;
        bool sandbox;
    } server;
    struct {
        struct conf_address listen;
    } operators;
    struct {
        size_t bodies_bytes;
        size_t state_bytes;
    } memory;
    struct {
        size_t max_bytes;
        int64_t default_ttl_ms;
        int64_t room_ttl_ms;
        int64_t max_ttl_ms;
        size_t quota_bytes;       /* 0: chosen by the disk (work/disk.h) */
        unsigned anonymous_share; /* percent of the quota; members have what is left */
        unsigned strangers_share;
        const char *free_space_path; /* or CONF_FREE_SPACE_AUTO, CONF_FREE_SPACE_OFF */
        size_t free_space_bytes;
        bool uploads;
        struct conf_rate upload_limit; /* of each kind of callers */
        size_t anonymous_bytes;        /* in a day, of each kind of callers; 0: off */
        size_t strangers_bytes;
        size_t members_bytes;
        enum conf_type_check type_check;
        const char *session_version_desktop;
        const char *session_version_android;
        const char *session_version_ios;
    } files;
    struct {
        struct conf_rate post_limit;
        size_t message_bytes;
    } rooms;
    struct {
        int64_t ttl_ms;
    } direct_messages;
    struct {
        const char *words;  /* path */
        struct words *list; /* what stands there; NULL: no path */
    } filters;
    struct {
        int64_t known_after_ms;
        unsigned strangers_share_percent; /* 100: off */
        struct conf_rate strangers_together;
        size_t strangers_bytes; /* of all strangers' messages in a day; 0: off */
        struct conf_rate uploads;
        size_t upload_bytes; /* of one identity in an hour; 0: off */
        struct conf_rate dms;
        struct conf_rate reactions;
        struct conf_rate edits;
        struct conf_rate deletions;  /* of messages */
        struct conf_rate moderation; /* all that one moderator does */
    } limits;
    struct {
        bool invite_page;
    } web;
    struct {
        enum log_level level;
        enum log_format format;
    } log;
    struct arena *mem; /* owns all of the above */
};

/*
 * Reads the file (path; or the one CONCLAVE_CONFIG names; or none), then the environment, which
 * wins.
 *
 * problems collects sentences for the operator, one a line, also warnings when all is well; no
 * value is repeated in them, a value may be private. ERR_MISSING: the file cannot be read.
 * ERR_MALFORMED: problems says what is wrong. Before threads start (it reads the environment and
 * sets inih's line length). Free with conf_free.
 */
MUST_USE enum err conf_load(const char *path_or_null, struct conf **ret_conf, struct buf *problems);
/* NULL is harmless. */
void conf_free(const struct conf *conf);

/*
 * A size (512K) and a time (14d) written as in the settings, for options of commands.
 * ERR_MALFORMED.
 */
MUST_USE enum err conf_read_size(struct span text, int64_t *ret_bytes);
MUST_USE enum err conf_read_duration(struct span text, int64_t *ret_ms);

/* [files] quota_bytes, or the most that is chosen where it is 0. */
size_t conf_quota_bytes(const struct conf *conf);

enum conf_type {
    CONF_TEXT,     /* const char *; UTF-8 without control characters, at most max bytes */
    CONF_PATH,     /* const char * */
    CONF_TOKEN,    /* const char *; a room token */
    CONF_URL,      /* const char *; http or https */
    CONF_BOOL,     /* bool */
    CONF_INTEGER,  /* unsigned */
    CONF_SIZE,     /* size_t bytes */
    CONF_DURATION, /* int64_t milliseconds */
    CONF_RATE,     /* struct conf_rate */
    CONF_CHOICE,   /* an enum in the order of choices */
    CONF_IDS,      /* struct conf_ids */
    CONF_ADDRESS,  /* struct conf_address */
};

/* One row of the table of settings. A setting whose default is empty may be set empty. */
struct setting {
    const char *section;
    const char *key;
    enum conf_type type;
    const char *fallback; /* the default, as one would write it */
    int64_t min;          /* of the number, in the unit it is stored in; texts: bytes */
    int64_t max;
    const char *choices; /* CHOICE: "a|b|c". ADDRESS: the allowed of "tcp|unix|off" */
    size_t offset;       /* of its field in struct conf */
    const char *help;    /* one line for operators */
};

/* All settings, those of one section next to each other. */
const struct setting *conf_table(size_t *ret_count);
/*
 * What a value of this setting looks like: "a whole number from 1 to 256". For sentences and for
 * the sample.
 */
void conf_put_expected(struct buf *out, const struct setting *s);
/*
 * The table as a commented INI file in which every default is commented out: lines ";key = value".
 */
void conf_print_defaults(struct buf *out);

#endif
