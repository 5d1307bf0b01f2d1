/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings: defaults, the file, the environment, and the sentence an operator reads when something
 * is wrong. Each test writes its own file and clears the environment first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/span.h"
#include "conf/conf.h"
#include "conf/words.h"

#define ID_05 "05aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_15 "15bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* One load: what came out, and the sentences with the file's name replaced by "FILE". */
struct loaded {
    enum err verdict;
    struct conf *conf;
    char problems[4096];
};

static void loaded_done(const struct loaded *l)
{
    conf_free(l->conf);
}
#define AUTO_LOADED CLEANUP(loaded_done)

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; environ[i] != NULL;) {
        char name[200];
        size_t len = strcspn(environ[i], "=");
        if (strncmp(environ[i], "CONCLAVE_", 9) != 0 || len >= sizeof name) {
            i++;
            continue;
        }
        memcpy(name, environ[i], len);
        name[len] = '\0';
        unsetenv(name);
        i = 0;
    }
    return 0;
}

static void keep_problems(struct loaded *l, struct buf *problems, const char *path)
{
    size_t at = 0;
    size_t path_len = path == NULL ? 0 : strlen(path);
    buf_put_byte(problems, '\0');
    assert_int_equal(buf_verdict(problems), OK);
    for (const char *p = (const char *)problems->p; *p != '\0' && at + 5 < sizeof l->problems;) {
        if (path_len > 0 && strncmp(p, path, path_len) == 0) {
            memcpy(l->problems + at, "FILE", 4);
            at += 4;
            p += path_len;
        } else {
            l->problems[at++] = *p++;
        }
    }
    l->problems[at] = '\0';
}

static struct loaded load_path(const char *path)
{
    struct loaded l = {.conf = NULL};
    AUTO_BUF struct buf problems = buf_make(KIB(16));
    l.verdict = conf_load(path, &l.conf, &problems);
    keep_problems(&l, &problems, path);
    assert_int_equal(l.conf != NULL, l.verdict == OK);
    return l;
}

static struct loaded load_bytes(struct span text)
{
    char path[] = "/tmp/conclave-test-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.len), text.len);
    close(fd);
    struct loaded l = load_path(path);
    unlink(path);
    return l;
}

static struct loaded load_text(const char *text)
{
    return load_bytes(span_of_text(text));
}

static void conf__nothing_given__yields_the_documented_defaults(void **state)
{
    (void)state;
    AUTO_LOADED struct loaded l = load_path(NULL);
    assert_int_equal(l.verdict, OK);
    assert_string_equal(l.problems, "");
    const struct conf *c = l.conf;
    assert_string_equal(c->database.url, "");
    assert_int_equal(c->server.listen.kind, CONF_ADDRESS_TCP);
    assert_string_equal(c->server.listen.host, "127.0.0.1");
    assert_int_equal(c->server.listen.port, 8080);
    assert_string_equal(c->server.public_url, "http://127.0.0.1:8080");
    assert_string_equal(c->server.key_file, "/var/lib/conclave/server.key");
    assert_string_equal(c->server.storage_key_file, "/var/lib/conclave/storage.key");
    assert_int_equal(c->server.admin.count, 0);
    assert_string_equal(c->server.first_room, "");
    assert_int_equal(c->server.max_body_bytes, MIB(16));
    assert_int_equal(c->server.workers, 4);
    assert_int_equal(c->server.upload_workers, 2);
    assert_int_equal(c->operators.listen.kind, CONF_ADDRESS_UNIX);
    assert_string_equal(c->operators.listen.path, "/run/conclave/operator.sock");
    assert_int_equal(c->memory.bodies_bytes, MIB(256));
    assert_int_equal(c->memory.state_bytes, MIB(64));
    assert_int_equal(c->files.max_bytes, 10223616);
    assert_int_equal(c->files.default_ttl_ms, 14 * DAY_MS);
    assert_int_equal(c->files.room_ttl_ms, 15 * DAY_MS);
    assert_int_equal(c->files.max_ttl_ms, 30 * DAY_MS);
    assert_int_equal(c->files.quota_bytes, 0);
    assert_int_equal(conf_quota_bytes(c), MIB(20 * 1024));
    assert_string_equal(c->files.free_space_path, "auto");
    assert_int_equal(c->files.type_check, CONF_TYPE_CHECK_REFUSE);
    assert_string_equal(c->files.session_version_ios, "");
    assert_int_equal(c->rooms.post_limit.count, 5);
    assert_int_equal(c->rooms.post_limit.per_ms, 16 * SECOND_MS);
    assert_int_equal(c->rooms.message_bytes, KIB(64));
    assert_int_equal(c->limits.known_after_ms, 10 * MINUTE_MS);
    assert_int_equal(c->limits.strangers_share_percent, 25);
    assert_false(c->web.invite_page);
    assert_int_equal(c->log.level, LOG_INFO);
    assert_int_equal(c->log.format, LOG_FORMAT_TEXT);
}

