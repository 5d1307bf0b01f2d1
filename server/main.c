/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave: one binary, a table of commands. `serve` stands here because it needs everything; the
 * others are in cli/.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "conf/conf.h"

struct serve_options {
    bool init;
};

/*
 * Signals become a descriptor (negative: it cannot be had): blocked here, before threads inherit
 * the mask.
 */
static int descriptor_of(const int *numbers, size_t count)
{
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < count; i++)
        sigaddset(&signals, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until the request to stop, which stays unread: whoever else waits finds it there too. */
static void wait_for_end(int stop_fd, int hangup_fd)
{
    struct pollfd p[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = hangup_fd, .events = POLLIN}};
    while (p[0].revents == 0) {
        struct signalfd_siginfo info;
        if (poll(p, COUNT_OF(p), -1) < 0)
            continue;
        if (p[1].revents != 0 && read(hangup_fd, &info, sizeof(info)) == sizeof(info))
            log_event(LOG_INFO, "server.hangup_ignored");
    }
}

/* The descriptors live as long as the process. */
static int open_and_serve(const struct conf *conf, bool init)
{
    static const int stop_signals[] = {SIGINT, SIGTERM}, hangup_signals[] = {SIGHUP};
    const int stop_fd = descriptor_of(stop_signals, COUNT_OF(stop_signals));
    const int hangup_fd = descriptor_of(hangup_signals, COUNT_OF(hangup_signals));
    if (stop_fd < 0 || hangup_fd < 0) {
        (void)fprintf(stderr, "conclave: no descriptors for signals are left\n");
        return APP_FAILED;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    struct app *app = NULL;
    int code = (int)app_open(conf, init, stop_fd, &app);
    if (code == APP_OK)
        wait_for_end(stop_fd, hangup_fd);
    if (!stop_asked(stop_fd))
        return code;
    log_event(LOG_INFO, "server.stopping");
    app_close(app);
    log_event(LOG_INFO, "server.stopped");
    return APP_OK;
}

static const struct command serve;

static int run_serve(int argc, char **argv)
{
    AUTO_CLI struct cli cli = {0};
    struct serve_options o = {0};
    (void)command_read(&serve, argc, argv, &cli, &o);
    struct conf *conf = cli_load_conf(cli.config);
    if (!conf)
        return APP_CONFIGURATION;
    log_setup(conf->log.level, conf->log.format);
    int code = open_and_serve(conf, o.init);
    conf_free(conf);
    return code;
}

static const struct command_verb serve_verbs[] = {
    {.summary = "Serves in the foreground until SIGINT or SIGTERM; SIGHUP is ignored.",
     .help = "Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 database, 5 listen."},
};
static const struct command_option serve_options[] = {
    {"init", EVERY_VERB, NULL,
     "first make what a new server needs: schema, keys, first room, admin",
     MEMBER(struct serve_options, init)},
};
static const struct command serve = {
    .name = "serve",
    .summary = "serve in the foreground (serve --init: first start)",
    .run = run_serve,
    .verbs = serve_verbs,
    .verb_count = COUNT_OF(serve_verbs),
    .options = serve_options,
    .option_count = COUNT_OF(serve_options),
};

static const struct command *find_command(const char *name)
{
    if (strcmp(name, serve.name) == 0)
        return &serve;
    for (const struct command *const *c = cli_commands; *c; c++)
        if (strcmp(name, (*c)->name) == 0)
            return *c;
    return NULL;
}

static void print_help(FILE *out)
{
    (void)fprintf(out, "Usage: conclave COMMAND [ARGUMENTS]\n"
                       "A server for Session communities and attachments, reached only through "
                       "onion requests.\n\n");
    (void)fprintf(out, "  %-10s %s\n", serve.name, serve.summary);
    for (const struct command *const *c = cli_commands; *c; c++)
        (void)fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->summary);
    (void)fprintf(out,
                  "\n`conclave COMMAND --help` says more. Settings: docs/configuration.md, or\n"
                  "`conclave check --defaults`.\n");
}

/* What stands alone: 0 when nothing follows it. */
static int expect_end(int argc, char **argv)
{
    if (argc <= 2)
        return APP_OK;
    (void)fputs("conclave: unexpected argument: ", stderr);
    terminal_put(stderr, span_of_text(argv[2]));
    (void)fprintf(stderr, "; %s stands alone\n", argv[1]);
    return APP_USAGE;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        int code = expect_end(argc, argv);
        if (code == APP_OK)
            print_help(argc > 1 ? stdout : stderr);
        return argc > 1 ? code : APP_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        int code = expect_end(argc, argv);
        if (code == APP_OK)
            puts("conclave " CONCLAVE_VERSION);
        return code;
    }
    const struct command *command = find_command(name);
    if (command)
        return command->run(argc - 1, argv + 1);
    (void)fputs("conclave: there is no command '", stderr);
    terminal_put(stderr, span_of_text(name));
    (void)fputs("'; see conclave --help\n", stderr);
    return APP_USAGE;
}
