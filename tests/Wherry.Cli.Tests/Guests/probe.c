// A guest for the command's tests: the first argument says what it does.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#define SOCKET(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int name
SOCKET(sock_open)(int family, int type, int *fd);
SOCKET(sock_bind)(int fd, void *address, int port);
SOCKET(sock_listen)(int fd, int backlog);
SOCKET(sock_connect)(int fd, void *address, int port);

struct address {
    uint8_t *bytes;
    uint32_t length;
};

__attribute__((noinline)) static int divide(volatile int a, volatile int b) { return a / b; }

// Neither a loop in disguise nor a user of the stack in memory.
__attribute__((noinline)) static int recurse(int n) { return n == -1 ? 0 : recurse(n + 1) * 3 + n; }

static int show_arguments(int argc, char **argv) {
    for (int i = 1; i < argc; i++) printf("[%s]\n", argv[i]);
    return 0;
}

static int open_socket(int type) {
    int fd = -1, error = sock_open(1, type, &fd);
    if (error) printf("sock_open %d\n", error);
    return fd;
}

// Binds and listens, then says so and waits until it is ended.
static int serve(const char *port) {
    uint8_t any[4] = {0, 0, 0, 0};
    struct address address = {any, 4};
    int fd = open_socket(2), error = sock_bind(fd, &address, atoi(port));
    printf("bind %d\n", error);
    fflush(stdout);
    if (error) return 1;
    printf("listen %d\n", sock_listen(fd, 16));
    fflush(stdout);
    for (;;) sleep(1000);
}

static int dial(const char *host, const char *port) {
    unsigned a, b, c, d;
    if (sscanf(host, "%u.%u.%u.%u", &a, &b, &c, &d) != 4) return 2;
    uint8_t bytes[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    struct address address = {bytes, 4};
    printf("connect %d\n", sock_connect(open_socket(2), &address, atoi(port)));
    return 0;
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "", *value = argc > 2 ? argv[2] : "";
    if (!strcmp(command, "exit")) _Exit((int)strtoul(value, NULL, 10));
    if (!strcmp(command, "divide")) return divide(atoi(value), 0);
    if (!strcmp(command, "recurse")) return recurse(0);
    if (!strcmp(command, "loop")) {
        puts("looping");
        fflush(stdout);
        for (volatile int i = 0;; i++) {
        }
    }
    if (!strcmp(command, "sleep")) {
        puts("sleeping");
        fflush(stdout);
        for (;;) sleep(1000);
    }
    if (!strcmp(command, "touch-beyond")) return *(volatile int *)0x7FFFFF00;
    if (!strcmp(command, "grow")) {
        while (__builtin_wasm_memory_grow(0, 1) != (unsigned long)-1) {
        }
        printf("%lu\n", (unsigned long)__builtin_wasm_memory_size(0));
        return 0;
    }
    if (!strcmp(command, "env")) {
        for (char **variable = environ; *variable; variable++) puts(*variable);
        return 0;
    }
    if (!strcmp(command, "cat")) {
        char buffer[4096];
        for (ssize_t length; (length = read(0, buffer, sizeof buffer)) > 0;) write(1, buffer, (size_t)length);
        return 0;
    }
    if (!strcmp(command, "name")) return puts(argv[0]) < 0;
    if (!strcmp(command, "write")) {
        int file = open(value, O_WRONLY | O_CREAT, 0644);
        printf("%s\n", file < 0 ? strerror(errno) : "written");
        return 0;
    }
    if (!strcmp(command, "serve")) return serve(value);
    if (!strcmp(command, "connect") && argc == 4) return dial(value, argv[3]);
    return show_arguments(argc, argv);
}
