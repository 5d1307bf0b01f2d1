/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens and closes the world of a test: folder, cluster, relays, servers. What tests then do with
 * it stands in world_use.c.
 */
#include "integration/world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "client/http_client.h"
#include "integration/world_settings.h"

enum { READY_STEP_MS = 10, PROBE_MS = 2000, PORT_TRIES = 5, EXIT_LISTEN = 5, PROGRAM_MAX = 512 };
enum { PORT_FIRST = 20000, PORT_COUNT = 12000, CLUSTER_ARGS_MAX = 24 };

static enum err trouble(struct world *w, enum err e, const char *words)
{
    if (w->trouble[0] == '\0')
        (void)snprintf(w->trouble, sizeof(w->trouble), "%s (%s)", words, err_name(e));
    return e;
}

static enum err cluster(struct world *w, const char *command, struct buf *out)
{
    /* The cluster has our folder as its own: if we are killed, its watcher removes both. */
    const char *folder = w->folder;
    char owner[16];
    int status = 0;
    (void)snprintf(owner, sizeof(owner), "%d", (int)getpid());
    const char *start[CLUSTER_ARGS_MAX + 1] = {"tests/cluster.sh", "start", folder};
    size_t n = 3;
    /* The watcher of the first start lives on. */
    if (w->database_url[0] == '\0') {
        start[n++] = "--owner";
        start[n++] = owner;
    }
    if (w->options.no_fsync)
        start[n++] = "--no-fsync";
    for (const char *const *v = w->options.cluster_env; v != NULL && *v != NULL; v++) {
        if (n + 2 > CLUSTER_ARGS_MAX)
            return ERR_TOO_LARGE;
        start[n++] = "--env";
        start[n++] = *v;
    }
    const char *other[] = {"tests/cluster.sh", command, folder, NULL};
    struct process_spec spec = {.argv = strcmp(command, "start") == 0 ? start : other};
    enum err e = process_run(&spec, WORLD_START_MS, out, &status);
    return e == OK && status != 0 ? ERR_DENIED : e;
}

enum err world_prepare(struct world *w, const struct world_options *options)
{
    *w = (struct world){.options = *options};
    w->build = getenv("CONCLAVE_TEST_BUILD"); /* the test runner's choice of a variant */
    if (w->build == NULL)
        w->build = "build";
    if (options->servers > WORLD_SERVERS_MAX || options->relays > WORLD_RELAYS_MAX ||
        options->accounts > WORLD_ACCOUNTS_MAX)
        return trouble(w, ERR_DEFECT, "more servers, relays or accounts than a world holds");
    if (sodium_init() < 0)
        return trouble(w, ERR_DEFECT, "libsodium does not start");
    (void)snprintf(w->folder, sizeof(w->folder), "%.60s/conclave-XXXXXX",
                   options->parent != NULL ? options->parent : "/tmp");
    if (mkdtemp(w->folder) == NULL) {
        w->folder[0] = '\0';
        return trouble(w, ERR_DENIED, "no temporary folder could be made");
    }
    for (; w->account_count < options->accounts; w->account_count++) {
        if (account_new(&w->accounts[w->account_count]) != OK)
            return trouble(w, ERR_DEFECT, "an account could not be made");
    }
    return OK;
}

enum err world_start_database(struct world *w)
{
    struct buf url AUTO_BUF = buf_make(sizeof(w->database_url));
    enum err e = cluster(w, "start", &url);
    if (e != OK)
        return trouble(w, e, "the database did not start (tests/cluster.sh start)");
    struct span text = span_first(buf_span(&url), span_find(buf_span(&url), '\n'));
    if (text.len == 0 || text.len >= sizeof(w->database_url))
        return trouble(w, ERR_MALFORMED, "tests/cluster.sh printed no URL");
    memcpy(w->database_url, text.p, text.len);
    w->database_url[text.len] = '\0';
    return OK;
}

enum err world_crash_database(struct world *w)
{
    struct buf out AUTO_BUF = buf_make(KIB(4));
    return cluster(w, "crash", &out);
}

enum err world_restart_database(struct world *w)
{
    struct buf out AUTO_BUF = buf_make(KIB(4));
    return cluster(w, "start", &out);
}

enum err world_freeze_database(struct world *w)
{
    struct buf out AUTO_BUF = buf_make(KIB(4));
    return cluster(w, "freeze", &out);
}

enum err world_thaw_database(struct world *w)
{
    struct buf out AUTO_BUF = buf_make(KIB(4));
    return cluster(w, "thaw", &out);
}

enum err world_standby_database(struct world *w)
{
    struct buf out AUTO_BUF = buf_make(KIB(4));
    return cluster(w, "standby", &out);
}

