/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libmicrohttpd calls for each request of the public listener: which of the three paths,
 * header checks, admission, body, and queueing the reply. Inside http/ only.
 */
#ifndef CONCLAVE_HTTP_INTAKE_H
#define CONCLAVE_HTTP_INTAKE_H

#include <microhttpd.h>
#include <stdint.h>

struct host;
struct invite;
struct refusals;
struct watch;

/* The closure of all callbacks below. */
struct intake {
    struct host *host;
    struct refusals *refusals;
    struct invite *invite; /* NULL: [web] invite_page is off */
    struct watch *watch;
    uint64_t max_body_bytes;
};

/*
 * MHD_OPTION_NOTIFY_CONNECTION, MHD_OPTION_URI_LOG_CALLBACK, the access handler,
 * MHD_OPTION_NOTIFY_COMPLETED.
 */
void intake_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);
void *intake_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result intake_request(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **con_cls);
void intake_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                      enum MHD_RequestTerminationCode code);

#endif
