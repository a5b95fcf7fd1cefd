// An HTTP server for tests of updates and of starting on demand. It answers every request with its version, a text in the module that tests exchange: so each copy is another module.
// A version that begins with "trap" ends before it listens, one that begins with "deaf" never listens,
// one that begins with "slow" does so when there is a file /gate/open.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
typedef struct { void *data; uint32_t length; } buffer;
IMPORT("sock_open") uint32_t sock_open(uint32_t family, uint32_t type, uint32_t *result);
IMPORT("sock_bind") uint32_t sock_bind(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_listen") uint32_t sock_listen(uint32_t fd, uint32_t backlog);
IMPORT("sock_accept") uint32_t sock_accept_one(uint32_t fd, uint32_t *result);

static char marker[] = "VERSION=one     ;";
static struct pollfd polled[2000];

// What has come of each connection's request: the last four bytes.
static uint32_t last[2000];
static char version[9], setting[64];

static int answer(int fd)
{
    char text[256];
    int length = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s%s\n", strlen(version) + strlen(setting) + 1, version, setting);
    return write(fd, text, (size_t)length) == length;
}

// Whether the connection goes on.
static int take(int index)
{
    char text[4096];
    ssize_t length = read(polled[index].fd, text, sizeof text);
    if (length < 0 && errno == EAGAIN) return 1;
    if (length <= 0) return 0;
    if (memmem(text, (size_t)length, "/crash", 6)) __builtin_trap();
    if (memmem(text, (size_t)length, "/exit", 5)) exit(0);
    for (ssize_t i = 0; i < length; i++)
    {
        last[index] = last[index] << 8 | (uint8_t)text[i];
        if (last[index] == 0x0D0A0D0A && !answer(polled[index].fd)) return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    uint8_t any[4] = {0};
    buffer address = {any, 4};
    uint32_t listener;
    memcpy(version, strchr(marker, '=') + 1, 8);
    if (strchr(version, ' ')) *strchr(version, ' ') = 0;
    if (argc > 2) snprintf(setting, sizeof setting, " %s", argv[2]);
    if (!strncmp(version, "trap", 4)) __builtin_trap();
    if (!strncmp(version, "deaf", 4)) for (;;) sleep(1000);
    if (!strncmp(version, "slow", 4))
    {
        puts("waiting");
        fflush(stdout);
        while (access("/gate/open", F_OK)) usleep(20000);
    }
    if (sock_open(1, 2, &listener) || sock_bind(listener, &address, argc > 1 ? (uint32_t)atoi(argv[1]) : 8080) || sock_listen(listener, 128)) return 1;
    fcntl((int)listener, F_SETFL, O_NONBLOCK);
    int count = 1;
    polled[0] = (struct pollfd){(int)listener, POLLIN, 0};
    for (;;)
    {
        if (poll(polled, (nfds_t)count, -1) < 0) return 2;
        uint32_t accepted;
        while (polled[0].revents && sock_accept_one(listener, &accepted) == 0)
        {
            fcntl((int)accepted, F_SETFL, O_NONBLOCK);
            last[count] = 0;
            polled[count++] = (struct pollfd){(int)accepted, POLLIN, 0};
        }
        for (int i = 1; i < count; i++)
        {
            if (polled[i].revents && !take(i))
            {
                close(polled[i].fd);
                last[i] = last[--count];
                polled[i--] = polled[count];
            }
        }
    }
}
