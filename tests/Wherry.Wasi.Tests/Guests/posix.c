// What programs do through libc: files, folders, links, times, arguments, environment, the standard streams.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

#define MUST(call) do { if ((call) < 0) fail(#call); } while (0)
#define REFUSED(call, wanted) do { errno = 0; if ((call) >= 0 || errno != (wanted)) { printf("%s: errno %d (%s), not %d\n", #call, errno, strerror(errno), wanted); exit(1); } } while (0)

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(int argc, char **argv) {
    for (int i = 0; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
    printf("GREETING=%s\n", getenv("GREETING"));
    printf("terminal: %d\n", isatty(1));
    FILE *file = fopen("/inside/text", "w");
    if (!file) fail("fopen");
    for (int i = 0; i < 1000; i++) fprintf(file, "line %d\n", i);
    fclose(file);
    struct stat status;
    MUST(stat("/inside/text", &status));
    printf("size %lld\n", (long long)status.st_size);
    file = fopen("/inside/text", "a");
    fputs("end\n", file);
    fclose(file);
    char line[64];
    file = fopen("/inside/text", "r");
    fseek(file, -4, SEEK_END);
    printf("last: %s", fgets(line, sizeof line, file));
    fclose(file);
    MUST(truncate("/inside/text", 7));
    MUST(mkdir("/inside/folder", 0777));
    MUST(symlink("../text", "/inside/folder/soft"));
    MUST(link("/inside/text", "/inside/folder/hard"));
    MUST(rename("/inside/folder/hard", "/inside/folder/renamed"));
    struct timespec times[2] = {{1000000000, 5}, {1100000000, 6}};
    MUST(utimensat(AT_FDCWD, "/inside/folder/renamed", times, 0));
    MUST(stat("/inside/folder/soft", &status));
    printf("mtime %lld.%09ld, %d links\n", (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec, (int)status.st_nlink);
    for (int i = 0; i < 400; i++) {
        snprintf(line, sizeof line, "/inside/folder/entry-%03d", i);
        int fd = open(line, O_CREAT | O_WRONLY | O_EXCL, 0666);
        if (fd < 0) fail(line);
        close(fd);
    }
    DIR *directory = opendir("/inside/folder");
    if (!directory) fail("opendir");
    char *names[500];
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) names[count++] = strdup(entry->d_name);
    closedir(directory);
    qsort(names, count, sizeof *names, compare);
    printf("%d entries: %s %s %s ... %s\n", count, names[0], names[1], names[2], names[count - 1]);
    ssize_t length = readlink("/inside/folder/soft", line, sizeof line);
    printf("link: %.*s\n", (int)length, line);
    for (int i = 0; i < 400; i++) {
        snprintf(line, sizeof line, "/inside/folder/entry-%03d", i);
        MUST(unlink(line));
    }
    REFUSED(rmdir("/inside/folder"), ENOTEMPTY);
    REFUSED(unlink("/inside/folder"), EISDIR);
    REFUSED(open("/inside/none", O_RDONLY), ENOENT);
    REFUSED(open("/inside/text/x", O_RDONLY), ENOTDIR);
    REFUSED(open("/inside/text", O_RDONLY | O_DIRECTORY), ENOTDIR);
    REFUSED(open("/inside/text", O_CREAT | O_EXCL | O_RDWR), EEXIST);
    REFUSED(open("/read-only/file", O_RDWR), EROFS);
    REFUSED(open("/read-only/file", O_WRONLY | O_TRUNC), EROFS);
    REFUSED(open("/read-only/new", O_WRONLY | O_CREAT, 0666), EROFS);
    REFUSED(mkdir("/read-only/new", 0777), EROFS);
    REFUSED(unlink("/read-only/file"), EROFS);
    REFUSED(rename("/read-only/file", "/inside/file"), EROFS);
    REFUSED(link("/read-only/file", "/inside/file"), EROFS);
    REFUSED(open("/inside/../outside/secret", O_RDONLY), ENOTCAPABLE);
    REFUSED(open("/inside/escape", O_RDONLY), ENOTCAPABLE);
    REFUSED(open("/inside/escape-folder/secret", O_RDONLY), ENOTCAPABLE);
    // Which errno it is, libc decides: it finds no folder to ask.
    if (open("/etc/passwd", O_RDONLY) >= 0) fail("opened /etc/passwd");
    file = fopen("/read-only/file", "r");
    printf("read-only: %s\n", fgets(line, sizeof line, file));
    fclose(file);
    while (fgets(line, sizeof line, stdin)) printf("input: %s", line);
    fprintf(stderr, "done\n");
    return 42;
}
