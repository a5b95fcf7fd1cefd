// Sums scrambled numbers with several threads: sum.wasm [threads] [numbers].
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most = 1024 };

struct part {
    pthread_t thread;
    uint64_t first, last, sum;
};

static uint64_t scramble(uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 29;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ (x >> 32);
}

static void *work(void *argument) {
    struct part *part = argument;
    uint64_t sum = 0;
    for (uint64_t i = part->first; i < part->last; i++) sum += scramble(i);
    part->sum = sum;
    return NULL;
}

int main(int argc, char **argv) {
    static struct part parts[most];
    int threads = argc > 1 ? atoi(argv[1]) : 4;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
    if (threads < 1 || threads > most) {
        fprintf(stderr, "between 1 and %d threads\n", most);
        return 2;
    }

    uint64_t sum = 0;
    for (int i = 0; i < threads; i++) {
        parts[i].first = count * i / threads;
        parts[i].last = count * (i + 1) / threads;
        int error = pthread_create(&parts[i].thread, NULL, work, &parts[i]);
        if (error != 0) {
            fprintf(stderr, "thread %d: %s\n", i + 1, strerror(error));
            return 1;
        }
    }

    for (int i = 0; i < threads; i++) {
        pthread_join(parts[i].thread, NULL);
        sum += parts[i].sum;
    }

    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
