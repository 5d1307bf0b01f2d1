/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a server that a request passes on its way, without rooms and people.
 */
#include "integration/exchange_fixture.h"

#include <stdio.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "db/db.h"

/* Everybody is anonymous here. */
static bool authenticate(struct call *call)
{
    return !call->who.known;
}

static bool claim(struct call *call)
{
    return !call->who.known;
}

static enum err admit(struct call *call, enum access access)
{
    return call->room == NULL && access == ACCESS_PUBLIC ? OK : ERR_DEFECT;
}

static void release(struct call *call)
{
    call->room = NULL;
}

static bool open_lanes(struct exchange_fixture *f)
{
    const struct db_options db = {.url = f->world.database_url,
                                  .origin = DB_REQUEST,
                                  .metrics = f->metrics,
                                  .statement_timeout_ms = 5000,
                                  .lock_timeout_ms = 1000};
    struct lane_options general = {.name = "general",
                                   .workers = EXCHANGE_WORKERS,
                                   .queue_max = 1000,
                                   .age_max_ms = 8 * SECOND_MS,
                                   .share_percent = 25,
                                   .keep_one = true,
                                   .db = &db,
                                   .metrics = f->metrics,
                                   .queue_metric = METRIC_QUEUE_GENERAL};
    struct lane_options upload = general;
    upload.name = "upload";
    upload.queue_metric = METRIC_QUEUE_UPLOAD;
    return lane_new(&general, &f->general) == OK && lane_new(&upload, &f->upload) == OK;
}

bool exchange_fixture_listen(struct exchange_fixture *f)
{
    f->conf.server.listen =
        (struct conf_address){.kind = CONF_ADDRESS_TCP, .text = "", .host = "127.0.0.1", .port = 0};
    f->conf.server.max_body_bytes = MIB(16);
    f->dispatcher = (struct dispatcher){.routes = f->routes,
                                        .route_count = f->route_count,
                                        .authenticate = authenticate,
                                        .claim = claim,
                                        .admit = admit,
                                        .release = release};
    f->services = (struct services){
        .conf = &f->conf, .keys = &f->keys, .dispatcher = &f->dispatcher, .metrics = f->metrics};
    struct listener_options options = {
        .services = &f->services, .budget = f->budget, .general = f->general, .upload = f->upload};
    return listener_open(&options, &f->listener) == OK;
}

bool exchange_fixture_close(struct exchange_fixture *f)
{
    listener_close(f->listener);
    lane_free(f->upload);
    lane_free(f->general);
    budget_free(f->budget);
    server_keys_close(&f->keys);
    metrics_free(f->metrics);
    return world_close(&f->world);
}

bool exchange_fixture_open(struct exchange_fixture *f)
{
    static const struct world_options options = {.no_fsync = true};
    uint8_t raw[32];
    crypto_random(raw, sizeof(raw));
    f->metrics = metrics_new();
    if (world_prepare(&f->world, &options) != OK || world_start_database(&f->world) != OK) {
        print_error("%s\n", f->world.trouble);
        return false;
    }
    if (server_keys_open(raw, &f->keys) != OK || budget_new(MIB(64), f->metrics, &f->budget) != OK)
        return false;
    return open_lanes(f) && exchange_fixture_listen(f);
}

struct server_link *exchange_link(const struct exchange_fixture *f, struct way way)
{
    struct server_link_options options = {.key = f->keys.pub, .version = way.version};
    (void)snprintf(options.url.at.host, sizeof(options.url.at.host), "127.0.0.1");
    options.url.at.port = listener_port(f->listener);
    options.style.cipher = way.cipher;
    options.style.enc_type = layer_cipher_name(way.cipher);
    struct server_link *link = NULL;
    assert_int_equal(server_link_open(&options, &link), OK);
    return link;
}