enum err world_promote_database(struct world *w)
{
    struct buf out AUTO_BUF = buf_make(KIB(4));
    return cluster(w, "promote", &out);
}

enum err world_kill_backend(struct world *w, uint32_t which)
{
    char number[16];
    int status = 0;
    struct buf out AUTO_BUF = buf_make(KIB(4));
    (void)snprintf(number, sizeof(number), "%u", (unsigned)which);
    const char *argv[] = {"tests/cluster.sh", "backend", w->folder, number, NULL};
    const struct process_spec spec = {.argv = argv};
    enum err e = process_run(&spec, WORLD_COMMAND_MS, &out, &status);
    return e == OK && status != 0 ? ERR_DENIED : e;
}

static enum err append_peer(const char *path, const char *node)
{
    FILE *f = fopen(path, "ae");
    if (f == NULL)
        return ERR_DENIED;
    int written = fprintf(f, "%s\n", node);
    return fclose(f) == 0 && written > 0 ? OK : ERR_DENIED;
}

enum err world_start_relay(struct world *w)
{
    size_t i = w->relay_count;
    char program[PROGRAM_MAX];
    char key[WORLD_PATH_MAX + 16];
    char peers[WORLD_PATH_MAX + 16];
    char line[sizeof(struct node_text)];
    if (i == WORLD_RELAYS_MAX)
        return trouble(w, ERR_DEFECT, "more relays than a world holds");
    (void)snprintf(program, sizeof(program), "%s/conclave-node", w->build);
    (void)snprintf(key, sizeof(key), "%s/node%zu.key", w->folder, i);
    (void)snprintf(peers, sizeof(peers), "%s/peers", w->folder);
    FILE *made = fopen(peers, "ae"); /* there from the first start on */
    if (made == NULL || fclose(made) != 0)
        return trouble(w, ERR_DENIED, "the relays' list cannot be written");
    const char *argv[] = {program,   "--listen", "127.0.0.1:0", "--key", key,
                          "--peers", peers,      "--print",     NULL};
    struct process_spec spec = {.argv = argv};
    enum err e = process_start(&spec, &w->relays[i]);
    if (e != OK)
        return trouble(w, e, "a relay did not start");
    w->relay_count++;
    e = process_line(&w->relays[i], WORLD_START_MS, line, sizeof(line));
    if (e == OK)
        e = node_read(span_of_text(line), &w->nodes[i]);
    if (e == OK)
        e = append_peer(peers, line);
    return e == OK ? OK : trouble(w, e, "a relay did not say where it listens");
}

/*
 * A port that was free a moment ago; whoever takes it meanwhile makes the server end with 5, and we
 * try another. Below the ports that the system gives to outgoing connections: one of those could
 * take it while the server is being restarted.
 */
static enum err free_port(uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool bound = false;
    for (int i = 0; !bound && i < PORT_TRIES * PORT_TRIES; i++) {
        uint16_t port = (uint16_t)(PORT_FIRST + randombytes_uniform(PORT_COUNT));
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return ERR_NO_MEMORY;
        at.sin_port = htons(port);
        bound = bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
        (void)close(fd);
        *ret_port = port;
    }
    return bound ? OK : ERR_BUSY;
}

/* Waits for 200 from the operator's listener. */
static enum err wait_health(struct world *w, size_t server, const char *path, int timeout_ms)
{
    struct world_server *s = &w->servers[server];
    struct http_target target = {.timeout_ms = PROBE_MS, .max_reply_bytes = KIB(64)};
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    int status = 0;
    memcpy(target.unix_path, s->operator_path, sizeof(s->operator_path));
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    if (c == NULL)
        return ERR_NO_MEMORY;
    for (;;) {
        struct http_reply reply;
        if (!process_running(&s->process, &status))
            return status == EXIT_LISTEN ? ERR_CONFLICT : ERR_MISSING;
        if (http_client_call(c, "GET", path, NULL, (struct span){0}, &reply) == OK &&
            reply.status == 200)
            return OK;
        if (clock_mono_ms() >= deadline_ms)
            return ERR_BUSY;
        (void)poll(NULL, 0, READY_STEP_MS);
    }
}

enum err world_wait_ready(struct world *w, size_t server, int timeout_ms)
{
    return wait_health(w, server, "/health/ready", timeout_ms);
}

enum err world_launch_server(struct world *w, size_t server, const char *const *env)
{
    struct world_server *s = &w->servers[server];
    char program[WORLD_PROGRAM_MAX];
    char out_path[WORLD_PATH_MAX + 8];
    struct world_settings settings;
    world_program(w, program);
    (void)snprintf(out_path, sizeof(out_path), "%s.out", s->log_path);
    const char *argv[] = {program, "serve", "--init", NULL};
    enum err e = world_settings(w, server, env, &settings);
    struct process_spec spec = {
        .argv = argv, .env = settings.env, .out_path = out_path, .err_path = s->log_path};
    return e == OK ? process_start(&spec, &s->process) : e;
}

