/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Composition: who gets what, in which order. Each step is a function that opens one thing; closing
 * runs the list backwards and skips what was not opened.
 */
#include "app.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "auth/access.h"
#include "auth/auth.h"
#include "base/arena.h"
#include "auth/recall.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cli/database.h"
#include "cli/init.h"
#include "cli/welcome.h"
#include "conf/conf.h"
#include "files/limits.h"
#include "http/listener.h"
#include "http/operator.h"
#include "jobs/jobs.h"
#include "metrics/metrics.h"
#include "router/dispatch.h"
#include "router/json_in.h"
#include "routes.h"
#include "sandbox/sandbox.h"
#include "state/state.h"
#include "store/files.h"
#include "store/ring.h"
#include "store/numbers.h"
#include "store/server.h"
#include "work/budget.h"
#include "work/disk.h"
#include "work/lanes.h"
#include "work/limits.h"
#include "work/shares.h"
#include "work/timestamps.h"
#include "writer/writer.h"

enum {
    GENERAL_QUEUE_MAX = 4096,
    GENERAL_STRANGERS_MAX = 1024,
    GENERAL_AGE_MAX_MS = 8 * SECOND_MS, /* docs/design.md, D14 */
    UPLOAD_QUEUE_MAX = 512,
    UPLOAD_STRANGERS_MAX =
        256, /* of them; all uploads to the file server are of those who do not sign */
    UPLOAD_AGE_MAX_MS = 18 * SECOND_MS,
    REQUEST_STATEMENT_TIMEOUT_MS = 10 * SECOND_MS,
    REQUEST_LOCK_TIMEOUT_MS = 3 * SECOND_MS,
    DISK_ARENA_BYTES = 64 * 1024,
    POSTED_LOG2 = 15,      /* 256 KB: ten minutes of fifty posts a second */
    SOCKET_PATH_MAX = 108, /* of a unix socket, with its NUL */
};

struct sandbox {
    unsigned landlock_abi; /* 0: not active */
};

struct app {
    const struct conf *conf;
    struct metrics *metrics;
    struct server_keys keys;
    struct ring *ring;
    struct state *state;
    struct timestamps *timestamps;
    struct writer *writer;
    struct auth *auth;
    struct recall *posted;
    struct files *files;
    struct disk *disk;
    struct budget *budget;
    struct shares *shares;
    struct limits *limits;
    struct lane *general, *upload;
    struct jobs *jobs;
    struct operator_listener *operators;
    struct listener *listener;
    struct dispatcher dispatcher;
    struct services services;
    int stop_fd;
    atomic_bool started; /* everything is open, and given up what is not needed (sandbox) */
};

/* A sentence for the operator on stderr. */
static enum app_exit fail(enum app_exit code, const char *sentence)
{
    (void)fprintf(stderr, "conclave: %s\n", sentence);
    return code;
}

/*
 * Nothing of a person may end up in a core file or in another process's debugger (docs/design.md,
 * D11).
 */