static void conf__a_whole_file__is_read(void **state)
{
    (void)state;
    AUTO_LOADED struct loaded l = load_text(
        "\xef\xbb\xbf; a comment\n# another\n\n[server]\r\n  listen = [::1]:9 ; behind a "
        "proxy\npublic_url=https://example.org:8443/a/b//\n"
        "admin = " ID_15
        " , 05AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA," ID_05 "\n"
        "first_room = lobby-1\nmax_body: 32M\n[operator]\nlisten = off\n[database]\nurl = "
        "postgresql://a:p=w@h1,h2/x?y=z\n"
        "[files]\ntype_check = off\n[rooms]\npost_limit = off\n[web]\ninvite_page = Yes\n"
        "[log]\nlevel = debug\nformat = json");
    assert_string_equal(l.problems, "");
    assert_int_equal(l.verdict, OK);
    const struct conf *c = l.conf;
    assert_string_equal(c->server.listen.host, "::1");
    assert_string_equal(c->server.listen.text, "[::1]:9");
    assert_int_equal(c->server.listen.port, 9);
    assert_string_equal(c->server.public_url, "https://example.org:8443/a/b");
    assert_int_equal(c->server.admin.count, 2);
    assert_string_equal(c->server.admin.id[0], ID_15);
    assert_string_equal(c->server.admin.id[1], ID_05);
    assert_string_equal(c->server.first_room, "lobby-1");
    assert_int_equal(c->server.max_body_bytes, MIB(32));
    assert_int_equal(c->operators.listen.kind, CONF_ADDRESS_OFF);
    assert_string_equal(c->database.url, "postgresql://a:p=w@h1,h2/x?y=z");
    assert_int_equal(c->files.type_check, CONF_TYPE_CHECK_OFF);
    assert_int_equal(c->rooms.post_limit.count, 0);
    assert_true(c->web.invite_page);
    assert_int_equal(c->log.level, LOG_DEBUG);
    assert_int_equal(c->log.format, LOG_FORMAT_JSON);
}

static void conf__the_environment__wins_over_the_file(void **state)
{
    (void)state;
    setenv("CONCLAVE_SERVER_WORKERS", "7", 1);
    setenv("CONCLAVE_FILES_DEFAULT_TTL", "90s", 1);
    AUTO_LOADED struct loaded l = load_text("[server]\nworkers = 5\nupload_workers = 6\n");
    assert_int_equal(l.verdict, OK);
    assert_int_equal(l.conf->server.workers, 7);
    assert_int_equal(l.conf->server.upload_workers, 6);
    assert_int_equal(l.conf->files.default_ttl_ms, 90 * SECOND_MS);
}

static void conf__an_empty_variable__counts_as_not_set(void **state)
{
    (void)state;
    setenv("CONCLAVE_SERVER_WORKERS", "", 1);
    AUTO_LOADED struct loaded l = load_text("[server]\nworkers = 5\n");
    assert_int_equal(l.verdict, OK);
    assert_int_equal(l.conf->server.workers, 5);
}

static void conf__the_file_named_by_the_environment__is_read_unless_one_is_given(void **state)
{
    (void)state;
    setenv("CONCLAVE_CONFIG", "/nonexistent/conclave.conf", 1);
    AUTO_LOADED struct loaded l = load_path(NULL);
    assert_int_equal(l.verdict, ERR_MISSING);
    assert_string_equal(l.problems,
                        "/nonexistent/conclave.conf: this settings file cannot be read.\n");
    AUTO_LOADED struct loaded given = load_text("[server]\nworkers = 5\n");
    assert_int_equal(given.verdict, OK);
    assert_string_equal(given.problems, "");
}

static void conf__a_misspelt_variable_of_a_known_section__stops_the_start(void **state)
{
    (void)state;
    setenv("CONCLAVE_SERVER_LISTNE", "127.0.0.1:1", 1);
    AUTO_LOADED struct loaded l = load_path(NULL);
    assert_int_equal(l.verdict, ERR_MALFORMED);
    assert_string_equal(l.problems, "CONCLAVE_SERVER_LISTNE: there is no such setting.\n");
}

