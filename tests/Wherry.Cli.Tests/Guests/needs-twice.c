// Needs a module "env" that has a function "twice".
__attribute__((import_module("env"), import_name("twice"))) int twice(int a);
__attribute__((export_name("four_times"))) int four_times(int a) { return twice(twice(a)); }
__attribute__((export_name("_start"))) void start(void) {}
