/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the relay's listener answers, with real sockets on loopback. The destination here is a
 * listener that keeps the last body and answers as told; the real server's turn comes in the
 * integration tests. test_relay_hop.c has the decisions of one hop.
 */
#include "relay_requests.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <unistd.h>

#include "client/http_client.h"
#include "client/onion_client.h"
#include "network/relay.h"

enum { BIG = 1 << 21, SHORT_MS = 300, LONG_MS = 10000 };

/*
 * --- The listener
 * ---------------------------------------------------------------------------------------------------
 */

/* Where paths end in these tests. */
struct destination {
    struct MHD_Daemon *daemon;
    uint16_t port;
    pthread_mutex_t lock; /* guards the rest */
    struct buf body;
    char path[64];
    char content_type[64];
    unsigned status;
    unsigned delay_ms;
    struct buf reply;
};

static enum MHD_Result destination_handle(void *cls, struct MHD_Connection *con, const char *path,
                                          const char *method, const char *version, const char *data,
                                          size_t *data_len, void **request)
{
    struct destination *d = cls;
    (void)method;
    (void)version;
    if (*request == NULL) {
        const char *type = MHD_lookup_connection_value(con, MHD_HEADER_KIND, "Content-Type");
        *request = d;
        (void)pthread_mutex_lock(&d->lock);
        buf_reset(&d->body);
        (void)snprintf(d->path, sizeof(d->path), "%s", path);
        (void)snprintf(d->content_type, sizeof(d->content_type), "%s", type != NULL ? type : "");
        (void)pthread_mutex_unlock(&d->lock);
        return MHD_YES;
    }
    if (*data_len > 0) {
        buf_put(&d->body, span_of(data, *data_len));
        *data_len = 0;
        return MHD_YES;
    }
    (void)usleep(d->delay_ms * 1000);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(d->reply.len, d->reply.p, MHD_RESPMEM_MUST_COPY);
    (void)MHD_add_response_header(r, "Location", "http://127.0.0.1:1/elsewhere");
    enum MHD_Result queued = MHD_queue_response(con, d->status, r);
    MHD_destroy_response(r);
    return queued;
}

static void destination_open(struct destination *d)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *d = (struct destination){.body = buf_make(HOP_BODY_MAX_BYTES),
                              .reply = buf_make(2 * HOP_BODY_MAX_BYTES)};
    d->status = 200;
    (void)pthread_mutex_init(&d->lock, NULL);
    d->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0,
                                 NULL, NULL, destination_handle, d, MHD_OPTION_SOCK_ADDR, &at,
                                 MHD_OPTION_CONNECTION_TIMEOUT, 10U, MHD_OPTION_END);
    assert_non_null(d->daemon);
    d->port = MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void destination_close(struct destination *d)
{
    MHD_stop_daemon(d->daemon);
    buf_done(&d->body);
    buf_done(&d->reply);
    (void)pthread_mutex_destroy(&d->lock);
}

/* Three relays that know each other, and a destination. */
struct network {
    struct relay *relays[3];
    struct node nodes[3];
    struct destination server;
    char peers[64];
};

static void network_open(struct network *n, int server_timeout_ms, int node_timeout_ms)
{
    struct relay_options options = {.server_timeout_ms = server_timeout_ms,
                                    .node_timeout_ms = node_timeout_ms};
    *n = (struct network){0};
    (void)snprintf(n->peers, sizeof(n->peers), "/tmp/conclave-peers-XXXXXX");
    int fd = mkstemp(n->peers);
    assert_true(fd >= 0);
    options.peers_path = n->peers;
    assert_int_equal(address_read(SPAN("127.0.0.1:0"), &options.listen), OK);
    for (size_t i = 0; i < 3; i++) {
        options.keys = random_keys();
        assert_int_equal(relay_open(&options, &n->relays[i]), OK);
        n->nodes[i] = relay_node(n->relays[i]);
        assert_true(dprintf(fd, "%s\n", node_write(&n->nodes[i]).s) > 0);
    }
    assert_int_equal(close(fd), 0);
    destination_open(&n->server);
}

