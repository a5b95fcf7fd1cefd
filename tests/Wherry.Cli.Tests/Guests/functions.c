// A reactor for the command's tests: functions of every type that the command line can write.
#include <stdint.h>
#include <stdio.h>

#define EXPORT(name) __attribute__((export_name(name)))
static int initialized;

__attribute__((constructor)) static void initialize(void) { initialized = 1; }

EXPORT("add") int32_t add(int32_t a, int32_t b) { return a + b; }
EXPORT("add64") int64_t add64(int64_t a, int64_t b) { return a + b; }
EXPORT("half32") float half32(float a) { return a / 2; }
EXPORT("half64") double half64(double a) { return a / 2; }
EXPORT("is_initialized") int32_t is_initialized(void) { return initialized; }
EXPORT("nothing") void nothing(void) {}
EXPORT("greet") void greet(void) { puts("greetings"); }
EXPORT("crash") void crash(void) { __builtin_trap(); }
