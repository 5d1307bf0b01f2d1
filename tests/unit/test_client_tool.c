/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs conclave-client and conclave-node as they are typed: what needs no server. With one,
 * the integration tests have their turn.
 */
#include "client_vectors.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/address.h"
#include "integration/process.h"

enum { RUN_MS = 20000 };
#define SERVER_KEY "5ef4fd55472728ff3588d7c80c651ccec0066fa28bcd9ada8f90fff7b5590146"

/* A temporary folder. */
struct place {
    char folder[40];
    char account[64];
    char key[64];
    char peers[64];
    char client[256];
    char node[256];
};

static int place_open(void **state)
{
    struct place *p = test_calloc(1, sizeof(*p));
    const char *build = getenv("CONCLAVE_TEST_BUILD");
    build = build != NULL ? build : "build";
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/conclave-tool-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->account, sizeof(p->account), "%.30s/account", p->folder);
    (void)snprintf(p->key, sizeof(p->key), "%.30s/node.key", p->folder);
    (void)snprintf(p->peers, sizeof(p->peers), "%.30s/peers", p->folder);
    (void)snprintf(p->client, sizeof(p->client), "%s/conclave-client", build);
    (void)snprintf(p->node, sizeof(p->node), "%s/conclave-node", build);
    *state = p;
    return 0;
}

static int place_close(void **state)
{
    struct place *p = *state;
    (void)unlink(p->account);
    (void)unlink(p->key);
    (void)unlink(p->peers);
    assert_int_equal(rmdir(p->folder), 0);
    test_free(p);
    return 0;
}

/* Runs a program; its stdout as text of our own, and its exit code. */
static int run(const char *const *argv, char *out, size_t size)
{
    struct buf text AUTO_BUF = buf_make(1 << 16);
    int status = -1;
    struct process_spec spec = {.argv = argv, .err_path = "/dev/null"};
    assert_int_equal(process_run(&spec, RUN_MS, &text, &status), OK);
    assert_true(text.len < size);
    if (text.len > 0)
        memcpy(out, text.p, text.len);
    out[text.len] = '\0';
    return status;
}

