// A server on plain poll(), as guests on wasi-libc are: echoes what each of many clients sends, until one says "end".
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
typedef struct { void *data; uint32_t length; } buffer;
IMPORT("sock_open") uint32_t sock_open(uint32_t family, uint32_t type, uint32_t *result);
IMPORT("sock_bind") uint32_t sock_bind(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_listen") uint32_t sock_listen(uint32_t fd, uint32_t backlog);
IMPORT("sock_accept") uint32_t sock_accept_one(uint32_t fd, uint32_t *result);

static struct pollfd polled[2000];

int main(int argc, char **argv)
{
    uint8_t any[4] = {0};
    buffer address = {any, 4};
    uint32_t listener;
    if (sock_open(1, 2, &listener) || sock_bind(listener, &address, (uint32_t)atoi(argv[1])) || sock_listen(listener, 128))
    {
        return 1;
    }

    fcntl((int)listener, F_SETFL, O_NONBLOCK);
    int count = 1;
    polled[0] = (struct pollfd){(int)listener, POLLIN, 0};
    for (;;)
    {
        if (poll(polled, (nfds_t)count, -1) < 0)
        {
            perror("poll");
            return 2;
        }

        if (polled[0].revents)
        {
            uint32_t accepted, error;
            while ((error = sock_accept_one(listener, &accepted)) == 0)
            {
                fcntl((int)accepted, F_SETFL, O_NONBLOCK);
                polled[count++] = (struct pollfd){(int)accepted, POLLIN, 0};
            }

            if (error != EAGAIN)
            {
                return 3;
            }
        }

        for (int i = 1; i < count; i++)
        {
            char text[256];
            if (!polled[i].revents)
            {
                continue;
            }

            ssize_t length = read(polled[i].fd, text, sizeof text);
            if (length <= 0)
            {
                close(polled[i].fd);
                polled[i--] = polled[--count];
                continue;
            }

            if (length >= 3 && memcmp(text, "end", 3) == 0)
            {
                return 0;
            }

            if (write(polled[i].fd, text, (size_t)length) != length)
            {
                return 4;
            }
        }
    }
}