static enum err start_server(struct world *w, size_t server, const char *const *env)
{
    enum err e = world_launch_server(w, server, env);
    return e == OK ? wait_health(w, server,
                                 w->options.live_is_enough ? "/health/live" : "/health/ready",
                                 WORLD_START_MS)
                   : e;
}

/* The server's public key, as an operator would read it. */
static enum err read_key(struct world *w)
{
    static const char *const args[] = {"key", "show", NULL};
    struct buf out AUTO_BUF = buf_make(KIB(4));
    int status = 0;
    enum err e = world_conclave(w, 0, args, &out, &status);
    if (e == OK && status != 0)
        e = ERR_DENIED;
    if (e == OK)
        e = hex_read(span_first(buf_span(&out), span_find(buf_span(&out), '\n')), w->key.b,
                     sizeof(w->key.b));
    return e == OK ? OK : trouble(w, e, "`conclave key show` did not print a key");
}

enum err world_start_server(struct world *w, const char *const *env, size_t *ret_index)
{
    size_t i = w->server_count;
    enum err e = ERR_CONFLICT;
    if (i == WORLD_SERVERS_MAX)
        return trouble(w, ERR_DEFECT, "more servers than a world holds");
    struct world_server *s = &w->servers[i];
    *s = (struct world_server){.process.out_fd = -1};
    (void)snprintf(s->at.host, sizeof(s->at.host), "127.0.0.1");
    char folder[WORLD_PATH_MAX]; /* a copy, as the texts lie in the same struct */
    memcpy(folder, w->folder, sizeof(folder));
    (void)snprintf(s->operator_path, sizeof(s->operator_path), "%.60s/op%zu.sock", folder, i);
    (void)snprintf(s->log_path, sizeof(s->log_path), "%.60s/server%zu.log", folder, i);
    w->server_count++;
    for (int tries = 0; e == ERR_CONFLICT && tries < PORT_TRIES; tries++) {
        e = free_port(&s->at.port);
        if (e == OK)
            e = start_server(w, i, env);
    }
    if (e != OK)
        return trouble(w, e, "the server did not become ready; see its log");
    if (ret_index != NULL)
        *ret_index = i;
    return i == 0 ? read_key(w) : OK;
}

enum err world_restart_server(struct world *w, size_t server, const char *const *env)
{
    return start_server(w, server, env);
}

int world_stop_server(struct world *w, size_t server)
{
    return process_stop(&w->servers[server].process);
}

void world_kill_server(struct world *w, size_t server)
{
    process_kill(&w->servers[server].process);
}

enum err world_open(struct world *w, const struct world_options *options)
{
    enum err e = world_prepare(w, options);
    if (e == OK && options->servers > 0)
        e = world_start_database(w);
    for (size_t i = 0; e == OK && i < options->servers; i++)
        e = world_start_server(w, NULL, NULL);
    for (size_t i = 0; e == OK && i < options->relays; i++)
        e = world_start_relay(w);
    if (e != OK) {
        /* What the server said last, while its log is still there. */
        struct buf log AUTO_BUF = buf_make(PROCESS_OUTPUT_MAX_BYTES);
        if (w->server_count > 0 && world_log(w, w->server_count - 1, &log) == OK)
            (void)fprintf(stderr, "%.*s", (int)log.len, (const char *)log.p);
        (void)fprintf(stderr, "world: %s\n", w->trouble);
        (void)world_close(w);
    }
    return e;
}

/* Removes a folder of ours, with the folders in it. */
static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL)
        return;
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        char below[2 * WORLD_PATH_MAX + 256];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int n = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (n < 0 || (size_t)n >= sizeof(below) || lstat(below, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode))
            remove_tree(below);
        else
            (void)unlink(below);
    }
    (void)closedir(d);
    (void)rmdir(path);
}

bool world_close(struct world *w)
{
    bool clean = true;
    for (size_t i = w->relay_count; i > 0; i--)
        (void)process_stop(&w->relays[i - 1]);
    for (size_t i = w->server_count; i > 0; i--)
        clean = process_stop(&w->servers[i - 1].process) == 0 && clean;
    clean = world_is_silent(w) && clean;
    w->relay_count = 0;
    w->server_count = 0;
    if (w->folder[0] != '\0') {
        struct buf out AUTO_BUF = buf_make(KIB(4));
        if (cluster(w, "stop", &out) != OK)
            clean = false;
        remove_tree(w->folder);
    }
    w->folder[0] = '\0';
    for (size_t i = 0; i < w->account_count; i++)
        account_done(&w->accounts[i]);
    w->account_count = 0;
    return clean;
}
