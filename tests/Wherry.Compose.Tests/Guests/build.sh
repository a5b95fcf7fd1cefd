#!/usr/bin/env bash
# Builds the guests. Needs clang 14 or later, lld, wasi-libc and compiler-rt for wasm32 (Debian: clang lld wasi-libc libclang-rt-14-dev-wasm32).
set -eu
cd "$(dirname "$0")"
for guest in versioned noisy; do
    clang --target=wasm32-wasi --sysroot=/usr -O1 -Wall -D_GNU_SOURCE -Wl,--strip-all -o $guest.wasm $guest.c
done
