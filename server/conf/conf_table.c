/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one table of settings, and its print as a sample file. How a text becomes a value is in
 * conf_value.c, where texts come from in conf.c.
 */
#include "conf/conf.h"

#include "base/clock.h"
#include "base/span.h"

#define AT(field) offsetof(struct conf, field)

enum { TEXT_MAX_BYTES = 2000, PATH_MAX_BYTES = 1000 };

#define GIB(n)          ((int64_t)(n) << 30)
#define HOST_MAX_BYTES  GIB(1024) /* no machine of ours has more: a slip of the finger has */
#define LONGEST_TIME_MS (3650 * DAY_MS)

static const struct setting settings[] = {
    {.section = "database",
     .key = "url",
     .type = CONF_TEXT,
     .fallback = "",
     .max = TEXT_MAX_BYTES,
     .offset = AT(database.url),
     .help = "PostgreSQL as a libpq URI; several hosts allowed. Every command that reads or writes "
             "needs it."},

    {.section = "server",
     .key = "listen",
     .type = CONF_ADDRESS,
     .fallback = "127.0.0.1:8080",
     .choices = "tcp",
     .offset = AT(server.listen),
     .help = "Where the reverse proxy, or the network itself, connects."},
    {.section = "server",
     .key = "public_url",
     .type = CONF_URL,
     .fallback = "",
     .max = TEXT_MAX_BYTES,
     .offset = AT(server.public_url),
     .help = "How people reach this server; join links begin with it. Empty: http:// and the "
             "listen address."},
    {.section = "server",
     .key = "key_file",
     .type = CONF_PATH,
     .fallback = "/var/lib/conclave/server.key",
     .max = PATH_MAX_BYTES,
     .offset = AT(server.key_file),
     .help =
         "The server's private key: its identity, part of every join link. Keep a copy elsewhere."},
    {.section = "server",
     .key = "storage_key_file",
     .type = CONF_PATH,
     .fallback = "/var/lib/conclave/storage.key",
     .max = PATH_MAX_BYTES,
     .offset = AT(server.storage_key_file),
     .help = "The key that seals messages and files in the database. Without it a backup cannot be "
             "read."},
    {.section = "server",
     .key = "admin",
     .type = CONF_IDS,
     .fallback = "",
     .offset = AT(server.admin),
     .help = "Session ids that become global admins at serve --init."},
    {.section = "server",
     .key = "first_room",
     .type = CONF_TOKEN,
     .fallback = "",
     .max = 64,
     .offset = AT(server.first_room),
     .help = "Token of the room that serve --init makes when there is none. Empty: no room."},
    {.section = "server",
     .key = "max_body",
     .type = CONF_SIZE,
     .fallback = "16M",
     .min = (int64_t)KIB(64),
     .max = GIB(1),
     .offset = AT(server.max_body_bytes),
     .help = "Largest request body; the onion network itself carries 10 MB."},
    {.section = "server",
     .key = "workers",
     .type = CONF_INTEGER,
     .fallback = "4",
     .min = 1,
     .max = 256,
     .offset = AT(server.workers),
     .help = "Threads for requests that need the database; each holds one connection to it."},
    {.section = "server",
     .key = "upload_workers",
     .type = CONF_INTEGER,
     .fallback = "2",
     .min = 1,
     .max = 64,
     .offset = AT(server.upload_workers),
     .help = "Threads for large uploads; each holds one connection to the database."},
    {.section = "server",
     .key = "sandbox",
     .type = CONF_BOOL,
     .fallback = "on",
     .offset = AT(server.sandbox),
     .help = "Give up, after the start, what a server never needs; the log says what is active. "
             "Off only when a system's libraries need more than it allows."},

    {.section = "operator",
     .key = "listen",
     .type = CONF_ADDRESS,
     .fallback = "unix:/run/conclave/operator.sock",
     .choices = "tcp|unix|off",
     .offset = AT(operators.listen),
     .help = "Health and metrics, for the operator alone. Never put it on a public address."},

    {.section = "memory",
     .key = "bodies",
     .type = CONF_SIZE,
     .fallback = "256M",
     .min = (int64_t)KIB(64),
     .max = HOST_MAX_BYTES,
     .offset = AT(memory.bodies_bytes),
     .help = "Memory for request bodies in flight; what would exceed it waits, then is refused."},
    {.section = "memory",
     .key = "state",
     .type = CONF_SIZE,
     .fallback = "64M",
     .min = (int64_t)MIB(1),
     .max = HOST_MAX_BYTES,
     .offset = AT(memory.state_bytes),
     .help = "Memory for rooms, users and recent messages, from which polls are answered."},

    {.section = "files",
     .key = "max_bytes",
     .type = CONF_SIZE,
     .fallback = "10223616",
     .min = 1,
     .max = GIB(1),
     .offset = AT(files.max_bytes),
     .help = "Largest file, in rooms and on the file server. Clients send at most the default."},
    {.section = "files",
     .key = "default_ttl",
     .type = CONF_DURATION,
     .fallback = "14d",
     .min = SECOND_MS,
     .max = LONGEST_TIME_MS,
     .offset = AT(files.default_ttl_ms),
     .help = "How long the file server keeps a file whose sender asks for nothing else."},
    {.section = "files",
     .key = "room_ttl",
     .type = CONF_DURATION,
     .fallback = "15d",
     .min = SECOND_MS,
     .max = LONGEST_TIME_MS,
     .offset = AT(files.room_ttl_ms),
     .help = "How long a file attached in a room is kept. Room images and files of pinned messages "
             "stay."},
    {.section = "files",
     .key = "max_ttl",
     .type = CONF_DURATION,
     .fallback = "30d",
     .min = SECOND_MS,
     .max = LONGEST_TIME_MS,
     .offset = AT(files.max_ttl_ms),
     .help = "The longest that a sender may ask the file server to keep a file."},
    {.section = "files",
     .key = "quota_bytes",
     .type = CONF_SIZE,
     .fallback = "0",
     .min = 0,
     .max = GIB(1024 * 1024),
     .offset = AT(files.quota_bytes),
     .help = "All files together; beyond it uploads are refused with 507. 0: 20G, or half of what "
             "is free on the database's disk where that is less and can be seen."},
    {.section = "files",
     .key = "anonymous_share",
     .type = CONF_INTEGER,
     .fallback = "40",
     .max = 100,
     .offset = AT(files.anonymous_share),
     .help = "Percent of the quota for files of the file server, whose uploaders do not sign."},
    {.section = "files",
     .key = "strangers_share",
     .type = CONF_INTEGER,
     .fallback = "10",
     .max = 100,
     .offset = AT(files.strangers_share),
     .help = "Percent of the quota for files that strangers upload to rooms. Members have what "
             "these two shares leave."},
    {.section = "files",
     .key = "free_space_path",
     .type = CONF_PATH,
     .fallback = CONF_FREE_SPACE_AUTO,
     .max = PATH_MAX_BYTES,
     .offset = AT(files.free_space_path),
     .help = "A folder on the database's disk, seen from here: uploads are refused when it is "
             "nearly full, then posts. auto: found where the database is reached by a unix socket; "
             "off: never looked at."},
    {.section = "files",
     .key = "free_space",
     .type = CONF_SIZE,
     .fallback = "1G",
     .min = 1,
     .max = HOST_MAX_BYTES,
     .offset = AT(files.free_space_bytes),
     .help =
         "Nearly full: less than this is free at free_space_path. Posts go on down to a quarter "
         "of it. The write-ahead log needs room, too."},
    {.section = "files",
     .key = "uploads",
     .type = CONF_BOOL,
     .fallback = "on",
     .offset = AT(files.uploads),
     .help = "Off: no new files, in rooms and on the file server; those that are there stay."},
    {.section = "files",
     .key = "upload_limit",
     .type = CONF_RATE,
     .fallback = "1200/60s",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(files.upload_limit),
     .help = "How many files members together may upload in a time, to one process; strangers and "
             "those who do not sign as many each."},
    {.section = "files",
     .key = "anonymous_bytes",
     .type = CONF_SIZE,
     .fallback = "4G",
     .max = HOST_MAX_BYTES,
     .offset = AT(files.anonymous_bytes),
     .help = "How much all who do not sign may upload or extend in a day. 0: no limit."},
    {.section = "files",
     .key = "strangers_bytes",
     .type = CONF_SIZE,
     .fallback = "1G",
     .max = HOST_MAX_BYTES,
     .offset = AT(files.strangers_bytes),
     .help = "The same for all strangers together."},
    {.section = "files",
     .key = "members_bytes",
     .type = CONF_SIZE,
     .fallback = "20G",
     .max = HOST_MAX_BYTES,
     .offset = AT(files.members_bytes),
     .help = "The same for all members together."},
    {.section = "files",
     .key = "type_check",
     .type = CONF_CHOICE,
     .fallback = "refuse",
     .choices = "refuse|count|off",
     .offset = AT(files.type_check),
     .help = "What the file server does with a file that is visibly not encrypted."},
    {.section = "files",
     .key = "session_version_desktop",
     .type = CONF_TEXT,
     .fallback = "",
     .max = 64,
     .offset = AT(files.session_version_desktop),
     .help =
         "Newest Session release that /session_version tells for desktop. Empty: it answers 502."},
    {.section = "files",
     .key = "session_version_android",
     .type = CONF_TEXT,
     .fallback = "",
     .max = 64,
     .offset = AT(files.session_version_android),
     .help = "The same for Android."},
    {.section = "files",
     .key = "session_version_ios",
     .type = CONF_TEXT,
     .fallback = "",
     .max = 64,
     .offset = AT(files.session_version_ios),
     .help = "The same for iOS."},

    {.section = "rooms",
     .key = "post_limit",
     .type = CONF_RATE,
     .fallback = "5/16s",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(rooms.post_limit),
     .help = "How many messages one person may post in a room in a time."},
    {.section = "rooms",
     .key = "message_bytes",
     .type = CONF_SIZE,
     .fallback = "64K",
     .min = (int64_t)KIB(1),
     .max = (int64_t)MIB(1),
     .offset = AT(rooms.message_bytes),
     .help = "Largest message. Apps let people write 10,000 characters, which fit into 64K."},

    {.section = "direct_messages",
     .key = "ttl",
     .type = CONF_DURATION,
     .fallback = "15d",
     .min = SECOND_MS,
     .max = LONGEST_TIME_MS,
     .offset = AT(direct_messages.ttl_ms),
     .help = "How long a message from one member to another waits on the server."},

    {.section = "filters",
     .key = "words",
     .type = CONF_PATH,
     .fallback = "",
     .max = PATH_MAX_BYTES,
     .offset = AT(filters.words),
     .help = "File with the words of the profanity filter, one a line; `conclave filter` switches "
             "it on."},

    {.section = "limits",
     .key = "known_after",
     .type = CONF_DURATION,
     .fallback = "10m",
     .max = LONGEST_TIME_MS,
     .offset = AT(limits.known_after_ms),
     .help = "An identity seen for the first time less than this ago counts as a stranger."},
    {.section = "limits",
     .key = "strangers_share",
     .type = CONF_INTEGER,
     .fallback = "25",
     .min = 1,
     .max = 100,
     .offset = AT(limits.strangers_share_percent),
     .help = "Percent of the capacity that strangers share while members wait. 100: no difference "
             "is made."},
    {.section = "limits",
     .key = "strangers_together",
     .type = CONF_RATE,
     .fallback = "100/60s",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(limits.strangers_together),
     .help = "How many posts all strangers together may make in one room in a time; as many edits, "
             "uploads, reactions, direct messages and deletions each. Ten times that on the whole "
             "server."},
    {.section = "limits",
     .key = "strangers_bytes",
     .type = CONF_SIZE,
     .fallback = "256M",
     .max = HOST_MAX_BYTES,
     .offset = AT(limits.strangers_bytes),
     .help =
         "How much all strangers together may write in a day: posts, edits and direct messages. "
         "0: no limit."},
    {.section = "limits",
     .key = "uploads",
     .type = CONF_RATE,
     .fallback = "200/10m",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(limits.uploads),
     .help = "How many files one person may upload to rooms in a time."},
    {.section = "limits",
     .key = "upload_bytes",
     .type = CONF_SIZE,
     .fallback = "2G",
     .max = HOST_MAX_BYTES,
     .offset = AT(limits.upload_bytes),
     .help = "How much one person may upload to rooms in an hour. 0: no limit."},
    {.section = "limits",
     .key = "direct_messages",
     .type = CONF_RATE,
     .fallback = "60/10m",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(limits.dms),
     .help = "How many direct messages (message requests) one person may send in a time."},
    {.section = "limits",
     .key = "reactions",
     .type = CONF_RATE,
     .fallback = "100/60s",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(limits.reactions),
     .help = "How many reactions one person may add or take back in a time."},
    {.section = "limits",
     .key = "edits",
     .type = CONF_RATE,
     .fallback = "30/60s",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(limits.edits),
     .help = "How many edits of messages one person may make in a time: everybody in the room "
             "gets each of them."},
    {.section = "limits",
     .key = "deletions",
     .type = CONF_RATE,
     .fallback = "600/60s",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(limits.deletions),
     .help = "How many messages one person may delete in a time; each room of a deletion of "
             "everything counts as one, too."},
    {.section = "limits",
     .key = "moderation",
     .type = CONF_RATE,
     .fallback = "6000/60s",
     .min = SECOND_MS,
     .max = DAY_MS,
     .offset = AT(limits.moderation),
     .help = "How much one moderator may change in a time: messages, files, pins, bans and roles "
             "(for each room), rooms."},

    {.section = "web",
     .key = "invite_page",
     .type = CONF_BOOL,
     .fallback = "off",
     .offset = AT(web.invite_page),
     .help = "A join link that is opened in a browser shows what it is for and how to join."},

    {.section = "log",
     .key = "level",
     .type = CONF_CHOICE,
     .fallback = "info",
     .choices = "error|warn|info|debug",
     .offset = AT(log.level),
     .help = "How much is written to standard error. No level names persons, rooms or addresses."},
    {.section = "log",
     .key = "format",
     .type = CONF_CHOICE,
     .fallback = "text",
     .choices = "text|json",
     .offset = AT(log.format),
     .help = "key=value, or one JSON object a line."},
};

