// A small tool for files: shows what a guest can do with the folders that it is given, and what it can't.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what, const char *path) {
    fprintf(stderr, "filetool: %s %s: %s\n", what, path, strerror(errno));
    return 1;
}

static int copy(int from, int to, const char *path) {
    char buffer[16384];
    ssize_t length;
    while ((length = read(from, buffer, sizeof buffer)) > 0) {
        for (ssize_t done = 0; done < length;) {
            ssize_t written = write(to, buffer + done, (size_t)(length - done));
            if (written < 0) return failed("can't write", path);
            done += written;
        }
    }
    return length < 0 ? failed("can't read", path) : 0;
}

static int list(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return failed("can't list", path);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            printf("%s%s\n", entry->d_name, entry->d_type == DT_DIR ? "/" : entry->d_type == DT_LNK ? "@" : "");
        }
    }
    closedir(directory);
    return 0;
}

static int show(const char *path) {
    int file = open(path, O_RDONLY);
    if (file < 0) return failed("can't open", path);
    int result = copy(file, STDOUT_FILENO, path);
    close(file);
    return result;
}

// Writes standard input.
static int fill(const char *path, int flags) {
    int file = open(path, O_WRONLY | O_CREAT | flags, 0644);
    if (file < 0) return failed("can't open", path);
    int result = copy(STDIN_FILENO, file, path);
    return close(file) < 0 ? failed("can't close", path) : result;
}

static int size(const char *path) {
    struct stat status;
    if (stat(path, &status) < 0) return failed("can't stat", path);
    printf("%s %lld %s\n", path, (long long)status.st_size, S_ISDIR(status.st_mode) ? "folder" : "file");
    return 0;
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : ".";
    if (!strcmp(command, "ls")) return list(path);
    if (argc == 3) {
        if (!strcmp(command, "cat")) return show(path);
        if (!strcmp(command, "write")) return fill(path, O_TRUNC);
        if (!strcmp(command, "append")) return fill(path, O_APPEND);
        if (!strcmp(command, "stat")) return size(path);
        if (!strcmp(command, "mkdir")) return mkdir(path, 0755) < 0 ? failed("can't make", path) : 0;
        if (!strcmp(command, "rm")) return (unlink(path) < 0 && rmdir(path) < 0) ? failed("can't remove", path) : 0;
    }
    if (argc == 4 && !strcmp(command, "mv")) return rename(path, argv[3]) < 0 ? failed("can't rename", path) : 0;
    fputs("filetool ls [FOLDER] | cat FILE | write FILE | append FILE | stat PATH | mkdir FOLDER | rm PATH | mv PATH PATH\n", stderr);
    return 2;
}
