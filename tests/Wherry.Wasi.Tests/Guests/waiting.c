// Waits for what its argument says, for ever.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char buffer[64];
    printf("waiting\n");
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "stdin")) return read(0, buffer, sizeof buffer) < 0;
    if (argc > 1 && !strcmp(argv[1], "sleep")) return sleep(1000000);
    if (argc > 1 && !strcmp(argv[1], "random")) {
        // Gigabytes: a wait of another kind.
        static char block[16 << 20];
        for (;;) getentropy(block, 256);
    }
    int fd = open("/inside/fifo", O_RDONLY);
    if (fd < 0) return 3;
    return read(fd, buffer, sizeof buffer) < 0;
}
