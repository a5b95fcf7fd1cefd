// Calls the functions of preview 1 as they are imported, without libc in between, and compares each answer. Folder 3 is writable, 4 is read-only
// and holds "file". Prints what differs; the exit code is how many did.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

static int failures;
static int checks;

static void check(int line, const char *what, unsigned got, unsigned wanted) {
    checks++;
    if (got != wanted) {
        failures++;
        printf("line %d: %s answered %u, not %u\n", line, what, got, wanted);
    }
}

#define EXPECT(wanted, call) check(__LINE__, #call, (unsigned)(call), (wanted))
#define BAD 12345
#define ALL ((__wasi_rights_t)0x1fffffff)
#define FOLLOW __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW

// The imports themselves, for pointers that no C program could pass through the wrappers.
int32_t raw_fd_write(int32_t fd, int32_t iovs, int32_t count, int32_t written)
    __attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write")));
int32_t raw_fd_read(int32_t fd, int32_t iovs, int32_t count, int32_t read)
    __attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_read")));
int32_t raw_path_open(int32_t fd, int32_t lookup, int32_t path, int32_t length, int32_t oflags, int64_t base, int64_t inheriting, int32_t fdflags, int32_t result)
    __attribute__((import_module("wasi_snapshot_preview1"), import_name("path_open")));
int32_t raw_clock_time_get(int32_t id, int64_t precision, int32_t time)
    __attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get")));
int32_t raw_random_get(int32_t buffer, int32_t length)
    __attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get")));

static __wasi_fd_t open_file(const char *path, __wasi_oflags_t flags, __wasi_rights_t rights) {
    __wasi_fd_t fd = 0;
    __wasi_errno_t error = __wasi_path_open(3, FOLLOW, path, flags, rights, rights, 0, &fd);
    check(__LINE__, path, error, 0);
    return fd;
}

static void descriptors(void) {
    __wasi_fd_t fd = open_file("raw", __WASI_OFLAGS_CREAT, ALL);
    __wasi_fdstat_t status;
    EXPECT(0, __wasi_fd_fdstat_get(fd, &status));
    EXPECT(__WASI_FILETYPE_REGULAR_FILE, status.fs_filetype);
    EXPECT(__WASI_ERRNO_BADF, __wasi_fd_fdstat_get(BAD, &status));
    __wasi_ciovec_t out[2] = {{(const uint8_t *)"hello ", 6}, {(const uint8_t *)"world", 5}};
    __wasi_size_t size = 0;
    EXPECT(0, __wasi_fd_write(fd, out, 2, &size));
    EXPECT(11, size);
    EXPECT(__WASI_ERRNO_BADF, __wasi_fd_write(BAD, out, 2, &size));
    __wasi_filesize_t position = 0;
    EXPECT(0, __wasi_fd_tell(fd, &position));
    EXPECT(11, position);
    EXPECT(0, __wasi_fd_seek(fd, -5, __WASI_WHENCE_END, &position));
    EXPECT(6, position);
    EXPECT(__WASI_ERRNO_INVAL, __wasi_fd_seek(fd, -1, __WASI_WHENCE_SET, &position));
    EXPECT(__WASI_ERRNO_INVAL, __wasi_fd_seek(fd, 0, 7, &position));
    uint8_t buffer[64] = {0};
    __wasi_iovec_t in = {buffer, sizeof buffer};
    EXPECT(0, __wasi_fd_read(fd, &in, 1, &size));
    EXPECT(5, size);
    EXPECT(0, memcmp(buffer, "world", 5));
    EXPECT(0, __wasi_fd_pread(fd, &in, 1, 1, &size));
    EXPECT(10, size);
    EXPECT(0, __wasi_fd_pwrite(fd, out, 1, 100, &size));
    __wasi_filestat_t stat;
    EXPECT(0, __wasi_fd_filestat_get(fd, &stat));
    EXPECT(106, stat.size);
    EXPECT(1, stat.nlink);
    EXPECT(0, __wasi_fd_filestat_set_size(fd, 20));
    EXPECT(0, __wasi_fd_filestat_set_times(fd, 1000000007, 2000000009, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
    EXPECT(0, __wasi_fd_filestat_get(fd, &stat));
    EXPECT(20, stat.size);
    EXPECT(2000000009, stat.mtim);
    EXPECT(__WASI_ERRNO_INVAL, __wasi_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW));
    EXPECT(0, __wasi_fd_sync(fd));
    EXPECT(0, __wasi_fd_datasync(fd));
    EXPECT(0, __wasi_fd_advise(fd, 0, 10, __WASI_ADVICE_RANDOM));
    EXPECT(__WASI_ERRNO_INVAL, __wasi_fd_advise(fd, 0, 10, 9));
    EXPECT(__WASI_ERRNO_FBIG, __wasi_fd_allocate(fd, 0, UINT64_MAX));
    EXPECT(0, __wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_APPEND));
    EXPECT(__WASI_ERRNO_INVAL, __wasi_fd_fdstat_set_flags(fd, 0x8000));
    EXPECT(0, __wasi_fd_fdstat_set_rights(fd, __WASI_RIGHTS_FD_READ, 0));
    EXPECT(__WASI_ERRNO_NOTCAPABLE, __wasi_fd_write(fd, out, 1, &size));
    EXPECT(__WASI_ERRNO_NOTCAPABLE, __wasi_fd_fdstat_set_rights(fd, ALL, 0));
    __wasi_fd_t other = open_file("raw", 0, __WASI_RIGHTS_FD_READ);
    EXPECT(0, __wasi_fd_renumber(other, fd));
    EXPECT(__WASI_ERRNO_BADF, __wasi_fd_close(other));
    EXPECT(__WASI_ERRNO_BADF, __wasi_fd_renumber(fd, BAD));
    EXPECT(0, __wasi_fd_close(fd));
    EXPECT(__WASI_ERRNO_BADF, __wasi_fd_close(fd));
    EXPECT(0, __wasi_path_unlink_file(3, "raw"));
}

