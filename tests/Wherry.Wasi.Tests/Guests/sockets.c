// Calls the socket extension as guests do: each function by the name and type that it is imported by, V1 and V2.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

typedef struct { void *data; uint32_t length; } buffer;

IMPORT("sock_open") uint32_t sock_open(uint32_t family, uint32_t type, uint32_t *result);
IMPORT("sock_bind") uint32_t sock_bind(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_listen") uint32_t sock_listen(uint32_t fd, uint32_t backlog);
IMPORT("sock_accept") uint32_t sock_accept(uint32_t fd, uint32_t *result);
IMPORT("sock_accept") uint32_t sock_accept_flags(uint32_t fd, uint32_t flags, uint32_t *result);
IMPORT("sock_connect") uint32_t sock_connect(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_recv") uint32_t sock_recv(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_recv_from") uint32_t sock_recv_from(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t flags, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_recv_from") uint32_t sock_recv_from_port(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t flags, uint32_t *port, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_send") uint32_t sock_send(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *sent);
IMPORT("sock_send_to") uint32_t sock_send_to(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t port, uint32_t flags, uint32_t *sent);
IMPORT("sock_shutdown") uint32_t sock_shutdown(uint32_t fd, uint32_t how);
IMPORT("sock_getsockopt") uint32_t sock_getsockopt(uint32_t fd, uint32_t level, uint32_t name, void *value, uint32_t *size);
IMPORT("sock_setsockopt") uint32_t sock_setsockopt(uint32_t fd, uint32_t level, uint32_t name, const void *value, uint32_t size);
IMPORT("sock_getlocaladdr") uint32_t sock_getlocaladdr(uint32_t fd, buffer *address, uint32_t *type, uint32_t *port);
IMPORT("sock_getlocaladdr") uint32_t sock_getlocaladdr_family(uint32_t fd, buffer *address, uint32_t *port);
IMPORT("sock_getpeeraddr") uint32_t sock_getpeeraddr(uint32_t fd, buffer *address, uint32_t *type, uint32_t *port);
IMPORT("sock_getpeeraddr") uint32_t sock_getpeeraddr_family(uint32_t fd, buffer *address, uint32_t *port);
IMPORT("sock_getaddrinfo") uint32_t sock_getaddrinfo(const char *node, uint32_t node_length, const char *service, uint32_t service_length, void *hints, void *result, uint32_t maximum, uint32_t *count);
IMPORT("epoll_oneoff") uint32_t epoll_oneoff(const void *subscriptions, void *events, uint32_t count, uint32_t *event_count);
IMPORT("fd_close") uint32_t fd_close(uint32_t fd);

// The same functions by their newer names.
IMPORT("sock_open_v2") uint32_t sock_open_v2(uint32_t family, uint32_t type, uint32_t *result);
IMPORT("sock_bind_v2") uint32_t sock_bind_v2(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_listen_v2") uint32_t sock_listen_v2(uint32_t fd, uint32_t backlog);
IMPORT("sock_accept_v2") uint32_t sock_accept_v2(uint32_t fd, uint32_t flags, uint32_t *result);
IMPORT("sock_connect_v2") uint32_t sock_connect_v2(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_recv_v2") uint32_t sock_recv_v2(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_recv_from_v2") uint32_t sock_recv_from_v2(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t flags, uint32_t *port, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_send_v2") uint32_t sock_send_v2(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *sent);
IMPORT("sock_send_to_v2") uint32_t sock_send_to_v2(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t port, uint32_t flags, uint32_t *sent);
IMPORT("sock_getlocaladdr_v2") uint32_t sock_getlocaladdr_v2(uint32_t fd, buffer *address, uint32_t *port);
IMPORT("sock_getpeeraddr_v2") uint32_t sock_getpeeraddr_v2(uint32_t fd, buffer *address, uint32_t *port);

static void check(const char *what, uint32_t is, uint32_t expected)
{
    if (is != expected)
    {
        printf("%s: %u instead of %u\n", what, (unsigned)is, (unsigned)expected);
        exit(1);
    }
}

static uint8_t loopback[4] = {127, 0, 0, 1};
static buffer address = {loopback, 4};

// Connects two sockets of the guest with each other: a blocking connect succeeds as soon as the queue has room.
static void stream(void)
{
    uint32_t listener, client, server, port, type, size = 4, sent, received;
    uint16_t flags;
    int value = 1;
    uint8_t bytes[128];
    buffer bare = {bytes, 16}, storage = {bytes, 128};
    check("open", sock_open(1, 2, &listener), 0);
    check("setsockopt", sock_setsockopt(listener, 0, 0, &value, 4), 0);
    check("bind", sock_bind(listener, &address, 0), 0);
    check("listen", sock_listen(listener, 10), 0);
    check("getlocaladdr", sock_getlocaladdr(listener, &bare, &type, &port), 0);
    check("type", type, 4);
    check("open_v2", sock_open_v2(1, 2, &client), 0);
    check("connect", sock_connect(client, &address, port), 0);
    check("accept", sock_accept(listener, &server), 0);
    char text[] = "over the wire";
    buffer part = {text, 13};
    check("send", sock_send(client, &part, 1, 0, &sent), 0);
    check("sent", sent, 13);
    char got[20] = {0};
    buffer into[2] = {{got, 5}, {got + 5, 15}};
    check("recv", sock_recv(server, into, 2, 0, &received, &flags), 0);
    check("received", received, 13);
    check("text", memcmp(got, text, 13), 0);
    uint32_t peer_port, local_port;
    check("getpeeraddr", sock_getpeeraddr(server, &bare, &type, &peer_port), 0);
    check("getlocaladdr", sock_getlocaladdr_family(client, &storage, &local_port), 0);
    check("ports", peer_port, local_port);
    check("family", bytes[0], 1);
    check("getpeeraddr", sock_getpeeraddr_family(server, &storage, &peer_port), 0);
    check("getsockopt", sock_getsockopt(client, 0, 1, &value, &size), 0);
    check("is a stream", value, 2);
    check("shutdown", sock_shutdown(client, 3), 0);
    check("recv at the end", sock_recv_v2(server, into, 2, 0, &received, &flags), 0);
    check("end", received, 0);
    check("close", fd_close(client), 0);
    check("close", fd_close(server), 0);

    check("open_v2", sock_open_v2(1, 2, &client), 0);
    check("connect_v2", sock_connect_v2(client, &address, port), 0);
    check("accept_v2", sock_accept_v2(listener, 4, &server), 0);
    check("recv that would wait", sock_recv_v2(server, into, 2, 0, &received, &flags), 6);
    check("send_v2", sock_send_v2(client, &part, 1, 0, &sent), 0);
    struct { uint64_t user; uint8_t tag; uint8_t padding[7]; uint32_t fd; uint8_t rest[28]; } subscription = {.user = 7, .tag = 1, .fd = server};
    struct { uint64_t user; uint16_t error; uint8_t type; uint64_t bytes; uint16_t flags; } event;
    uint32_t events = 0;
    check("subscription", sizeof subscription, 48);
    check("event", sizeof event, 32);
    check("epoll_oneoff", epoll_oneoff(&subscription, &event, 1, &events), 0);
    check("events", events, 1);
    check("user data", (uint32_t)event.user, 7);
    check("getpeeraddr_v2", sock_getpeeraddr_v2(server, &storage, &peer_port), 0);
    check("getlocaladdr_v2", sock_getlocaladdr_v2(client, &storage, &local_port), 0);
    check("ports", peer_port, local_port);
    uint32_t third, fourth;
    check("open", sock_open(1, 2, &third), 0);
    check("connect", sock_connect(third, &address, port), 0);
    check("accept with flags", sock_accept_flags(listener, 0, &fourth), 0);
}

static void datagram(void)
{
    uint32_t one, two, port, type, sent, received;
    uint16_t flags;
    uint8_t bytes[128];
    buffer bare = {bytes, 16}, storage = {bytes, 128};
    check("open", sock_open_v2(1, 1, &one), 0);
    check("bind_v2", sock_bind_v2(one, &address, 0), 0);
    check("listen_v2", sock_listen_v2(one, 1), 58);
    check("getlocaladdr", sock_getlocaladdr(one, &bare, &type, &port), 0);
    check("open", sock_open(1, 1, &two), 0);
    buffer part = {"abc", 3};
    check("send_to", sock_send_to(two, &part, 1, &address, port, 0, &sent), 0);
    check("send_to_v2", sock_send_to_v2(two, &part, 1, &address, port, 0, &sent), 0);
    check("send_to", sock_send_to(two, &part, 1, &address, port, 0, &sent), 0);
    uint32_t local_port, peer_port = 0;
    check("getlocaladdr", sock_getlocaladdr(two, &bare, &type, &local_port), 0);
    char got[20];
    buffer into = {got, 20};
    check("recv_from", sock_recv_from(one, &into, 1, &bare, 0, &received, &flags), 0);
    check("received", received, 3);
    check("sender", memcmp(bytes, loopback, 4), 0);
    check("recv_from", sock_recv_from_port(one, &into, 1, &storage, 0, &peer_port, &received, &flags), 0);
    check("sender's port", peer_port, local_port);
    check("sender's family", bytes[0], 1);
    check("sender", memcmp(bytes + 2, loopback, 4), 0);
    check("recv_from_v2", sock_recv_from_v2(one, &into, 1, &storage, 0, &peer_port, &received, &flags), 0);
    check("sender's port", peer_port, local_port);
}

typedef struct { uint8_t family; uint32_t length; uint8_t *data; } socket_address;
typedef struct address_info { uint16_t flags; uint8_t family, type, protocol; uint32_t length; socket_address *address; char *name; uint32_t name_length; struct address_info *next; } address_info;

static void names(void)
{
    uint8_t data[2][26];
    socket_address parts[2] = {{0, 14, data[0]}, {0, 14, data[1]}};
    address_info nodes[2] = {{.address = &parts[0], .next = &nodes[1]}, {.address = &parts[1]}}, hints = {.type = 2}, *head = nodes;
    uint32_t count;
    check("node", sizeof(address_info), 28);
    check("getaddrinfo", sock_getaddrinfo("localhost", 10, "8080", 5, &hints, &head, 2, &count), 0);
    check("count", count, 2);
    check("family", nodes[0].family, 1);
    check("length", parts[0].length, 14);
    check("port", data[0][0] * 256 + data[0][1], 8080);
    check("address", memcmp(data[0] + 2, loopback, 4), 0);
    check("family", nodes[1].family, 2);
    check("address", data[1][21], 1);
}

int main(void)
{
    stream();
    datagram();
    names();
    puts("all is well");
    return 0;
}