static void network_close(struct network *n)
{
    for (size_t i = 0; i < 3; i++)
        relay_close(n->relays[i]);
    destination_close(&n->server);
    assert_int_equal(unlink(n->peers), 0);
}

/* Posts a body to a node; the reply's memory is the client's. */
static struct http_reply post_to(struct http_client **ret_client, const struct node *node,
                                 const char *path, struct span body)
{
    struct http_target target = {.at = node->at, .timeout_ms = 10000, .max_reply_bytes = BIG * 8};
    struct http_reply reply = {0};
    *ret_client = http_client_new(&target);
    assert_non_null(*ret_client);
    assert_int_equal(http_client_post(*ret_client, path, body, &reply), OK);
    return reply;
}

static void assert_reply(struct http_reply reply, int status, const char *text)
{
    assert_int_equal(reply.status, status);
    assert_span_equal(reply.body, span_of_text(text));
}

/* A request through hops to the destination of n, to be posted to hops[0]. */
static struct buf wrapped(const struct network *n, const struct onion_path *path,
                          struct onion_secret *ret_secret, struct span plain)
{
    struct onion_destination to = {.target = "/oxen/v4/lsrpc",
                                   .url.at = {"127.0.0.1", n->server.port}};
    struct onion_style style = {LAYER_XCHACHA20, "xchacha20"};
    struct layer_pair server = layer_pair_random();
    struct buf body = buf_make(2 * HOP_BODY_MAX_BYTES);
    to.key = server.pub;
    assert_int_equal(onion_client_wrap(path, &to, &style, plain, NULL, &body, ret_secret), OK);
    return body;
}

static void
relay__three_of_them__carry_the_innermost_frame_unchanged_and_the_reply_verbatim(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct onion_secret secret;
    struct frame inner AUTO_FRAME = {0};
    (void)state;
    network_open(&n, LONG_MS, LONG_MS);
    struct onion_path path = {n.nodes, 3};
    struct buf body AUTO_BUF = wrapped(&n, &path, &secret, SPAN("hello"));
    buf_put(&n.server.reply, SPAN("any\0bytes\xff"));
    assert_span_equal(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&body)).body,
                      SPAN("any\0bytes\xff"));
    http_client_free(c);
    /* What arrived is a frame with the route that the last hop read. */
    assert_string_equal(n.server.path, "/oxen/v4/lsrpc");
    assert_string_equal(n.server.content_type, "application/octet-stream");
    assert_int_equal(frame_read(buf_span(&n.server.body), &inner), OK);
    assert_string_equal(vectors_text(inner.route, "host"), "127.0.0.1");
    assert_int_equal(vectors_int(inner.route, "port"), n.server.port);
    assert_int_equal(inner.sealed.len, 5 + 24 + 16);
    network_close(&n);
}

static void
relay__server_status_and_body__come_back_verbatim_and_redirects_are_not_followed(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct onion_secret secret;
    (void)state;
    network_open(&n, LONG_MS, LONG_MS);
    struct onion_path path = {n.nodes, 3};
    struct buf body AUTO_BUF = wrapped(&n, &path, &secret, SPAN("hello"));
    static const unsigned statuses[] = {400, 404, 502, 302};
    buf_put(&n.server.reply, SPAN("its own words"));
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        n.server.status = statuses[i];
        assert_reply(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&body)), (int)statuses[i],
                     "its own words");
        http_client_free(c);
    }
    network_close(&n);
}

static void relay__unknown_and_unreachable_nodes__are_named_in_a_502(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct onion_secret secret;
    struct node hops[2];
    char text[128];
    (void)state;
    network_open(&n, LONG_MS, LONG_MS);
    hops[0] = n.nodes[0];
    hops[1] = n.nodes[1];
    struct hop_keys stranger = random_keys();
    hops[1].ed = stranger.ed;
    struct onion_path path = {hops, 2};
    struct buf body AUTO_BUF = wrapped(&n, &path, &secret, SPAN("x"));
    (void)snprintf(text, sizeof(text), "Next node not found: %.64s", node_write(&hops[1]).s);
    assert_reply(post_to(&c, &hops[0], "/onion_req/v2", buf_span(&body)), 502, text);
    http_client_free(c);
    /* A node of the list that is gone. */
    relay_close(n.relays[2]);
    n.relays[2] = NULL;
    hops[1] = n.nodes[2];
    struct buf gone AUTO_BUF = wrapped(&n, &path, &secret, SPAN("x"));
    (void)snprintf(text, sizeof(text), "Next node is currently unreachable: %.64s",
                   node_write(&hops[1]).s);
    assert_reply(post_to(&c, &hops[0], "/onion_req/v2", buf_span(&gone)), 502, text);
    http_client_free(c);
    network_close(&n);
}

