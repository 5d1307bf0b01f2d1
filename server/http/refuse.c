/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prepared refusals. The 404 is one response object for every method and path, so that its bytes
 * cannot differ.
 */
#include "http/refuse.h"

#include <microhttpd.h>

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "metrics/metrics.h"

struct refusal {
    unsigned status;
    enum metric counter;
    const char *text; /* a literal */
};

static const struct refusal table[] = {
    {MHD_HTTP_NOT_FOUND, METRIC_REFUSED_NOT_FOUND, ""},
    {MHD_HTTP_BAD_REQUEST, METRIC_REFUSED_UNDECRYPTABLE, ""},
    {MHD_HTTP_LENGTH_REQUIRED, METRIC_REFUSED_UNDECRYPTABLE, ""},
    {MHD_HTTP_CONTENT_TOO_LARGE, METRIC_REFUSED_TOO_LARGE, ""},
    /* The last: whatever else went wrong. */
    {MHD_HTTP_BAD_GATEWAY, METRIC_REFUSED_BUSY, "Bad Gateway"},
};

struct refusals {
    struct MHD_Response *responses[COUNT_OF(table)];
    struct metrics *metrics;
};

static struct MHD_Response *make(const char *text)
{
    /* libmicrohttpd does not write to persistent memory; its parameter merely lacks the const. */
    union {
        const char *in;
        void *out;
    } body = {.in = text};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), body.out, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return NULL;
    bool ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
    if (ok && text[0] != '\0')
        ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain") ==
             MHD_YES;
    if (ok)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

enum err refuse_new(struct metrics *metrics, struct refusals **ret_refusals)
{
    struct refusals *refusals = MEM_NEW(struct refusals);
    if (refusals == NULL)
        return ERR_NO_MEMORY;
    refusals->metrics = metrics;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        refusals->responses[i] = make(table[i].text);
        if (refusals->responses[i] == NULL) {
            refuse_free(refusals);
            return ERR_NO_MEMORY;
        }
    }
    *ret_refusals = refusals;
    return OK;
}

void refuse_free(struct refusals *refusals)
{
    if (refusals == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (refusals->responses[i] != NULL)
            MHD_destroy_response(refusals->responses[i]);
    mem_free(refusals);
}

int refuse_queue(const struct refusals *refusals, struct MHD_Connection *connection,
                 unsigned status)
{
    size_t i = 0;
    while (i + 1 < COUNT_OF(table) && table[i].status != status)
        i++;
    metrics_add(refusals->metrics, table[i].counter, 1);
    return (int)MHD_queue_response(connection, table[i].status, refusals->responses[i]);
}
