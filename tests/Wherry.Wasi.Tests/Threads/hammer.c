// Eight threads do anything to the same few descriptors at once: files, folders, sockets, polls, and closing and renumbering them all. No error counts;
// the guest ends when enough was done, or when nothing is done any more since all wait for what others have closed.
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wasi/api.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

typedef struct { void *data; uint32_t length; } buffer;

IMPORT("sock_open") uint32_t sock_open(uint32_t family, uint32_t type, __wasi_fd_t *result);
IMPORT("sock_bind") uint32_t sock_bind(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_listen") uint32_t sock_listen(uint32_t fd, uint32_t backlog);
IMPORT("sock_accept_v2") uint32_t sock_accept(uint32_t fd, uint32_t flags, __wasi_fd_t *result);
IMPORT("sock_connect") uint32_t sock_connect(uint32_t fd, buffer *address, uint32_t port);
IMPORT("sock_recv") uint32_t sock_recv(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, __wasi_size_t *received, uint16_t *result_flags);
IMPORT("sock_send") uint32_t sock_send(uint32_t fd, buffer *buffers, uint32_t count, uint32_t flags, __wasi_size_t *sent);
IMPORT("sock_send_to") uint32_t sock_send_to(uint32_t fd, buffer *buffers, uint32_t count, buffer *address, uint32_t port, uint32_t flags, __wasi_size_t *sent);
IMPORT("sock_getlocaladdr_v2") uint32_t sock_getlocaladdr(uint32_t fd, buffer *address, uint32_t *port);
IMPORT("epoll_oneoff") uint32_t epoll_oneoff(const void *subscriptions, void *events, uint32_t count, __wasi_size_t *event_count);

enum { threads = 8, first = 4, numbers = 20, folder = 3 };

static atomic_uint done;
static atomic_uint port;

static uint32_t next(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    return *seed ^= *seed << 5;
}

static void act(uint32_t *seed) {
    static char data[4096];  // all write into it at once
    uint8_t loopback[4] = {127, 0, 0, 1}, storage[128];
    buffer address = {loopback, 4}, local = {storage, sizeof storage}, data_buffer = {data + next(seed) % 2048, next(seed) % 2048};
    __wasi_ciovec_t out = {(uint8_t *)data_buffer.data, data_buffer.length};
    __wasi_iovec_t in = {(uint8_t *)data_buffer.data, data_buffer.length};
    __wasi_fd_t fd = first + next(seed) % numbers, other = first + next(seed) % numbers, made;
    __wasi_size_t size;
    uint16_t flags;
    char name[2] = {'a' + next(seed) % 4, 0};
    switch (next(seed) % 26) {
    case 0: case 1:
        (void)__wasi_path_open(folder, 0, name, next(seed) % 4 ? __WASI_OFLAGS_CREAT : 0, __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_POLL_FD_READWRITE, 0, __WASI_FDFLAGS_NONBLOCK, &made);
        break;
    case 2: (void)__wasi_path_open(folder, 0, ".", __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READDIR, 0, 0, &made); break;
    case 3: case 4: case 5: (void)__wasi_fd_close(fd); break;
    case 6: (void)__wasi_fd_renumber(fd, other); break;
    case 7: (void)__wasi_fd_write(fd, &out, 1, &size); break;
    case 8: (void)__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK); (void)__wasi_fd_read(fd, &in, 1, &size); break;
    case 9: { __wasi_filesize_t position; (void)__wasi_fd_seek(fd, next(seed) % 100, __WASI_WHENCE_SET, &position); break; }
    case 10: (void)__wasi_fd_readdir(fd, (uint8_t *)data, sizeof data, 0, &size); break;
    case 11: { __wasi_filestat_t status; (void)__wasi_fd_filestat_get(fd, &status); break; }
    case 12: (void)__wasi_fd_filestat_set_size(fd, next(seed) % 5000); break;
    case 13: (void)__wasi_path_unlink_file(folder, name); break;
    case 14: case 15:
        if (sock_open(1, 1 + next(seed) % 2, &made) == 0) (void)__wasi_fd_fdstat_set_flags(made, __WASI_FDFLAGS_NONBLOCK);
        break;
    case 16: {
        uint32_t bound;
        if (sock_bind(fd, &address, 0) == 0 && sock_listen(fd, 5) == 0 && sock_getlocaladdr(fd, &local, &bound) == 0) port = bound;
        break;
    }
    case 17: (void)__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK); (void)sock_connect(fd, &address, port); break;
    case 18: (void)__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK); (void)sock_accept(fd, __WASI_FDFLAGS_NONBLOCK, &made); break;
    case 19: (void)__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK); (void)sock_recv(fd, &data_buffer, 1, 0, &size, &flags); break;
    case 20: (void)__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK); (void)sock_send(fd, &data_buffer, 1, 0, &size); break;
    case 21: (void)__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK); (void)sock_send_to(fd, &data_buffer, 1, &address, port, 0, &size); break;
    case 22: (void)__wasi_sock_shutdown(fd, 1 + next(seed) % 3); break;
    case 23: (void)__wasi_path_rename(folder, name, folder, "e"); break;
    default: {
        __wasi_subscription_t wanted[6] = {0};
        __wasi_event_t events[6];
        wanted[0].u.tag = __WASI_EVENTTYPE_CLOCK;
        wanted[0].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
        wanted[0].u.u.clock.timeout = next(seed) % 200000;
        for (int i = 1; i < 6; i++) {
            wanted[i].userdata = i;
            wanted[i].u.tag = next(seed) % 2 ? __WASI_EVENTTYPE_FD_READ : __WASI_EVENTTYPE_FD_WRITE;
            wanted[i].u.u.fd_read.file_descriptor = first + next(seed) % numbers;
        }
        if (next(seed) % 2) (void)__wasi_poll_oneoff(wanted, events, 6, &size);
        else (void)epoll_oneoff(wanted, events, 6, &size);
    }
    }
}

static void *work(void *argument) {
    uint32_t seed = 2463534242u + (uint32_t)(uintptr_t)argument * 7919;
    for (;;) {
        act(&seed);
        done++;
    }
}

int main(int argc, char **argv) {
    unsigned enough = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    for (uintptr_t i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)i)) return 1;
    }

    unsigned seen = 0;
    for (int idle = 0; done < enough && idle < 100; idle++) {
        usleep(10000);
        if (done != seen) idle = 0;
        seen = done;
    }

    return done > 0 ? 0 : 2;
}
