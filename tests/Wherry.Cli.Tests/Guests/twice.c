// What needs-twice.wasm imports from "env".
__attribute__((export_name("twice"))) int twice(int a) { return 2 * a; }
