/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave: one binary, a table of commands. `serve` stands here because it needs everything; the others are in cli/.
 */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/log.h"
#include "cli/cli.h"
#include "conf/conf.h"

enum { TITLE_MAX_BYTES = 32 };

struct serve_arguments {
    const char *config;
    bool init;
};

static error_t parse_serve(int key, char *arg, struct argp_state *state)
{
    struct serve_arguments *arguments = state->input;
    switch (key) {
    case 'c':
        arguments->config = arg;
        return 0;
    case 'i':
        arguments->init = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument: %s", arg);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option serve_options[] = {
    {"config", 'c', "FILE", 0, "settings file (else CONCLAVE_CONFIG, else only the environment)",
     0},
    {"init", 'i', NULL, 0, "first make what a new server needs: schema, keys, first room, admin",
     0},
    {0},
};
static const struct argp serve_argp = {
    serve_options,
    parse_serve,
    NULL,
    "Serves in the foreground until SIGINT or SIGTERM.\v"
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 database, 5 listen.",
    NULL,
    NULL,
    NULL};

/* SIGINT and SIGTERM are waited for, not handled: blocked here, before threads inherit the mask. */
static void block_signals(sigset_t *ret_signals)
{
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGINT);
    sigaddset(ret_signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static int serve(int argc, char **argv)
{
    struct serve_arguments arguments = {0};
    sigset_t signals;
    argp_err_exit_status = APP_USAGE;
    if (argp_parse(&serve_argp, argc, argv, 0, NULL, &arguments) != 0)
        return APP_USAGE;
    struct conf *conf = cli_load_conf(arguments.config);
    if (!conf)
        return APP_CONFIGURATION;
    log_setup(conf->log.level, conf->log.format);
    block_signals(&signals);
    struct app *app = NULL;
    int code = (int)app_open(conf, arguments.init, &app);
    if (code == APP_OK) {
        int signal_number = 0;
        (void)sigwait(&signals, &signal_number);
        log_event(LOG_INFO, "server.stopping");
        app_close(app);
        log_event(LOG_INFO, "server.stopped");
    }
    conf_free(conf);
    return code;
}

static const struct command serve_command = {"serve", serve,
                                             "serve in the foreground (serve --init: first start)"};

static const struct command *find_command(const char *name)
{
    if (strcmp(name, serve_command.name) == 0)
        return &serve_command;
    for (const struct command *c = cli_commands; c->name; c++)
        if (strcmp(name, c->name) == 0)
            return c;
    return NULL;
}

static void print_help(FILE *out)
{
    (void)fprintf(out, "Usage: conclave COMMAND [ARGUMENTS]\n"
                       "A server for Session communities and attachments, reached only through "
                       "onion requests.\n\n");
    (void)fprintf(out, "  %-10s %s\n", serve_command.name, serve_command.summary);
    for (const struct command *c = cli_commands; c->name; c++)
        (void)fprintf(out, "  %-10s %s\n", c->name, c->summary);
    (void)fprintf(out,
                  "\n`conclave COMMAND --help` says more. Settings: docs/configuration.md, or\n"
                  "`conclave check --defaults`.\n");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(argc > 1 ? stdout : stderr);
        return argc > 1 ? APP_OK : APP_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        puts("conclave " CONCLAVE_VERSION);
        return APP_OK;
    }
    const struct command *command = find_command(name);
    if (command) {
        /* What --help and complaints call it. */
        char title[TITLE_MAX_BYTES];
        (void)snprintf(title, sizeof(title), "conclave %s", command->name);
        argv[1] = title;
        return command->run(argc - 1, argv + 1);
    }
    (void)fprintf(stderr, "conclave: there is no command '%s'; see conclave --help\n", name);
    return APP_USAGE;
}
