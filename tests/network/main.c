/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave-node: one onion hop as a process of its own, so that tests and the demo walk a real
 * path. It stands in for a storage server of the Session network and does nothing else of what
 * those do. It logs nothing.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "network/relay.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_CANNOT_LISTEN = 5, SEED_BYTES = 32 };
enum { OPTION_LISTEN = 'l', OPTION_KEY = 'k', OPTION_PEERS = 'p', OPTION_PRINT = 'P' };

struct arguments {
    const char *listen;
    const char *key;
    const char *peers;
    bool print;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): argp's signature */
static error_t take_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_LISTEN:
        a->listen = arg;
        return 0;
    case OPTION_KEY:
        a->key = arg;
        return 0;
    case OPTION_PEERS:
        a->peers = arg;
        return 0;
    case OPTION_PRINT:
        a->print = true;
        return 0;
    case ARGP_KEY_END:
        if (a->listen == NULL || a->key == NULL || (a->peers == NULL && !a->print))
            argp_error(state, "--listen, --key and one of --peers and --print are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Reads the 32-byte seed, or makes it. */
static enum err read_seed(const char *path, uint8_t seed[static SEED_BYTES])
{
    uint8_t content[SEED_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, content, sizeof(content));
        (void)close(fd);
        if (n != SEED_BYTES)
            return ERR_MALFORMED;
        memcpy(seed, content, SEED_BYTES);
        return OK;
    }
    if (errno != ENOENT)
        return ERR_DENIED;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_DENIED;
    randombytes_buf(seed, SEED_BYTES);
    ssize_t n = write(fd, seed, SEED_BYTES);
    return close(fd) == 0 && n == SEED_BYTES ? OK : ERR_DENIED;
}

static int fail(const char *words)
{
    (void)fprintf(stderr, "conclave-node: %s\n", words);
    return EXIT_REFUSED;
}

static void print_node(const struct node *n)
{
    (void)puts(node_write(n).s);
    (void)fflush(stdout);
}

static int serve(const struct relay_options *options, bool print)
{
    sigset_t stop;
    int caught = 0;
    struct relay *relay = NULL;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGINT);
    (void)sigaddset(&stop, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL); /* before threads start, which inherit it */
    enum err e = relay_open(options, &relay);
    if (e == ERR_MALFORMED)
        return fail(
            "the peers file cannot be read, or a line of it is not <ed25519 hex>@host:port");
    if (e != OK) {
        (void)fail("cannot listen there (an IPv4 address and a free port are needed)");
        return EXIT_CANNOT_LISTEN;
    }
    struct node own = relay_node(relay);
    if (print)
        print_node(&own);
    (void)sigwait(&stop, &caught);
    relay_close(relay);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"listen", OPTION_LISTEN, "HOST:PORT", 0, "Where to listen; port 0 takes any free one", 0},
        {"key", OPTION_KEY, "FILE", 0, "Its 32-byte Ed25519 seed; made when missing", 0},
        {"peers", OPTION_PEERS, "FILE", 0, "The other hops, one <ed25519 hex>@host:port per line",
         0},
        {"print", OPTION_PRINT, NULL, 0,
         "Print its own NODE line once it listens; without --peers: and exit", 0},
        {0},
    };
    static const struct argp parser = {
        options, take_option, NULL, "One hop of an onion path, for tests.", NULL, NULL, NULL};
    struct arguments a = {0};
    struct relay_options relay = {.server_timeout_ms = RELAY_SERVER_TIMEOUT_MS,
                                  .node_timeout_ms = RELAY_NODE_TIMEOUT_MS};
    uint8_t seed[SEED_BYTES];
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&parser, argc, argv, 0, NULL, &a) != 0)
        return EXIT_USAGE;
    if (sodium_init() < 0)
        return fail("libsodium does not start");
    if (address_read(span_of_text(a.listen), &relay.listen) != OK) {
        (void)fail("--listen wants HOST:PORT");
        return EXIT_USAGE;
    }
    if (read_seed(a.key, seed) != OK || hop_keys_from_seed(seed, &relay.keys) != OK)
        return fail("the key file is not 32 bytes, or cannot be read or made");
    sodium_memzero(seed, sizeof(seed));
    if (a.peers == NULL) {
        struct node own = {.ed = relay.keys.ed, .x = relay.keys.x, .at = relay.listen};
        if (own.at.port == 0)
            return fail("--print without --peers needs a port in --listen");
        print_node(&own);
        return EXIT_DONE;
    }
    relay.peers_path = a.peers;
    return serve(&relay, a.print);
}
