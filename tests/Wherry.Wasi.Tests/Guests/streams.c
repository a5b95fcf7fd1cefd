// Guests that connect to each other: "serve PORT" accepts one connection, sends back what it receives until the end and says how much that was; "ask NAME PORT" sends all kinds of lengths and checks what comes back; "wake NAME PORT" sends a byte
// and then computes for ever.
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
IMPORT("sock_connect") uint32_t sock_connect(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_recv") uint32_t sock_recv(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_send") uint32_t sock_send(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *sent);
IMPORT("sock_shutdown") uint32_t sock_shutdown(uint32_t fd, uint32_t how);
IMPORT("sock_getaddrinfo") uint32_t sock_getaddrinfo(const char *node, uint32_t node_length, const char *service, uint32_t service_length, void *hints, void *result, uint32_t maximum, uint32_t *count);

enum { WaitAll = 2, Sends = 1, Longest = 600000 };

static uint8_t sent_bytes[Longest], received_bytes[Longest];

static void check(const char *what, uint32_t is, uint32_t expected) {
    if (is != expected) {
        printf("%s: %u instead of %u\n", what, (unsigned)is, (unsigned)expected);
        exit(1);
    }
}

static void send_all(uint32_t fd, uint8_t *bytes, uint32_t length) {
    // In two parts, so that bounds lie everywhere.
    buffer parts[2] = {{bytes, length / 3}, {bytes + length / 3, length - length / 3}};
    uint32_t sent = 0;
    check("send", sock_send(fd, parts, 2, 0, &sent), 0);
    check("sent", sent, length);
}

static int serve(uint32_t port) {
    uint8_t any[4] = {0};
    buffer address = {any, 4};
    uint32_t listener, fd, total = 0, received;
    check("open", sock_open(1, 2, &listener), 0);
    check("bind", sock_bind(listener, &address, port), 0);
    check("listen", sock_listen(listener, 1), 0);
    puts("ready");
    fflush(stdout);
    check("accept", sock_accept(listener, &fd), 0);
    for (;;) {
        uint16_t flags;
        buffer part = {received_bytes, 50000};
        check("receive", sock_recv(fd, &part, 1, 0, &received, &flags), 0);
        if (!received) break;
        total += received;
        send_all(fd, received_bytes, received);
    }
    printf("%u bytes\n", (unsigned)total);
    return 0;
}

typedef struct { uint8_t family; uint32_t length; uint8_t *data; } socket_address;
typedef struct address_info { uint16_t flags; uint8_t family, type, protocol; uint32_t length; socket_address *address; char *name; uint32_t name_length; struct address_info *next; } address_info;

static uint32_t connect_to(const char *name, uint32_t port) {
    uint8_t data[26];
    socket_address found = {0, 14, data};
    address_info node = {.address = &found}, hints = {.family = 1}, *head = &node;
    uint32_t count, fd;
    check("getaddrinfo", sock_getaddrinfo(name, (uint32_t)strlen(name) + 1, "0", 2, &hints, &head, 1, &count), 0);
    buffer address = {data + 2, 4};
    check("open", sock_open(1, 2, &fd), 0);
    check("connect", sock_connect(fd, &address, port), 0);
    return fd;
}

static void round_trip(uint32_t fd, uint32_t length) {
    uint32_t received = 0;
    uint16_t flags;
    buffer part = {received_bytes, length};
    for (uint32_t i = 0; i < length; i++) sent_bytes[i] = (uint8_t)(i * 31 + length);
    send_all(fd, sent_bytes, length);
    check("receive", sock_recv(fd, &part, 1, WaitAll, &received, &flags), 0);
    check("received", received, length);
    check("the bytes", (uint32_t)memcmp(sent_bytes, received_bytes, length), 0);
}

static int ask(const char *name, uint32_t port) {
    uint32_t fd = connect_to(name, port), received = 1;
    uint16_t flags;
    buffer part = {received_bytes, 1};

    // No more than both directions hold together: the other side waits until what it sends is received.
    for (uint32_t length = 1; length < 200000; length = length * 5 / 3 + 1) round_trip(fd, length);
    for (uint32_t i = 0; i < 3000; i++) round_trip(fd, 64 + i % 7);
    check("shutdown", sock_shutdown(fd, Sends + 1), 0);
    check("receive the end", sock_recv(fd, &part, 1, 0, &received, &flags), 0);
    check("the end", received, 0);
    puts("all is well");
    return 0;
}

static int wake(const char *name, uint32_t port) {
    uint32_t fd = connect_to(name, port);
    send_all(fd, sent_bytes, 1);
    check("shutdown", sock_shutdown(fd, Sends + 1), 0);
    puts("sent");
    fflush(stdout);
    for (volatile uint32_t i = 0;; i++)
        ;
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "serve")) return serve((uint32_t)atoi(argv[2]));
    if (argc == 4 && !strcmp(argv[1], "ask")) return ask(argv[2], (uint32_t)atoi(argv[3]));
    if (argc == 4 && !strcmp(argv[1], "wake")) return wake(argv[2], (uint32_t)atoi(argv[3]));
    return 2;
}
