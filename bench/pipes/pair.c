// Two guests that talk to each other: "serve PORT" answers, "ask ADDRESS PORT" measures round trips of 64 bytes and the throughput of one direction.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SOCKET(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int name
SOCKET(sock_open)(int family, int type, int *fd);
SOCKET(sock_bind)(int fd, void *address, int port);
SOCKET(sock_listen)(int fd, int backlog);
SOCKET(sock_accept)(int fd, int flags, int *accepted);
SOCKET(sock_connect)(int fd, void *address, int port);
SOCKET(sock_recv)(int fd, void *buffers, int count, int flags, uint32_t *received, uint16_t *out);
SOCKET(sock_send)(int fd, void *buffers, int count, int flags, uint32_t *sent);

enum { Small = 64, Large = 64 * 1024, RoundTrips = 50000, Blocks = 16384 };

struct buffer { uint8_t *bytes; uint32_t length; };
static uint8_t data[Large];

static uint32_t get(int fd, uint32_t length) {
    uint32_t received = 0;
    uint16_t flags = 0;
    struct buffer buffer = {data, length};
    return sock_recv(fd, &buffer, 1, 0, &received, &flags) ? 0 : received;
}

static void put(int fd, uint32_t length) {
    uint32_t sent = 0;
    struct buffer buffer = {data, length};
    if (sock_send(fd, &buffer, 1, 0, &sent) || sent != length) exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int serve(int fd, struct buffer *address, int port) {
    int connection;
    if (sock_bind(fd, address, port) || sock_listen(fd, 16)) return 1;
    puts("ready");
    fflush(stdout);
    if (sock_accept(fd, 0, &connection)) return 1;
    for (int i = 0; i < RoundTrips; i++) {
        if (get(connection, Small) != Small) return 1;
        put(connection, Small);
    }
    for (uint64_t left = (uint64_t)Blocks * Large; left > 0;) {
        uint32_t length = get(connection, Large);
        if (!length) return 1;
        left -= length;
    }
    put(connection, Small);
    return 0;
}

static int ask(int fd, struct buffer *address, int port) {
    if (sock_connect(fd, address, port)) return 1;
    double start = now();
    for (int i = 0; i < RoundTrips; i++) {
        put(fd, Small);
        if (get(fd, Small) != Small) return 1;
    }
    double middle = now();
    for (int i = 0; i < Blocks; i++) put(fd, Large);
    get(fd, Small);
    double end = now();
    printf("roundtrip %.2f us, throughput %.0f MB/s\n", (middle - start) * 1e6 / RoundTrips, (double)Blocks * Large / (end - middle) / 1e6);
    return 0;
}

int main(int argc, char **argv) {
    int fd = -1;
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (argc < 3 || sock_open(1, 2, &fd)) return 2;
    if (argc > 3) sscanf(argv[2], "%u.%u.%u.%u", &a, &b, &c, &d);
    uint8_t bytes[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    struct buffer address = {bytes, 4};
    return argc > 3 ? ask(fd, &address, atoi(argv[3])) : serve(fd, &address, atoi(argv[2]));
}