static void relay__server_that_is_away_or_slow__is_502_or_504(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct onion_secret secret;
    (void)state;
    network_open(&n, SHORT_MS, LONG_MS);
    struct onion_path path = {n.nodes, 3};
    struct buf body AUTO_BUF = wrapped(&n, &path, &secret, SPAN("x"));
    n.server.delay_ms = 3 * SHORT_MS;
    assert_reply(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&body)), 504,
                 "Timeout was reached");
    http_client_free(c);
    uint16_t port = n.server.port;
    destination_close(&n.server);
    assert_reply(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&body)), 502,
                 "Couldn't connect to server");
    http_client_free(c);
    destination_open(&n.server);
    assert_int_not_equal(port, 0);
    network_close(&n);
}

static void relay__node_that_is_slow__is_504(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct onion_secret secret;
    struct node hops[2];
    (void)state;
    network_open(&n, LONG_MS, SHORT_MS);
    /* The destination listens under a node's name and does not answer in time. */
    hops[0] = n.nodes[0];
    struct hop_keys stranger = random_keys();
    hops[1] = (struct node){.ed = stranger.ed, .x = stranger.x, .at = {"127.0.0.1", n.server.port}};
    FILE *f = fopen(n.peers, "ae");
    assert_non_null(f);
    assert_true(fprintf(f, "%s\n", node_write(&hops[1]).s) > 0);
    assert_int_equal(fclose(f), 0);
    struct onion_path path = {hops, 2};
    struct buf body AUTO_BUF = wrapped(&n, &path, &secret, SPAN("x"));
    n.server.delay_ms = 3 * SHORT_MS;
    assert_reply(post_to(&c, &hops[0], "/onion_req/v2", buf_span(&body)), 504, "Request time out");
    http_client_free(c);
    network_close(&n);
}

static void relay__own_refusals__have_the_statuses_and_texts_of_the_table(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct aead_key key;
    (void)state;
    network_open(&n, LONG_MS, LONG_MS);
    assert_int_equal(post_to(&c, &n.nodes[0], "/onion_req/v2", SPAN("abc")).status, 400);
    http_client_free(c);
    assert_int_equal(post_to(&c, &n.nodes[0], "/onion_req/v2", (struct span){0}).status, 400);
    http_client_free(c);
    assert_int_equal(post_to(&c, &n.nodes[0], "/other", SPAN("abc")).status, 404);
    http_client_free(c);
    struct hop_keys other = random_keys();
    struct buf wrong AUTO_BUF = request_to(&other, LAYER_AES_GCM, "{}", 0, &key);
    assert_reply(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&wrong)), 400,
                 "Invalid ciphertext");
    http_client_free(c);
    network_close(&n);
}

static void relay__bodies_up_to_ten_mebibytes__pass_and_one_byte_more_is_413(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct onion_secret secret;
    (void)state;
    network_open(&n, LONG_MS, LONG_MS);
    struct onion_path path = {n.nodes, 1};
    struct buf empty AUTO_BUF = wrapped(&n, &path, &secret, (struct span){0});
    struct buf plain AUTO_BUF = buf_make(HOP_BODY_MAX_BYTES);
    assert_non_null(buf_reserve(&plain, HOP_BODY_MAX_BYTES - empty.len));
    memset(plain.p, 'x', HOP_BODY_MAX_BYTES - empty.len);
    buf_commit(&plain, HOP_BODY_MAX_BYTES - empty.len);
    struct buf full AUTO_BUF = wrapped(&n, &path, &secret, buf_span(&plain));
    assert_int_equal(full.len, HOP_BODY_MAX_BYTES);
    assert_int_equal(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&full)).status, 200);
    http_client_free(c);
    buf_put_byte(&full, ' ');
    assert_reply(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&full)), 413,
                 "Request body too large");
    http_client_free(c);
    network_close(&n);
}

