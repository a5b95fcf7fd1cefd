// Imports from wasi_unstable, as programs of 2019 did. No libc: that one is of today.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define IMPORT(name) __attribute__((import_module("wasi_unstable"), import_name(name)))
int seek(int fd, long long offset, int whence, u64 *result) IMPORT("fd_seek");
int filestat(int fd, void *result) IMPORT("fd_filestat_get");
int path_filestat(int fd, int lookup, const char *path, u32 length, void *result) IMPORT("path_filestat_get");
int poll(const void *subscriptions, void *events, u32 count, u32 *happened) IMPORT("poll_oneoff");
int open(int fd, int lookup, const char *path, u32 length, int oflags, u64 base, u64 inheriting, int fdflags, int *result) IMPORT("path_open");
int write(int fd, const void *buffers, u32 count, u32 *written) IMPORT("fd_write");
void exit(int code) __attribute__((noreturn)) IMPORT("proc_exit");

struct stat { u64 device, inode; u8 type; u32 links; u64 size, atime, mtime, ctime; };
struct subscription { u64 userdata; u8 type; u64 identifier; u32 clock; u64 timeout, precision; u16 flags; };
struct event { u64 userdata; u16 error; u8 type; u64 bytes; u16 flags; };

#define CHECK(number, condition) if (!(condition)) exit(number)

void _start(void) {
    int fd = 0;
    u32 size = 0;
    u64 position = 0;
    struct stat status;
    struct { const char *text; u32 length; } buffer = {"0123456789", 10};
    CHECK(1, open(3, 1, "old", 3, 1, 0x1fffffff, 0, 0, &fd) == 0);
    CHECK(2, write(fd, &buffer, 1, &size) == 0 && size == 10);
    CHECK(3, seek(fd, 0, 0, &position) == 0 && position == 10);
    CHECK(4, seek(fd, -3, 1, &position) == 0 && position == 7);
    CHECK(5, seek(fd, 2, 2, &position) == 0 && position == 2);
    CHECK(6, seek(fd, 2, 3, &position) == 28);
    CHECK(7, sizeof status == 56 && filestat(fd, &status) == 0 && status.size == 10 && status.links == 1 && status.type == 4);
    CHECK(8, path_filestat(3, 0, "old", 3, &status) == 0 && status.size == 10);
    struct subscription clock = {77, 0, 0, 1, 1000000, 0, 0};
    struct event event = {0};
    CHECK(9, sizeof clock == 56 && sizeof event == 32 && poll(&clock, &event, 1, &size) == 0 && size == 1);
    CHECK(10, event.userdata == 77 && event.type == 0 && event.error == 0);
    exit(100);
}