static void client__account_new_and_show__agree_and_never_overwrite(void **state)
{
    struct place *p = *state;
    char out[1024];
    struct stat info;
    const char *make[] = {p->client, "account", "new", "--account", p->account, NULL};
    const char *show[] = {p->client, "--account", p->account, "account",
                          "show",    "--key",     SERVER_KEY, NULL};
    assert_int_equal(run(make, out, sizeof(out)), 0);
    json_auto_t *made = json_loads(out, 0, NULL);
    assert_int_equal(strlen(vectors_text(made, "session_id")), 66);
    assert_int_equal(stat(p->account, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(run(show, out, sizeof(out)), 0);
    json_auto_t *shown = json_loads(out, 0, NULL);
    assert_string_equal(vectors_text(shown, "session_id"), vectors_text(made, "session_id"));
    assert_memory_equal(vectors_text(shown, "blinded_id"), "15", 2);
    assert_int_equal(run(make, out, sizeof(out)), 1);
    json_auto_t *again = json_loads(out, 0, NULL);
    assert_string_equal(vectors_text(again, "error"), "the account file exists already");
}

static void client__known_seed__shows_the_vectors_ids(void **state)
{
    struct place *p = *state;
    char out[1024];
    const char *show[] = {p->client,  "account", "show",     "--account",
                          p->account, "--key",   SERVER_KEY, NULL};
    FILE *f = fopen(p->account, "we");
    assert_non_null(f);
    assert_true(fputs("0123456789abcdef0123456789abcdef\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(run(show, out, sizeof(out)), 0);
    json_auto_t *shown = json_loads(out, 0, NULL);
    assert_string_equal(vectors_text(shown, "session_id"),
                        "05d2ad010eeb72d72e561d9de7bd7b6989af77dcabffa03a5111a6c859ae5c3a72");
    assert_string_equal(vectors_text(shown, "blinded_id"),
                        "15e05c478ccaaa8097d884467f5baedab1f61ea5e363029bf997be807074658450");
}

static void client__wrong_usage__is_2_and_prints_nothing(void **state)
{
    struct place *p = *state;
    char out[4096];
    const char *const cases[][9] = {
        {p->client, NULL},
        {p->client, "unknown", NULL},
        {p->client, "account", NULL},
        {p->client, "account", "new", NULL},
        {p->client, "rooms", NULL},
        {p->client, "rooms", "--server", "http://127.0.0.1", NULL},
        {p->client, "rooms", "--server", "127.0.0.1", "--key", SERVER_KEY, NULL},
        {p->client, "rooms", "--server", "http://127.0.0.1", "--key", "00", NULL},
        {p->client, "rooms", "extra", "--server", "http://127.0.0.1", "--key", SERVER_KEY, NULL},
        {p->client, "rooms", "--server", "https://127.0.0.1", "--key", SERVER_KEY, NULL},
        {p->client, "rooms", "--path", "x", "--server", "http://127.0.0.1", "--key", SERVER_KEY,
         NULL},
        {p->client, "post", "lobby", "--server", "http://127.0.0.1", "--key", SERVER_KEY, NULL},
        {p->client, "join", "a/b", "--server", "http://127.0.0.1", "--key", SERVER_KEY, NULL},
        {p->client, "file", "get", "http://a/file/x", "out", NULL},
        {p->client, "--no-such-option", NULL},
        {p->node, NULL},
        {p->node, "--listen", "127.0.0.1:0", NULL},
        {p->node, "--listen", "nowhere", "--key", p->key, "--print", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (run(cases[i], out, sizeof(out)) != 2)
            fail_msg("case %zu", i);
        assert_string_equal(out, "");
    }
}

static void client__nobody_at_the_server__is_refused_with_a_line(void **state)
{
    struct place *p = *state;
    char out[1024];
    const char *probe[] = {p->client, "probe",    "--server", "http://127.9.8.7:1",
                           "--key",   SERVER_KEY, NULL};
    const char *rooms[] = {p->client, "rooms",    "--server", "http://127.9.8.7:1",
                           "--key",   SERVER_KEY, NULL};
    assert_int_equal(run(probe, out, sizeof(out)), 1);
    json_auto_t *line = json_loads(out, 0, NULL);
    assert_false(vectors_bool(line, "reachable"));
    assert_int_equal(run(rooms, out, sizeof(out)), 1);
    json_auto_t *error = json_loads(out, 0, NULL);
    assert_non_null(json_object_get(error, "error"));
}

static void client__help__names_all_commands(void **state)
{
    static const char *const there[] = {
        "account new", "capabilities", "rooms",       "join",        "post",          "read",
        "edit ROOM",   "react ROOM",   "delete ROOM", "upload ROOM", "download ROOM", "dm ID",
        "inbox",       "file put",     "file get",    "file extend", "probe"};
    struct place *p = *state;
    char out[8192];
    const char *help[] = {p->client, "--help", NULL};
    assert_int_equal(run(help, out, sizeof(out)), 0);
    for (size_t i = 0; i < COUNT_OF(there); i++)
        assert_non_null(strstr(out, there[i]));
}

static void node__print_alone__shows_the_same_node_each_time(void **state)
{
    struct place *p = *state;
    char first[512];
    char second[512];
    struct stat info;
    struct node n;
    const char *print[] = {p->node,   "--listen", "127.0.0.1:22021", "--key", p->key,
                           "--print", NULL};
    assert_int_equal(run(print, first, sizeof(first)), 0);
    assert_int_equal(stat(p->key, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, 32);
    assert_int_equal(run(print, second, sizeof(second)), 0);
    assert_string_equal(first, second);
    assert_int_equal(node_read(span_first(span_of_text(first), strlen(first) - 1), &n), OK);
    assert_int_equal(n.at.port, 22021);
}

static void node__with_peers__listens_says_where_and_ends_on_sigterm(void **state)
{
    struct place *p = *state;
    char line[512];
    struct node n;
    struct process running;
    const char *argv[] = {p->node,   "--listen", "127.0.0.1:0", "--key", p->key,
                          "--peers", p->peers,   "--print",     NULL};
    FILE *f = fopen(p->peers, "we");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    struct process_spec spec = {.argv = argv, .err_path = "/dev/null"};
    assert_int_equal(process_start(&spec, &running), OK);
    assert_int_equal(process_line(&running, RUN_MS, line, sizeof(line)), OK);
    assert_int_equal(node_read(span_of_text(line), &n), OK);
    assert_int_not_equal(n.at.port, 0);
    /* A second one cannot have the same port. */
    char taken[32];
    char out[64];
    (void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", (unsigned)n.at.port);
    const char *second[] = {p->node, "--listen", taken, "--key", p->key, "--peers", p->peers, NULL};
    assert_int_equal(run(second, out, sizeof(out)), 5);
    assert_int_equal(process_stop(&running), 0);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(client__account_new_and_show__agree_and_never_overwrite),
        IN_PLACE(client__known_seed__shows_the_vectors_ids),
        IN_PLACE(client__wrong_usage__is_2_and_prints_nothing),
        IN_PLACE(client__nobody_at_the_server__is_refused_with_a_line),
        IN_PLACE(client__help__names_all_commands),
        IN_PLACE(node__print_alone__shows_the_same_node_each_time),
        IN_PLACE(node__with_peers__listens_says_where_and_ends_on_sigterm),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