static void relay__replies_up_to_ten_mebibytes__pass_and_one_byte_more_do_not(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct onion_secret secret;
    (void)state;
    network_open(&n, LONG_MS, LONG_MS);
    struct onion_path path = {n.nodes, 2};
    struct buf body AUTO_BUF = wrapped(&n, &path, &secret, SPAN("x"));
    assert_non_null(buf_reserve(&n.server.reply, HOP_BODY_MAX_BYTES + 1));
    memset(n.server.reply.p, 'r', HOP_BODY_MAX_BYTES + 1);
    buf_commit(&n.server.reply, HOP_BODY_MAX_BYTES);
    struct http_reply reply = post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&body));
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, HOP_BODY_MAX_BYTES);
    http_client_free(c);
    buf_commit(&n.server.reply, 1);
    assert_reply(post_to(&c, &n.nodes[0], "/onion_req/v2", buf_span(&body)), 502,
                 "Server's answer is too large");
    http_client_free(c);
    network_close(&n);
}

static void relay__https_server__is_said_to_be_unsupported(void **state)
{
    struct network n;
    struct http_client *c = NULL;
    struct aead_key key;
    struct relay_options options = {
        .keys = random_keys(), .server_timeout_ms = SHORT_MS, .node_timeout_ms = SHORT_MS};
    struct relay *relay = NULL;
    (void)state;
    network_open(&n, LONG_MS, LONG_MS);
    options.peers_path = n.peers;
    assert_int_equal(address_read(SPAN("127.0.0.1:0"), &options.listen), OK);
    assert_int_equal(relay_open(&options, &relay), OK);
    struct node node = relay_node(relay);
    struct buf body AUTO_BUF = request_to(
        &options.keys, LAYER_AES_CBC, "{\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc\"}", 0, &key);
    assert_reply(post_to(&c, &node, "/onion_req/v2", buf_span(&body)), 502,
                 "https is not supported by this test relay");
    http_client_free(c);
    relay_close(relay);
    network_close(&n);
}

static void relay__peers_file__is_checked_at_start(void **state)
{
    struct relay_options options = {.keys = random_keys(),
                                    .peers_path = "/tmp/conclave-no-such-file"};
    struct relay *relay = NULL;
    char path[] = "/tmp/conclave-peers-XXXXXX";
    (void)state;
    assert_int_equal(address_read(SPAN("127.0.0.1:0"), &options.listen), OK);
    assert_int_equal(relay_open(&options, &relay), ERR_MALFORMED);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    options.peers_path = path;
    assert_int_equal(relay_open(&options, &relay),
                     OK); /* empty: the last hop of a path needs nobody */
    relay_close(relay);
    assert_true(dprintf(fd, "# comment\n\nnot a node\n") > 0);
    assert_int_equal(relay_open(&options, &relay), ERR_MALFORMED);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            relay__three_of_them__carry_the_innermost_frame_unchanged_and_the_reply_verbatim),
        cmocka_unit_test(
            relay__server_status_and_body__come_back_verbatim_and_redirects_are_not_followed),
        cmocka_unit_test(relay__unknown_and_unreachable_nodes__are_named_in_a_502),
        cmocka_unit_test(relay__server_that_is_away_or_slow__is_502_or_504),
        cmocka_unit_test(relay__node_that_is_slow__is_504),
        cmocka_unit_test(relay__own_refusals__have_the_statuses_and_texts_of_the_table),
        cmocka_unit_test(relay__bodies_up_to_ten_mebibytes__pass_and_one_byte_more_is_413),
        cmocka_unit_test(relay__replies_up_to_ten_mebibytes__pass_and_one_byte_more_do_not),
        cmocka_unit_test(relay__https_server__is_said_to_be_unsupported),
        cmocka_unit_test(relay__peers_file__is_checked_at_start),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