const struct setting *conf_table(size_t *ret_count)
{
    *ret_count = COUNT_OF(settings);
    return settings;
}

struct unit {
    const char *name;
    int64_t worth;
};

/* In the largest unit that divides it: 16777216 is 16M. */
static void put_in_units(struct buf *out, int64_t value, const struct unit *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value != 0 && value % units[i].worth == 0) {
            buf_put_i64(out, value / units[i].worth);
            buf_put_text(out, units[i].name);
            return;
        }
    }
    buf_put_i64(out, value);
}

static void put_size(struct buf *out, int64_t bytes)
{
    static const struct unit units[] = {
        {"G", GIB(1)}, {"M", (int64_t)MIB(1)}, {"K", (int64_t)KIB(1)}};
    put_in_units(out, bytes, units, COUNT_OF(units));
}

static void put_duration(struct buf *out, int64_t ms)
{
    static const struct unit units[] = {
        {"d", DAY_MS}, {"h", HOUR_MS}, {"m", MINUTE_MS}, {"s", SECOND_MS}};
    put_in_units(out, ms, units, COUNT_OF(units));
    buf_put_text(out, ms == 0 ? "s" : "");
}

static void put_limits(struct buf *out, const struct setting *s, void (*put)(struct buf *, int64_t))
{
    buf_put_text(out, " from ");
    put(out, s->min);
    buf_put_text(out, " to ");
    put(out, s->max);
}