static void conf__variables_of_the_scripts_around__get_one_warning(void **state)
{
    (void)state;
    setenv("CONCLAVE_URL", "x", 1);
    setenv("CONCLAVE_ADMIN", "y", 1);
    AUTO_LOADED struct loaded l = load_path(NULL);
    assert_int_equal(l.verdict, OK);
    assert_non_null(strstr(l.problems, "CONCLAVE_URL"));
    assert_non_null(strstr(l.problems, "CONCLAVE_ADMIN"));
    assert_ptr_equal(strchr(l.problems, '\n'), l.problems + strlen(l.problems) - 1);
}

static void conf__mistakes_in_the_file__name_line_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *sentence;
    } cases[] = {
        {"[server]\n\nworkers = 0\n",
         "FILE:3: [server] workers: a whole number from 1 to 256 is needed.\n"},
        {"[server]\nwokers = 1\n", "FILE:2: there is no such setting in [server].\n"},
        {"[srever]\nworkers = 1\n", "FILE:1: there is no such section.\n"},
        {"[ server ]\n", "FILE:1: there is no such section.\n"},
        {"workers = 1\n", "FILE:1: a setting stands before the first [section].\n"},
        {"[server]\nworkers = 1\nworkers = 1\n", "FILE:3: [server] workers is set twice.\n"},
        {"[server]\nworkers = 1\n[log]\n[server]\n",
         "FILE:4: this section stands in the file twice.\n"},
        {"[server]\n[server]\n", "FILE:2: this section stands in the file twice.\n"},
        {"[server]\nworkers\n", "FILE:2: neither [section] nor key = value.\n"},
        {"[server\n", "FILE:1: neither [section] nor key = value.\n"},
        {"[server]\nworkers =\n",
         "FILE:2: [server] workers: a whole number from 1 to 256 is needed.\n"},
        {"[server]\nworkers = 1\n  2\n", "FILE:3: neither [section] nor key = value.\n"},
        {"[operator]\nlisten = unix:x\n",
         "FILE:2: [operator] listen: host:port, unix:/path, or off is needed.\n"},
        {"[log]\nlevel = loud\n", "FILE:2: [log] level: one of error|warn|info|debug is needed.\n"},
        {"[memory]\nbodies = 1M\n", "[memory] bodies must be at least [server] max_body: the "
                                    "largest request could never be read.\n"},
        {"[server]\nmax_body = 1M\n", "[files] max_bytes must not exceed [server] max_body: the "
                                      "largest file could never arrive.\n"},
        {"[files]\ndefault_ttl = 31d\n", "[files] default_ttl must not exceed [files] max_ttl.\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_LOADED struct loaded l = load_text(cases[i].text);
        assert_string_equal(l.problems, cases[i].sentence);
        assert_int_equal(l.verdict, ERR_MALFORMED);
    }
}

static void conf__several_mistakes__are_all_told_at_once(void **state)
{
    (void)state;
    setenv("CONCLAVE_LOG_FORMAT", "xml", 1);
    AUTO_LOADED struct loaded l = load_text("[server]\nworkers = x\nfoo = 1\n");
    assert_string_equal(l.problems,
                        "FILE:2: [server] workers: a whole number from 1 to 256 is needed.\n"
                        "FILE:3: there is no such setting in [server].\n"
                        "CONCLAVE_LOG_FORMAT: one of text|json is needed.\n");
}

static void conf__a_refused_value__is_never_repeated(void **state)
{
    (void)state;
    AUTO_LOADED struct loaded l = load_text("[database]\nurl = postgresql://u:sekret\x01@h/d\n");
    assert_int_equal(l.verdict, ERR_MALFORMED);
    assert_null(strstr(l.problems, "sekret"));
}

struct value_case {
    const char *variable;
    const char *value;
    bool fine;
};

