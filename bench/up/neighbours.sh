#!/usr/bin/env bash
# Measures a service alone, and beside 8 guests that spin, 8 that fill their memory and 8 that crash in a loop, all in one process, in turn: at 200 requests a second, and with all that four connections ask. Aim: its p99 beside them is at most twice that alone. Usage: neighbours.sh [ROUNDS]
# CPUS=0.1 gives each of those that spin a share of a core; without, they take what they get.
set -euo pipefail
cd "$(dirname "$0")"
wherry=(dotnet "$PWD/../../src/Wherry.Cli/bin/Release/net10.0/wherry.dll")
bench=(dotnet "$PWD/../Wherry.Bench/bin/Release/net10.0/Wherry.Bench.dll")
rounds=${1:-3}
port=${PORT:-22090}
orders=$PWD/../../examples/orders/orders.wasm
noisy=$PWD/../../tests/Wherry.Compose.Tests/Guests/noisy.wasm
folder=$(mktemp -d)
export XDG_RUNTIME_DIR=$folder
cat >"$folder/compose.yaml" <<EOF
name: neighbours
services:
  good: {image: $orders, ports: ["$port:8080"]}
  spin: {image: $noisy, command: [spin], scale: 8, cpus: ${CPUS:-0}, stop_grace_period: 0s}
  memory: {image: $noisy, command: [memory], scale: 8, mem_limit: 8m, stop_grace_period: 0s}
  trap: {image: $noisy, command: [trap], scale: 3, restart: always}
  stack: {image: $noisy, command: [stack], scale: 3, restart: always}
  descriptors: {image: $noisy, command: [descriptors], scale: 2, restart: always}
EOF
cd "$folder"
trap '"${wherry[@]}" down 2>/dev/null || true; rm -rf "$folder"' EXIT
measure() {
    "${wherry[@]}" up "${@:2}" >/dev/null &
    until curl -sS -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null; do sleep 0.5; done
    sleep 3
    "${bench[@]}" paced --port "$port" --name "$1"
    wrk -t1 -c4 -d3s "http://127.0.0.1:$port/" >/dev/null
    wrk -t1 -c4 -d8s --latency "http://127.0.0.1:$port/" | awk -v who="$1" '
        $1 == "99%" { p99 = $2 } $1 == "Requests/sec:" { rate = $2 } /Socket errors|Non-2xx/ { errors = $0 }
        END { printf "%s p99 %s, %s requests/s%s\n", who, p99, rate, errors == "" ? ", no errors" : "," errors }'
    "${wherry[@]}" down
    wait
}
for ((i = 0; i < rounds; i++)); do
    measure alone good
    measure beside
done
