// A bad neighbour; the first argument says how, a second one (keep) that it goes on with what it got.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((import_module("wasi_snapshot_preview1"), import_name("sock_open"))) int sock_open(int family, int type, int *fd);

__attribute__((noinline)) static int recurse(int n) { return n == -1 ? 0 : recurse(n + 1) * 3 + n; }

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    printf("%s\n", how);
    fflush(stdout);
    if (!strcmp(how, "spin")) for (volatile unsigned i = 0;; i++) {}
    if (!strcmp(how, "trap")) __builtin_trap();
    if (!strcmp(how, "stack")) return recurse(0);
    if (!strcmp(how, "descriptors"))
    {
        int fd, count = 0;
        while (!sock_open(1, 2, &fd)) count++;
        printf("%d descriptors\n", count);
        fflush(stdout);
        if (argc > 2 && !strcmp(argv[2], "keep")) for (;;) sleep(1000);
        __builtin_trap();
    }
    if (!strcmp(how, "memory"))
    {
        // All that it may have, written to, and kept.
        size_t pages = 0;
        for (volatile char *page; (page = malloc(65536)); pages++)
        {
            for (int i = 0; i < 65536; i += 4096) page[i] = 1;
        }
        printf("%zu pages\n", pages);
        fflush(stdout);
        for (;;) sleep(1000);
    }
    return 2;
}
