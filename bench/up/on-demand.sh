#!/usr/bin/env bash
# Measures the first request to a guest that starts on demand, from the connection to the end of the answer, beside the same request to one that runs. Usage: on-demand.sh [ROUNDS]
# The first round compiles; what is printed are medians of the others.
set -euo pipefail
cd "$(dirname "$0")"
wherry=(dotnet "$PWD/../../src/Wherry.Cli/bin/Release/net10.0/wherry.dll")
rounds=${1:-20}
port=${PORT:-22080}
orders=$PWD/../../examples/orders/orders.wasm
folder=$(mktemp -d)
export XDG_RUNTIME_DIR=$folder
cat >"$folder/compose.yaml" <<EOF
name: on-demand
services:
  asleep: {image: $orders, ports: ["$port:8080"], x-wherry: {start: on-demand, idle: 500ms}}
  awake: {image: $orders, ports: ["$((port + 1)):8080"]}
EOF
cd "$folder"
"${wherry[@]}" up -d >/dev/null
trap '"${wherry[@]}" down; rm -rf "$folder"' EXIT
ask() { curl -sS -o /dev/null -w '%{time_total}\n' "http://127.0.0.1:$1/"; }
sleep 3
ask "$port" >/dev/null
ask "$((port + 1))" >/dev/null
for ((i = 0; i < rounds; i++)); do
    until "${wherry[@]}" ps --format json asleep | grep -q '"state":"idle"'; do sleep 0.2; done
    echo "asleep $(ask "$port")"
    echo "awake $(ask "$((port + 1))")"
done | awk '
    { times[$1][++count[$1]] = $2 * 1000 }
    function median(values, n) { asort(values); return values[int((n + 1) / 2)] }
    END {
        for (i = 1; i <= count["asleep"]; i++) { a[i] = times["asleep"][i]; b[i] = times["awake"][i] }
        printf "first request: %.2f ms to a guest that it starts, %.2f ms to one that runs; medians of %d. Aim: the guest accepts within 5 ms, which is before the difference of the two is over\n", median(a, count["asleep"]), median(b, count["awake"]), count["asleep"]
    }'