static void close_mouth(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/*
 * The folder of the operator's socket, or NULL; in the caller's memory of
 * sizeof(sockaddr_un.sun_path).
 */
static const char *socket_folder(const struct conf *conf, char folder[static SOCKET_PATH_MAX])
{
    if (conf->operators.listen.kind != CONF_ADDRESS_UNIX)
        return NULL;
    const char *path = conf->operators.listen.path;
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    (void)snprintf(folder, SOCKET_PATH_MAX, "%.*s", (int)len, path);
    return len == 0 ? "." : folder;
}

/* Before threads start; what init still had to write is written. */
static void give_up_files(const struct app *app, struct sandbox *ret_sandbox)
{
    char folder[SOCKET_PATH_MAX];
    if (app->conf->server.sandbox &&
        sandbox_files(socket_folder(app->conf, folder), &ret_sandbox->landlock_abi) != OK)
        ret_sandbox->landlock_abi = 0;
}

/*
 * When everything is open. A kernel that lacks a part is no reason not to serve, but the operator
 * should know.
 */
static void give_up_calls(const struct app *app, const struct sandbox *sandbox)
{
    if (!app->conf->server.sandbox) {
        log_event(LOG_WARN, "server.sandbox_off");
        return;
    }
    bool filtered = sandbox_calls() == OK;
    log_event(filtered && sandbox->landlock_abi > 0 ? LOG_INFO : LOG_WARN, "server.sandbox",
              LOG_U64("landlock", sandbox->landlock_abi), LOG_U64("seccomp", filtered));
}

static struct db_options request_db(const struct app *app)
{
    return (struct db_options){.url = app->conf->database.url,
                               .origin = DB_REQUEST,
                               .metrics = app->metrics,
                               .tables = store_statements,
                               .table_count = store_statement_count,
                               .opened = numbers_on_open,
                               .statement_timeout_ms = REQUEST_STATEMENT_TIMEOUT_MS,
                               .lock_timeout_ms = REQUEST_LOCK_TIMEOUT_MS};
}

/* An asynchronous standby that is promoted has lost what was acknowledged last. */
static enum err look_for_standbys(struct db *db)
{
    int64_t count = 0;
    enum err e = server_async_standbys(db, &count);
    if (e == OK && count > 0)
        log_event(LOG_WARN, "database.standby_not_synchronous", LOG_I64("standbys", count));
    return e;
}

static enum app_exit open_disk(struct app *app, struct db *db)
{
    AUTO_ARENA struct arena *mem = arena_new(DISK_ARENA_BYTES);
    struct disk_hints hints = {.socket_folder = db_socket_folder(db)};
    struct file_usage usage;
    if (mem == NULL)
        return fail(APP_FAILED, "not enough memory to start");
    enum err e = server_data_directory(db, mem, &hints.data_directory);
    if (e == OK || e == ERR_MISSING)
        e = files_usage(db, &usage);
    if (e == OK)
        hints.stored_bytes = files_total(&usage);
    if (e != OK)
        return fail(APP_DATABASE, "the database cannot be read");
    e = disk_new(app->conf, app->metrics, &hints, &app->disk);
    if (e == ERR_DENIED)
        return fail(APP_CONFIGURATION, "[files] free_space_path: its free space cannot be asked");
    return e == OK ? APP_OK : fail(APP_FAILED, "not enough memory to start");
}

static enum app_exit open_state(struct app *app)
{
    struct state_options options = {
        .conf = app->conf, .metrics = app->metrics, .ring = app->ring, .stop_fd = app->stop_fd};
    struct db_options refresh = request_db(app);
    refresh.origin = DB_REFRESH;
    refresh.stop_fd = app->stop_fd;
    struct db *db = NULL;
    enum err e = state_new(&options, &app->state);
    if (e == OK)
        e = db_new(&refresh, &db);
    if (e == OK)
        e = database_wait(db, app->stop_fd);
    if (e == OK)
        e = jobs_make_partitions(app->conf, db, clock_wall_ms());
    if (e == OK)
        e = state_load(app->state, db);
    if (e == OK)
        e = look_for_standbys(db);
    enum app_exit code = e == OK ? open_disk(app, db) : APP_OK;
    db_free(db);
    if (e == OK && code == APP_OK)
        e = state_start(app->state);
    if (e == OK || stop_asked(app->stop_fd))
        return e == OK ? code : APP_DATABASE;
    return fail(APP_DATABASE, "the state of the rooms cannot be read from the database");
}

static enum app_exit open_files(struct app *app)
{
    enum err e = files_new(app->conf, &app->files);
    if (e == ERR_MISSING)
        return fail(APP_FAILED, "libmagic's database of file types does not load: is the package "
                                "libmagic-mgc installed?");
    return e == OK ? APP_OK : fail(APP_FAILED, "not enough memory to start");
}

static enum app_exit open_fairness(struct app *app)
{
    unsigned processors = listener_threads();
    enum err e = shares_new(app->conf->limits.strangers_share_percent, processors, &app->shares);
    if (e == OK)
        e = limits_new(app->conf, &app->limits);
    return e == OK ? APP_OK : fail(APP_FAILED, "not enough memory to start");
}

/*
 * Before anything else that needs a connection while serving: without the writer there is no post.
 */
static enum app_exit open_writer(struct app *app)
{
    if (timestamps_new(&app->timestamps) != OK)
        return fail(APP_FAILED, "not enough memory to start");
    struct writer_options options = {.conf = app->conf,
                                     .metrics = app->metrics,
                                     .ring = app->ring,
                                     .state = app->state,
                                     .timestamps = app->timestamps};
    struct db_options db = request_db(app);
    db.origin = DB_WRITER;
    enum err e = db_new(&db, &options.db);
    if (e == OK)
        e = database_wait(options.db, app->stop_fd);
    if (e != OK) {
        db_free(options.db);
        return APP_DATABASE;
    }
    return writer_new(&options, &app->writer) == OK
               ? APP_OK
               : fail(APP_FAILED, "not enough memory or threads to start");
}

static enum app_exit open_work(struct app *app)
{
    struct db_options db = request_db(app);
    struct lane_options general = {.name = "general",
                                   .workers = app->conf->server.workers,
                                   .queue_max = GENERAL_QUEUE_MAX,
                                   .strangers_max = GENERAL_STRANGERS_MAX,
                                   .share_percent = app->conf->limits.strangers_share_percent,
                                   .keep_one = true,
                                   .shares = app->shares,
                                   .age_max_ms = GENERAL_AGE_MAX_MS,
                                   .db = &db,
                                   .metrics = app->metrics,
                                   .queue_metric = METRIC_QUEUE_GENERAL};
    struct lane_options upload = {.name = "upload",
                                  .workers = app->conf->server.upload_workers,
                                  .queue_max = UPLOAD_QUEUE_MAX,
                                  .strangers_max = UPLOAD_STRANGERS_MAX,
                                  .share_percent = app->conf->limits.strangers_share_percent,
                                  .age_max_ms = UPLOAD_AGE_MAX_MS,
                                  .db = &db,
                                  .metrics = app->metrics,
                                  .queue_metric = METRIC_QUEUE_UPLOAD};
    enum err e = budget_new(app->conf->memory.bodies_bytes, app->metrics, &app->budget);
    if (e == OK)
        e = lane_new(&general, &app->general);
    if (e == OK)
        e = lane_new(&upload, &app->upload);
    if (e == OK)
        e = auth_new(&app->auth);
    if (e == OK)
        e = recall_new(POSTED_LOG2, &app->posted);
    if (e == OK)
        e = jobs_start(app->conf, app->metrics, app->ring, app->stop_fd, &app->jobs);
    return e == OK ? APP_OK : fail(APP_FAILED, "not enough memory or threads to start");
}

static enum app_exit check_routes(struct app *app)
{
    app->dispatcher = (struct dispatcher){.routes = inner_routes,
                                          .route_count = inner_route_count,
                                          .authenticate = auth_authenticate,
                                          .welcome = auth_welcome,
                                          .claim = auth_claim,
                                          .forget = auth_forget,
                                          .admit = auth_admit,
                                          .release = auth_release,
                                          .is_stranger = auth_is_stranger};
    const char *bad = NULL;
    if (dispatch_check(&app->dispatcher, &bad) == OK)
        return APP_OK;
    (void)fprintf(stderr, "conclave: route %s is not fully declared\n", bad);
    return APP_FAILED;
}

/* ---- ready: would a request be served now, a write too? ---- */

static bool has_started(struct app *app, const char **ret_reason)
{
    (void)ret_reason;
    return atomic_load(&app->started);
}

static bool would_write(struct app *app, const char **ret_reason)
{
    enum db_reason reason = DB_WORKS;
    bool ready = writer_is_ready(app->writer, clock_mono_ms(), &reason);
    *ret_reason = db_reason_name(reason);
    return ready;
}

static bool has_worker(struct app *app, const char **ret_reason)
{
    *ret_reason = "no_connection";
    return lane_serves(app->general);
}

static bool has_upload_worker(struct app *app, const char **ret_reason)
{
    *ret_reason = "no_connection";
    return lane_serves(app->upload);
}

/* Whoever's clock is right is refused: its timestamps are too far from ours. */
static bool has_near_clock(struct app *app, const char **ret_reason)
{
    struct clock_reading clock = state_clock(app->state);
    *ret_reason = "wrong";
    return !clock_refuses_members(&clock);
}

static bool has_disk(struct app *app, const char **ret_reason)
{
    *ret_reason = "full";
    return disk_level(app->disk) != DISK_NO_POSTS;
}

static bool has_fresh_state(struct app *app, const char **ret_reason)
{
    *ret_reason = "outdated";
    return state_is_fresh(app->state, clock_mono_ms());
}

/*
 * The first that is not ready is named. False: *ret_reason says why, in one word, where there is
 * more than one reason.
 */
static const struct {
    const char *part;
    bool (*is_ready)(struct app *app, const char **ret_reason);
} readiness[] = {
    {"start", has_started},     {"database", would_write},
    {"workers", has_worker},    {"uploads", has_upload_worker},
    {"state", has_fresh_state}, {"clock", has_near_clock},
    {"disk", has_disk},
};

static bool is_ready(void *arg, struct operator_unready *ret_unready, struct buf *reasons)
{
    struct app *app = arg;
    if (atomic_load(&app->started)) {
        struct clock_reading clock = state_clock(app->state);
        clock_explain(&clock, reasons);
        disk_explain(app->disk, reasons);
    }
    for (size_t i = 0; i < COUNT_OF(readiness); i++) {
        struct operator_unready unready = {.part = readiness[i].part};
        if (!readiness[i].is_ready(app, &unready.reason)) {
            *ret_unready = unready;
            return false;
        }
    }
    return true;
}

/* Gauges that nobody else keeps up to date. */
static void measure(void *arg)
{
    const struct app *app = arg;
    (void)disk_level(app->disk);
}

static enum app_exit open_listeners(struct app *app)
{
    app->services = (struct services){.conf = app->conf,
                                      .keys = &app->keys,
                                      .dispatcher = &app->dispatcher,
                                      .metrics = app->metrics,
                                      .auth = app->auth,
                                      .state = app->state,
                                      .ring = app->ring,
                                      .writer = app->writer,
                                      .timestamps = app->timestamps,
                                      .posted = app->posted,
                                      .limits = app->limits,
                                      .files = app->files,
                                      .disk = app->disk};
    char key_hex[2 * sizeof(app->keys.pub.b)];
    hex_write(SPAN_OF_KEY(&app->keys.pub), key_hex);
    struct listener_options clients = {&app->services, app->budget,
                                       app->general,   app->upload,
                                       app->shares,    span_of(key_hex, sizeof(key_hex))};
    if (listener_open(&clients, &app->listener) != OK)
        return fail(APP_LISTEN,
                    "cannot listen on [server] listen: is another server running there?");
    struct operator_options options = {.listen = app->conf->operators.listen.text,
                                       .metrics = app->metrics,
                                       .ready = is_ready,
                                       .measure = measure,
                                       .arg = app};
    if (operator_open(&options, &app->operators) != OK)
        return fail(APP_LISTEN, "cannot listen on [operator] listen: is another server running "
                                "there, does its folder exist?");
    return APP_OK;
}

enum app_exit app_open(const struct conf *conf, bool init, int stop_fd, struct app **ret_app)
{
    close_mouth();
    json_in_start();
    struct app *app = MEM_NEW(struct app);
    if (!app || crypto_start() != OK)
        return fail(APP_FAILED, "libsodium does not start");
    app->conf = conf;
    app->stop_fd = stop_fd;
    app->metrics = metrics_new();
    if (app->metrics)
        metrics_set(app->metrics, METRIC_START_TIME, clock_wall_ms() / SECOND_MS);
    enum app_exit code = app->metrics ? check_routes(app) : fail(APP_FAILED, "not enough memory");
    if (code == APP_OK)
        code = (enum app_exit)init_server(conf, init, stop_fd, &app->keys, &app->ring);
    if (code == APP_OK)
        damage_report_to(ring_damage(app->ring), app->metrics);
    struct sandbox sandbox = {0};
    if (code == APP_OK)
        give_up_files(app, &sandbox);
    if (code == APP_OK)
        code = open_state(app);
    if (code == APP_OK)
        code = open_files(app);
    if (code == APP_OK)
        code = open_fairness(app);
    if (code == APP_OK)
        code = open_writer(app);
    if (code == APP_OK)
        code = open_work(app);
    if (code == APP_OK)
        code = open_listeners(app);
    if (code != APP_OK) {
        app_close(app);
        return code;
    }
    give_up_calls(app, &sandbox);
    atomic_store(&app->started, true);
    log_event(LOG_INFO, "server.ready", LOG_U64("port", listener_port(app->listener)));
    welcome_once(conf, &app->keys);
    *ret_app = app;
    return APP_OK;
}

void app_close(struct app *app)
{
    if (!app)
        return;
    listener_close(app->listener);
    operator_close(app->operators);
    jobs_stop(app->jobs);
    lane_free(app->upload);
    lane_free(app->general);
    shares_free(app->shares);
    limits_free(app->limits);
    writer_free(app->writer);
    timestamps_free(app->timestamps);
    recall_free(app->posted);
    if (app->state)
        state_stop(app->state);
    auth_free(app->auth);
    state_free(app->state);
    files_free(app->files);
    disk_free(app->disk);
    ring_free(app->ring);
    budget_free(app->budget);
    server_keys_close(&app->keys);
    metrics_free(app->metrics);
    mem_free(app);
}