static void paths(void) {
    __wasi_fd_t fd;
    __wasi_filestat_t stat;
    __wasi_size_t size;
    char text[64];
    EXPECT(0, __wasi_path_create_directory(3, "d"));
    EXPECT(__WASI_ERRNO_EXIST, __wasi_path_create_directory(3, "d"));
    EXPECT(0, __wasi_path_symlink("f", 3, "d/s"));
    EXPECT(__WASI_ERRNO_NOENT, __wasi_path_filestat_get(3, FOLLOW, "d/s", &stat));
    EXPECT(0, __wasi_path_filestat_get(3, 0, "d/s", &stat));
    EXPECT(__WASI_FILETYPE_SYMBOLIC_LINK, stat.filetype);
    EXPECT(0, __wasi_path_readlink(3, "d/s", (uint8_t *)text, sizeof text, &size));
    EXPECT(1, size);
    EXPECT(0, __wasi_path_open(3, FOLLOW, "d/s", __WASI_OFLAGS_CREAT, ALL, ALL, 0, &fd));
    EXPECT(0, __wasi_fd_close(fd));
    EXPECT(__WASI_ERRNO_LOOP, __wasi_path_open(3, 0, "d/s", 0, __WASI_RIGHTS_FD_READ, 0, 0, &fd));
    EXPECT(0, __wasi_path_link(3, 0, "d/f", 3, "hard"));
    EXPECT(__WASI_ERRNO_EXIST, __wasi_path_link(3, 0, "d/f", 3, "hard"));
    EXPECT(0, __wasi_path_filestat_set_times(3, 0, "hard", 5, 6, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
    EXPECT(0, __wasi_path_filestat_get(3, 0, "d/f", &stat));
    EXPECT(2, stat.nlink);
    EXPECT(6, stat.mtim);
    EXPECT(0, __wasi_path_rename(3, "hard", 3, "d/hard"));
    EXPECT(__WASI_ERRNO_NOTEMPTY, __wasi_path_remove_directory(3, "d"));
    EXPECT(__WASI_ERRNO_ISDIR, __wasi_path_unlink_file(3, "d"));
    EXPECT(0, __wasi_path_unlink_file(3, "d/hard"));
    EXPECT(0, __wasi_path_unlink_file(3, "d/f"));
    EXPECT(0, __wasi_path_unlink_file(3, "d/s"));
    EXPECT(0, __wasi_path_remove_directory(3, "d"));
    EXPECT(__WASI_ERRNO_NOTCAPABLE, __wasi_path_open(3, FOLLOW, "../outside/secret", 0, __WASI_RIGHTS_FD_READ, 0, 0, &fd));
    EXPECT(__WASI_ERRNO_NOTCAPABLE, __wasi_path_filestat_get(3, FOLLOW, "/etc/passwd", &stat));
    EXPECT(__WASI_ERRNO_NOTDIR, __wasi_path_create_directory(1, "x"));
    EXPECT(__WASI_ERRNO_BADF, __wasi_path_create_directory(BAD, "x"));
    EXPECT(__WASI_ERRNO_ROFS, __wasi_path_create_directory(4, "x"));
    EXPECT(__WASI_ERRNO_ROFS, __wasi_path_unlink_file(4, "file"));
    EXPECT(__WASI_ERRNO_ROFS, __wasi_path_rename(4, "file", 3, "file"));
    EXPECT(__WASI_ERRNO_ROFS, __wasi_path_link(4, 0, "file", 3, "file"));
    EXPECT(__WASI_ERRNO_ROFS, __wasi_path_open(4, 0, "file", __WASI_OFLAGS_TRUNC, __WASI_RIGHTS_FD_READ, 0, 0, &fd));
}

static void listing(void) {
    uint8_t buffer[256];
    __wasi_size_t used = 0;
    EXPECT(0, __wasi_path_create_directory(3, "list"));
    __wasi_fd_t fd = open_file("list", __WASI_OFLAGS_DIRECTORY, ALL);
    EXPECT(0, __wasi_fd_readdir(fd, buffer, sizeof buffer, 0, &used));
    EXPECT(24 + 1 + 24 + 2, used);
    __wasi_dirent_t *entry = (__wasi_dirent_t *)buffer;
    EXPECT(__WASI_FILETYPE_DIRECTORY, entry->d_type);
    EXPECT(0, __wasi_fd_readdir(fd, buffer, 10, 0, &used));
    EXPECT(10, used);
    EXPECT(__WASI_ERRNO_BADF, __wasi_fd_readdir(BAD, buffer, 10, 0, &used));
    __wasi_prestat_t prestat;
    EXPECT(0, __wasi_fd_prestat_get(3, &prestat));
    EXPECT(7, prestat.u.dir.pr_name_len);
    EXPECT(0, __wasi_fd_prestat_dir_name(3, buffer, 7));
    EXPECT(0, memcmp(buffer, "/inside", 7));
    EXPECT(__WASI_ERRNO_BADF, __wasi_fd_prestat_get(fd, &prestat));
    EXPECT(0, __wasi_fd_close(fd));
    EXPECT(0, __wasi_path_remove_directory(3, "list"));
}

static void pointers(void) {
    __wasi_size_t size;
    uint8_t byte = 'x';
    struct { uint32_t address, length; } good = {(uint32_t)(uintptr_t)&byte, 1}, bad = {0xfffffff0, 100};
    int result = (int)(uintptr_t)&size;
    EXPECT(__WASI_ERRNO_FAULT, raw_fd_write(1, (int)(uintptr_t)&bad, 1, result));
    EXPECT(__WASI_ERRNO_FAULT, raw_fd_write(1, -4, 1, result));
    EXPECT(__WASI_ERRNO_FAULT, raw_fd_write(1, -8, 1, result));
    EXPECT(__WASI_ERRNO_INVAL, raw_fd_write(1, (int)(uintptr_t)&good, 1025, result));
    EXPECT(__WASI_ERRNO_FAULT, raw_fd_read(0, (int)(uintptr_t)&good, 1, -2));
    EXPECT(__WASI_ERRNO_FAULT, raw_fd_read(0, (int)(uintptr_t)&bad, 1, result));
    EXPECT(__WASI_ERRNO_FAULT, raw_path_open(3, 0, -2, 5, 0, 0, 0, 0, result));
    EXPECT(__WASI_ERRNO_NAMETOOLONG, raw_path_open(3, 0, 0, 5000, 0, 0, 0, 0, result));
    EXPECT(__WASI_ERRNO_FAULT, raw_path_open(3, 0, 0, -1, 0, 0, 0, 0, result));
    EXPECT(__WASI_ERRNO_FAULT, raw_clock_time_get(0, 0, -7));
    EXPECT(__WASI_ERRNO_FAULT, raw_random_get(-1, 2));
}

static void rest(void) {
    __wasi_timestamp_t first, second;
    EXPECT(0, __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &first));
    EXPECT(0, __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &second));
    EXPECT(1, second >= first);
    EXPECT(0, __wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 0, &first));
    EXPECT(1, first > 1700000000000000000ull);
    EXPECT(0, __wasi_clock_time_get(__WASI_CLOCKID_PROCESS_CPUTIME_ID, 0, &first));
    EXPECT(0, __wasi_clock_time_get(__WASI_CLOCKID_THREAD_CPUTIME_ID, 0, &first));
    EXPECT(0, __wasi_clock_res_get(__WASI_CLOCKID_REALTIME, &first));
    EXPECT(__WASI_ERRNO_INVAL, __wasi_clock_time_get(9, 0, &first));
    EXPECT(__WASI_ERRNO_INVAL, __wasi_clock_res_get(9, &first));
    uint8_t random[32] = {0}, zero[32] = {0};
    EXPECT(0, __wasi_random_get(random, sizeof random));
    EXPECT(1, memcmp(random, zero, sizeof random) != 0);
    EXPECT(0, __wasi_sched_yield());
}

int main(void) {
    descriptors();
    paths();
    listing();
    pointers();
    rest();
    printf("%d checks, %d failed\n", checks, failures);
    return failures;
}