static void put_address_forms(struct buf *out, const char *choices)
{
    buf_put_text(out, "host:port");
    if (strstr(choices, "unix") != NULL)
        buf_put_text(out, ", unix:/path");
    if (strstr(choices, "off") != NULL)
        buf_put_text(out, ", or off");
}

void conf_put_expected(struct buf *out, const struct setting *s)
{
    switch (s->type) {
    case CONF_TEXT:
        buf_put_text(out, "a line of text of at most ");
        buf_put_i64(out, s->max);
        buf_put_text(out, " bytes");
        break;
    case CONF_PATH:
        buf_put_text(out, "a path");
        break;
    case CONF_TOKEN:
        buf_put_text(out, "a room token: 1 to 64 letters, digits, _ or -");
        break;
    case CONF_URL:
        buf_put_text(out, "http:// or https://, a host, perhaps a port and a path, and no more");
        break;
    case CONF_BOOL:
        buf_put_text(out, "yes or no");
        break;
    case CONF_INTEGER:
        buf_put_text(out, "a whole number");
        put_limits(out, s, buf_put_i64);
        break;
    case CONF_SIZE:
        buf_put_text(out, "a size such as 4096, 512K, 16M or 20G,");
        put_limits(out, s, put_size);
        break;
    case CONF_DURATION:
        buf_put_text(out, "a time such as 90s, 10m, 12h or 14d,");
        put_limits(out, s, put_duration);
        break;
    case CONF_RATE:
        buf_put_text(out, "a rate such as 5/16s, or off");
        break;
    case CONF_CHOICE:
        buf_put_text(out, "one of ");
        buf_put_text(out, s->choices);
        break;
    case CONF_IDS:
        buf_put_text(out,
                     "a list of session ids (66 hex digits, 05 or 15 first), separated by commas,");
        break;
    case CONF_ADDRESS:
        put_address_forms(out, s->choices);
        break;
    }
}

void conf_print_defaults(struct buf *out)
{
    buf_put_text(out,
                 "; Settings of conclave with their defaults. Remove the semicolon to change one.\n"
                 "; Each is also an environment variable, which wins: CONCLAVE_SECTION_KEY.\n");
    const char *section = "";
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const struct setting *s = &settings[i];
        if (strcmp(section, s->section) != 0) {
            section = s->section;
            buf_put_text(out, "\n[");
            buf_put_text(out, section);
            buf_put_text(out, "]\n");
        }
        buf_put_text(out, "; ");
        buf_put_text(out, s->help);
        buf_put_text(out, "\n; Value: ");
        conf_put_expected(out, s);
        buf_put_text(out, ".\n;");
        buf_put_text(out, s->key);
        buf_put_text(out, s->fallback[0] == '\0' ? " =" : " = ");
        buf_put_text(out, s->fallback);
        buf_put_byte(out, '\n');
    }
}
