// Guests that send each other datagrams: "serve PORT WAY" answers, "ask NAME PORT WAY" asks and checks, "look-up NAME WAY" asks a DNS server at 127.0.0.11:53. WAY is block or poll.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

typedef struct { void *data; uint32_t length; } buffer;

IMPORT("sock_open") uint32_t sock_open(uint32_t family, uint32_t type, uint32_t *result);
IMPORT("sock_open_v2") uint32_t sock_open_v2(uint32_t family, uint32_t type, uint32_t *result);
IMPORT("sock_bind") uint32_t sock_bind(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_bind_v2") uint32_t sock_bind_v2(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_connect_v2") uint32_t sock_connect_v2(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_recv_v2") uint32_t sock_recv_v2(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_recv_from") uint32_t sock_recv_from(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t flags, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_recv_from_v2") uint32_t sock_recv_from_v2(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t flags, uint32_t *port, uint32_t *received, uint16_t *result_flags);
IMPORT("sock_send_v2") uint32_t sock_send_v2(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, uint32_t *sent);
IMPORT("sock_send_to") uint32_t sock_send_to(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t port, uint32_t flags, uint32_t *sent);
IMPORT("sock_send_to_v2") uint32_t sock_send_to_v2(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t port, uint32_t flags, uint32_t *sent);
IMPORT("sock_getlocaladdr_v2") uint32_t sock_getlocaladdr_v2(uint32_t fd, buffer *address, uint32_t *port);
IMPORT("sock_getpeeraddr_v2") uint32_t sock_getpeeraddr_v2(uint32_t fd, buffer *address, uint32_t *port);
IMPORT("sock_getaddrinfo") uint32_t sock_getaddrinfo(const char *node, uint32_t node_length, const char *service, uint32_t service_length, void *hints, void *result, uint32_t maximum, uint32_t *count);
IMPORT("poll_oneoff") uint32_t poll_oneoff(const void *subscriptions, void *events, uint32_t count, uint32_t *event_count);

enum { Again = 6, Refused = 14, NoAddress = 17, Room = 16 };

static int polls;

static void check(const char *what, uint32_t is, uint32_t expected) {
    if (is != expected) {
        printf("%s: %u instead of %u\n", what, (unsigned)is, (unsigned)expected);
        exit(1);
    }
}

static int is_ready(uint32_t fd, uint8_t type, uint64_t nanoseconds) {
    struct { uint64_t user; uint8_t tag; uint8_t padding[7]; uint32_t word; uint32_t more; uint64_t timeout, precision; uint16_t flags; } subscriptions[2] = {
        {.user = 1, .tag = type, .word = fd}, {.user = 2, .tag = 0, .word = 1, .timeout = nanoseconds}};
    struct { uint64_t user; uint16_t error; uint8_t type; uint64_t bytes; uint16_t flags; } events[2];
    uint32_t count = 0;
    check("subscription", sizeof subscriptions[0], 48);
    check("poll", poll_oneoff(subscriptions, events, 2, &count), 0);
    for (uint32_t i = 0; i < count; i++)
        if (events[i].user == 1) return 1;
    return 0;
}

static void wait_for(uint32_t fd) {
    while (polls && !is_ready(fd, 1, 1000000000))
        ;
}

static uint32_t open_datagram(void) {
    uint32_t fd;
    check("open", sock_open_v2(1, 1, &fd), 0);
    if (polls) check("set flags", (uint32_t)fcntl((int)fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static int serve(int port) {
    uint8_t any[4] = {0}, storage[128];
    buffer address = {any, 4}, sender = {storage, 128};
    uint32_t fd = open_datagram(), from = 0, received = 0, sent = 0;
    check("bind", sock_bind(fd, &address, (uint32_t)port), 0);
    puts("ready");
    fflush(stdout);
    for (;;) {
        char text[Room + 1] = {0}, answer[64];
        uint16_t flags = 0;
        buffer part = {text, Room};
        wait_for(fd);
        uint32_t error = sock_recv_from_v2(fd, &part, 1, &sender, 0, &from, &received, &flags);
        if (polls && error == Again) continue;
        check("receive", error, 0);
        if (!strcmp(text, "end")) return 0;
        buffer parts[2] = {{answer, (uint32_t)sprintf(answer, "%u %u ", (unsigned)received, flags)}, {text, received}};
        check("answer", sock_send_to_v2(fd, parts, 2, &sender, from, 0, &sent), 0);
    }
}

static void expect(uint32_t fd, const char *expected, buffer *server, uint32_t port) {
    char text[64] = {0};
    uint8_t storage[128];
    buffer part = {text, sizeof text - 1}, sender = {storage, 128};
    uint32_t from = 0, received = 0;
    uint16_t flags = 1;
    wait_for(fd);
    check("receive the answer", sock_recv_from_v2(fd, &part, 1, &sender, 0, &from, &received, &flags), 0);
    if (strcmp(text, expected)) {
        printf("\"%s\" instead of \"%s\"\n", text, expected);
        exit(1);
    }
    check("not cut", flags, 0);
    check("the sender's port", from, port);
    check("the sender", (uint32_t)memcmp(storage + 2, server->data, 4), 0);
}

typedef struct { uint8_t family; uint32_t length; uint8_t *data; } socket_address;
typedef struct address_info { uint16_t flags; uint8_t family, type, protocol; uint32_t length; socket_address *address; char *name; uint32_t name_length; struct address_info *next; } address_info;

static int ask(const char *name, uint32_t port) {
    uint8_t data[26], storage[128], ip[4];
    socket_address found = {0, 14, data};
    address_info node = {.address = &found}, hints = {.family = 1}, *head = &node;
    uint32_t count, sent, received = 0, number = 0;
    uint16_t flags;
    check("getaddrinfo", sock_getaddrinfo(name, (uint32_t)strlen(name) + 1, "0", 2, &hints, &head, 1, &count), 0);
    check("addresses", count, 1);
    memcpy(ip, data + 2, 4);
    buffer server = {ip, 4}, short_sender = {storage, 4}, whole = {storage, 128};

    // The older form first, on a socket that is bound to nothing.
    uint32_t fd = open_datagram();
    buffer hello = {"hello", 5}, empty = {"", 0}, longest = {"abcdefghijklmnopqrst", 20}, end = {"end", 3}, split[2] = {{"he", 2}, {"llo", 3}};
    check("send without an address", sock_send_v2(fd, &hello, 1, 0, &sent), NoAddress);
    check("send", sock_send_to(fd, &hello, 1, &server, port, 0, &sent), 0);
    check("sent", sent, 5);
    char text[64] = {0};
    buffer part = {text, sizeof text};
    wait_for(fd);
    check("receive in the older form", sock_recv_from(fd, &part, 1, &short_sender, 0, &received, &flags), 0);
    check("received", received, 9);
    check("the sender", (uint32_t)memcmp(storage, ip, 4), 0);
    check("the text", (uint32_t)memcmp(text, "5 0 hello", 9), 0);

    // Datagrams keep their bounds: an empty one, one of two parts, and one that is too long for its receiver.
    check("send", sock_send_to_v2(fd, &empty, 1, &server, port, 0, &sent), 0);
    expect(fd, "0 0 ", &server, port);
    check("send", sock_send_to_v2(fd, split, 2, &server, port, 0, &sent), 0);
    expect(fd, "5 0 hello", &server, port);
    check("send", sock_send_to_v2(fd, &longest, 1, &server, port, 0, &sent), 0);
    check("sent", sent, 20);
    expect(fd, "16 1 abcdefghijklmnop", &server, port);

    // Connected, and bound to a port that it picked.
    uint32_t other = open_datagram();
    uint8_t any[4] = {0};
    buffer everywhere = {any, 4};
    check("bind", sock_bind_v2(other, &everywhere, 5000), 0);
    check("connect", sock_connect_v2(other, &server, port), 0);
    check("peer", sock_getpeeraddr_v2(other, &whole, &number), 0);
    check("peer's port", number, port);
    check("peer's address", (uint32_t)memcmp(storage + 2, ip, 4), 0);
    check("local", sock_getlocaladdr_v2(other, &whole, &number), 0);
    check("local port", number, 5000);
    check("send", sock_send_v2(other, &hello, 1, 0, &sent), 0);
    expect(other, "5 0 hello", &server, port);

    // Nothing is there to receive, and there is always room to send.
    check("set flags", (uint32_t)fcntl((int)other, F_SETFL, O_NONBLOCK), 0);
    check("receive nothing", sock_recv_v2(other, &part, 1, 0, &received, &flags), Again);
    check("nothing to read", (uint32_t)is_ready(other, 1, 1000000), 0);
    check("room", (uint32_t)is_ready(other, 2, 60000000000), 1);

    // Nobody is at the next port.
    check("connect", sock_connect_v2(other, &server, port + 1), 0);
    check("send to nobody", sock_send_v2(other, &hello, 1, 0, &sent), 0);
    check("an error to read", (uint32_t)is_ready(other, 1, 60000000000), 1);
    check("refused", sock_recv_v2(other, &part, 1, 0, &received, &flags), Refused);
    check("once", sock_recv_v2(other, &part, 1, 0, &received, &flags), Again);
    check("send to nobody", sock_send_to_v2(fd, &hello, 1, &server, port + 1, 0, &sent), 0);
    check("end", sock_send_to_v2(fd, &end, 1, &server, port, 0, &sent), 0);
    puts("all is well");
    return 0;
}

static int look_up(const char *name) {
    uint8_t ip[4] = {127, 0, 0, 11}, message[512] = {0x12, 0x34, 1, 0, 0, 1}, *end = message + 12;
    buffer server = {ip, 4}, part = {message, 0};
    uint32_t fd = open_datagram(), sent, received;
    uint16_t flags;
    for (const char *label = name; *label;) {
        uint8_t length = (uint8_t)strcspn(label, ".");
        *end++ = length;
        memcpy(end, label, length);
        end += length;
        label += length + (label[length] == '.');
    }
    memcpy(end, "\0\0\1\0\1", 5);
    end += 5;
    part.length = (uint32_t)(end - message);
    uint32_t question = part.length;
    check("connect", sock_connect_v2(fd, &server, 53), 0);
    check("send", sock_send_v2(fd, &part, 1, 0, &sent), 0);
    part.length = sizeof message;
    wait_for(fd);
    check("receive", sock_recv_v2(fd, &part, 1, 0, &received, &flags), 0);
    printf("status %d, %d answers", message[3] & 15, message[6] * 256 + message[7]);
    uint8_t *record = message + question + 12;
    if (message[7]) printf(", %d.%d.%d.%d", record[0], record[1], record[2], record[3]);
    puts("");
    return 0;
}

int main(int argc, char **argv) {
    polls = argc > 2 && !strcmp(argv[argc - 1], "poll");
    if (argc == 4 && !strcmp(argv[1], "serve")) return serve(atoi(argv[2]));
    if (argc == 5 && !strcmp(argv[1], "ask")) return ask(argv[2], (uint32_t)atoi(argv[3]));
    if (argc == 4 && !strcmp(argv[1], "look-up")) return look_up(argv[2]);
    return 2;
}
