#!/usr/bin/env bash
# Builds the guests. Needs clang 14 or later, lld, wasi-libc and compiler-rt for wasm32 (Debian: clang lld wasi-libc libclang-rt-14-dev-wasm32).
set -eu
cd "$(dirname "$0")"
libc="clang --target=wasm32-wasi --sysroot=/usr -O1 -Wall"
bare="clang --target=wasm32 -nostdlib -O1 -Wall -Wl,--no-entry -Wl,--strip-all"
$libc -g -fdebug-compilation-dir=. -o probe.wasm probe.c
$libc -mexec-model=reactor -Wl,--strip-all -o functions.wasm functions.c
$bare -o twice.wasm twice.c
$bare -o needs-twice.wasm needs-twice.c
$bare -o needs-escape.wasm needs-escape.c