static void conf__values_of_every_kind__are_held_against_their_limits(void **state)
{
    static const struct value_case cases[] = {
        {"SERVER_WORKERS", "1", true},
        {"SERVER_WORKERS", "256", true},
        {"SERVER_WORKERS", "257", false},
        {"SERVER_WORKERS", "-1", false},
        {"SERVER_WORKERS", "4294967297", false},
        {"SERVER_WORKERS", "4 ", false},
        {"SERVER_MAX_BODY", "1G", true},
        {"SERVER_MAX_BODY", "1073741825", false},
        {"SERVER_MAX_BODY", "16m", false},
        {"SERVER_MAX_BODY", "16MB", false},
        {"SERVER_MAX_BODY", "M", false},
        {"FILES_QUOTA_BYTES", "1125899906842624", true},
        {"FILES_QUOTA_BYTES", "9223372036854775807G", false},
        {"FILES_QUOTA_BYTES", "99999999999999999999", false},
        {"FILES_ROOM_TTL", "1s", true},
        {"FILES_ROOM_TTL", "3650d", true},
        {"FILES_ROOM_TTL", "3651d", false},
        {"FILES_ROOM_TTL", "0s", false},
        {"FILES_ROOM_TTL", "15", false},
        {"FILES_ROOM_TTL", "1.5d", false},
        {"FILES_ROOM_TTL", "106751991168d", false},
        {"LIMITS_KNOWN_AFTER", "0s", true},
        {"ROOMS_POST_LIMIT", "1/1s", true},
        {"ROOMS_POST_LIMIT", "0/1s", false},
        {"ROOMS_POST_LIMIT", "5/0s", false},
        {"ROOMS_POST_LIMIT", "5/16", false},
        {"ROOMS_POST_LIMIT", "5", false},
        {"ROOMS_POST_LIMIT", "/16s", false},
        {"ROOMS_POST_LIMIT", "5/", false},
        {"ROOMS_POST_LIMIT", "5/2d", false},
        {"ROOMS_POST_LIMIT", "1000001/1s", false},
        {"WEB_INVITE_PAGE", "on", true},
        {"WEB_INVITE_PAGE", "TRUE", true},
        {"WEB_INVITE_PAGE", "0", true},
        {"WEB_INVITE_PAGE", "2", false},
        {"WEB_INVITE_PAGE", "y", false},
        {"FILES_TYPE_CHECK", "count", true},
        {"FILES_TYPE_CHECK", "refuse|count", false},
        {"FILES_TYPE_CHECK", "of", false},
        {"SERVER_LISTEN", "0.0.0.0:65535", true},
        {"SERVER_LISTEN", "localhost:1", true},
        {"SERVER_LISTEN", "[fe80::1]:80", true},
        {"SERVER_LISTEN", "127.0.0.1:0", false},
        {"SERVER_LISTEN", "127.0.0.1:65536", false},
        {"SERVER_LISTEN", "127.0.0.1", false},
        {"SERVER_LISTEN", ":80", false},
        {"SERVER_LISTEN", "80", false},
        {"SERVER_LISTEN", "::1:80", false},
        {"SERVER_LISTEN", "[:80", false},
        {"SERVER_LISTEN", "[]:80", false},
        {"SERVER_LISTEN", "[g::]:80", false},
        {"SERVER_LISTEN", "a b:80", false},
        {"SERVER_LISTEN", "off", false},
        {"SERVER_LISTEN", "unix:/x", false},
        {"OPERATOR_LISTEN", "unix:/x", true},
        {"OPERATOR_LISTEN", "unix:", false},
        {"OPERATOR_LISTEN", "127.0.0.1:9", true},
        {"SERVER_PUBLIC_URL", "http://a", true},
        {"SERVER_PUBLIC_URL", "https://a.b:1/", true},
        {"SERVER_PUBLIC_URL", "http://[::1]:8080", true},
        {"SERVER_PUBLIC_URL", "http://", false},
        {"SERVER_PUBLIC_URL", "http:///x", false},
        {"SERVER_PUBLIC_URL", "ftp://a", false},
        {"SERVER_PUBLIC_URL", "a.b", false},
        {"SERVER_PUBLIC_URL", "http://u@a", false},
        {"SERVER_PUBLIC_URL", "http://a?x", false},
        {"SERVER_PUBLIC_URL", "http://a/#x", false},
        {"SERVER_PUBLIC_URL", "http://a/\"", false},
        {"SERVER_PUBLIC_URL", "http://a:0", false},
        {"SERVER_FIRST_ROOM", "a_B-9", true},
        {"SERVER_FIRST_ROOM", "a b", false},
        {"SERVER_FIRST_ROOM", "a/b", false},
        {"SERVER_ADMIN", ID_05, true},
        {"SERVER_ADMIN", ID_05 "," ID_15, true},
        {"SERVER_ADMIN", ID_05 ",", false},
        {"SERVER_ADMIN", "," ID_05, false},
        {"SERVER_ADMIN", ID_05 " " ID_15, false},
        {"SERVER_ADMIN", ID_05 "0", false},
        {"SERVER_ADMIN", "06aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         false},
        {"SERVER_ADMIN", "05gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         false},
        {"SERVER_KEY_FILE", "relative/key", true},
        {"SERVER_KEY_FILE", "a\nb", false},
        {"SERVER_KEY_FILE", "\xff", false},
        {"FILES_SESSION_VERSION_IOS", "2.9.1", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char name[100];
        (void)clear_environment(state);
        assert_true(snprintf(name, sizeof name, "CONCLAVE_%s", cases[i].variable) > 0);
        setenv(name, cases[i].value, 1);
        setenv("CONCLAVE_MEMORY_BODIES", "1G", 1);
        AUTO_LOADED struct loaded l = load_path(NULL);
        if ((l.verdict == OK) != cases[i].fine)
            fail_msg("%s=%s: %s", name, cases[i].value, err_name(l.verdict));
    }
}

static void conf__a_socket_path__fits_in_107_bytes(void **state)
{
    (void)state;
    char path[200];
    for (size_t len = 107; len <= 108; len++) {
        memcpy(path, "unix:/", 6);
        memset(path + 6, 'x', len - 1);
        path[5 + len] = '\0';
        setenv("CONCLAVE_OPERATOR_LISTEN", path, 1);
        AUTO_LOADED struct loaded l = load_path(NULL);
        assert_int_equal(l.verdict, len == 107 ? OK : ERR_MALFORMED);
    }
}

static void conf__awkward_files__are_refused_whole(void **state)
{
    (void)state;
    AUTO_LOADED struct loaded nul = load_bytes(SPAN("[server]\nworkers = 1\0 2\n"));
    assert_string_equal(nul.problems, "FILE:1: this is no text file.\n");
    AUTO_LOADED struct loaded folder = load_path("/tmp");
    assert_int_equal(folder.verdict, ERR_MISSING);
    AUTO_LOADED struct loaded empty = load_text("");
    assert_int_equal(empty.verdict, OK);

    AUTO_BUF struct buf text = buf_make(MIB(1));
    buf_put_text(&text, "[server]\nfirst_room = ");
    for (int i = 0; i < 9000; i++)
        buf_put_byte(&text, 'x');
    buf_put_text(&text, "\nworkers = 3\n");
    AUTO_LOADED struct loaded line = load_bytes(buf_span(&text));
    assert_string_equal(line.problems, "FILE:2: this line is too long.\n");
    while (text.len < 300000)
        buf_put_text(&text, "; a comment line\n");
    AUTO_LOADED struct loaded large = load_bytes(buf_span(&text));
    assert_string_equal(large.problems, "FILE: too large for a settings file.\n");
    assert_int_equal(large.verdict, ERR_MALFORMED);
}

static void conf__a_line_of_a_hundred_admins__is_read(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = buf_make(MIB(1));
    buf_put_text(&text, "[server]\nadmin = ");
    for (unsigned i = 0; i < 100; i++) {
        uint8_t id[33] = {0x05, (uint8_t)i};
        buf_put_text(&text, i == 0 ? "" : ",");
        buf_put_hex(&text, span_of(id, sizeof id));
    }
    AUTO_LOADED struct loaded l = load_bytes(buf_span(&text));
    assert_int_equal(l.verdict, OK);
    assert_int_equal(l.conf->server.admin.count, 100);
    assert_memory_equal(l.conf->server.admin.id[99], "056300", 6);
}

/*
 * The sample, with every semicolon before a key removed, is a file that says what the defaults say.
 */
static void conf__the_printed_defaults__are_a_valid_file(void **state)
{
    (void)state;
    AUTO_BUF struct buf sample = buf_make(KIB(64));
    conf_print_defaults(&sample);
    assert_int_equal(buf_verdict(&sample), OK);
    size_t settings = 0;
    for (size_t i = 0; i + 1 < sample.len; i++) {
        if (sample.p[i] == ';' && sample.p[i + 1] != ' ') {
            sample.p[i] = ' ';
            settings++;
        }
    }
    size_t count = 0;
    (void)conf_table(&count);
    assert_int_equal(settings, count);
    AUTO_LOADED struct loaded l = load_bytes(buf_span(&sample));
    assert_string_equal(l.problems, "");
    assert_int_equal(l.verdict, OK);
    assert_int_equal(l.conf->server.max_body_bytes, MIB(16));
}

static void conf__the_table__is_grouped_and_has_no_key_twice(void **state)
{
    (void)state;
    size_t count = 0;
    const struct setting *t = conf_table(&count);
    for (size_t a = 0; a < count; a++) {
        assert_true(t[a].help[0] != '\0');
        for (size_t b = 0; b < a; b++) {
            bool same_section = strcmp(t[a].section, t[b].section) == 0;
            assert_false(same_section && strcmp(t[a].key, t[b].key) == 0);
            assert_true(t[a].offset != t[b].offset);
            if (same_section)
                assert_string_equal(t[a - 1].section, t[a].section);
        }
    }
}

static void conf__each_allocation_failing_in_turn__says_so_and_leaks_nothing(void **state)
{
    (void)state;
    setenv("CONCLAVE_LOG_LEVEL", "warn", 1);
    setenv("CONCLAVE_OTHER", "1", 1);
    char path[] = "/tmp/conclave-test-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "[server]\nadmin = " ID_05 "\nlisten = a:1\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    int64_t before = mem_live();
    int64_t failures = 0;
    for (int64_t n = 0; n < 1000; n++) {
        AUTO_BUF struct buf problems = buf_make(KIB(16));
        struct conf *conf = NULL;
        (void)mem_fail_after(n);
        enum err e = conf_load(path, &conf, &problems);
        int64_t asked = mem_fail_after(-1);
        assert_int_equal(conf != NULL, e == OK);
        /*
         * The sentences are the operator's loss, not the start's: those alone may fail unnoticed.
         */
        if (e == OK && buf_verdict(&problems) == OK && asked <= n) {
            conf_free(conf);
            break;
        }
        assert_true(e == ERR_NO_MEMORY || e == OK);
        failures += e == ERR_NO_MEMORY;
        conf_free(conf);
    }
    unlink(path);
    assert_true(failures >= 4);
    assert_int_equal(mem_live(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear_environment, clear_environment)

static void words__of_the_filter__are_read_with_the_settings(void **state)
{
    (void)state;
    static const struct {
        const char *words; /* NULL: no such file */
        const char *problem;
    } cases[] = {
        {"one\n# two words in a comment\n", ""},
        {"", ""},
        {NULL, "[filters] words: this file cannot be read.\n"},
        {"one\ntwo words\n", "[filters] words: line 2 is not one word of at most 64 characters.\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char path[] = "/tmp/conclave-test-words-XXXXXX", text[128];
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        if (cases[i].words == NULL)
            unlink(path);
        else
            assert_int_equal(write(fd, cases[i].words, strlen(cases[i].words)),
                             strlen(cases[i].words));
        close(fd);
        (void)snprintf(text, sizeof text, "[filters]\nwords = %s\n", path);
        AUTO_LOADED struct loaded l = load_text(text);
        unlink(path);
        assert_string_equal(l.problems, cases[i].problem);
        assert_int_equal(l.verdict, cases[i].problem[0] == '\0' ? OK : ERR_MALFORMED);
        if (l.verdict == OK)
            assert_true(words_found(l.conf->filters.list, SPAN("One!")) == (i == 0));
    }
    AUTO_LOADED struct loaded none = load_text("");
    assert_null(none.conf->filters.list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(conf__nothing_given__yields_the_documented_defaults),
        TEST(conf__a_whole_file__is_read),
        TEST(conf__the_environment__wins_over_the_file),
        TEST(conf__an_empty_variable__counts_as_not_set),
        TEST(conf__the_file_named_by_the_environment__is_read_unless_one_is_given),
        TEST(conf__a_misspelt_variable_of_a_known_section__stops_the_start),
        TEST(conf__variables_of_the_scripts_around__get_one_warning),
        TEST(conf__mistakes_in_the_file__name_line_and_key),
        TEST(conf__several_mistakes__are_all_told_at_once),
        TEST(conf__a_refused_value__is_never_repeated),
        TEST(conf__values_of_every_kind__are_held_against_their_limits),
        TEST(conf__a_socket_path__fits_in_107_bytes),
        TEST(conf__awkward_files__are_refused_whole),
        TEST(conf__a_line_of_a_hundred_admins__is_read),
        TEST(words__of_the_filter__are_read_with_the_settings),
        TEST(conf__the_printed_defaults__are_a_valid_file),
        TEST(conf__the_table__is_grouped_and_has_no_key_twice),
        TEST(conf__each_allocation_failing_in_turn__says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
