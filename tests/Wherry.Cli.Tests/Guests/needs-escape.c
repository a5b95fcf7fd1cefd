// Imports and exports names that a terminal would obey.
__attribute__((import_module("\033]0;owned\007mod"), import_name("\033[31mred"))) long long red(int a, float b);
__attribute__((export_name("\033[2Jclear"))) void clear(void) { red(1, 2); }
