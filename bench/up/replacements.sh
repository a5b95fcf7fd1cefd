#!/usr/bin/env bash
# Counts the errors of clients while an order service is replaced 20 times: wrk on connections that it keeps, and curl with a new one for each request. Usage: replacements.sh [REPLACEMENTS]
set -euo pipefail
cd "$(dirname "$0")"
wherry=(dotnet "$PWD/../../src/Wherry.Cli/bin/Release/net10.0/wherry.dll")
replacements=${1:-20}
port=${PORT:-22070}
orders=$PWD/../../examples/orders/orders.wasm
folder=$(mktemp -d)
export XDG_RUNTIME_DIR=$folder
cd "$folder"
cp "$orders" v0.wasm
printf 'name: replacements\nservices:\n  web: {image: ./v0.wasm, ports: ["%s:8080"]}\n' "$port" >compose.yaml
"${wherry[@]}" up --no-cache -d >/dev/null
trap '"${wherry[@]}" down; rm -rf "$folder"' EXIT
until curl -sS -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null; do sleep 0.5; done
fresh() {
    trap 'echo "fresh connections: $count requests, $errors errors"; exit' TERM
    local count=0 errors=0
    while true; do
        curl -sS -f -o /dev/null --max-time 30 "http://127.0.0.1:$port/" 2>>failures || errors=$((errors + 1))
        count=$((count + 1))
    done
}
# Longer than all replacements take; the signal makes it print.
wrk -t1 -c4 -d3600s "http://127.0.0.1:$port/" >kept & kept=$!
fresh & fresh=$!
for ((i = 1; i <= replacements; i++)); do
    # Another module: an empty custom section more (id 0, size 2, a name of one letter).
    { cat v$((i - 1)).wasm; printf '\x00\x02\x01%b' "\\x$(printf %02x $((97 + i % 26)))"; } >v$i.wasm
    "${wherry[@]}" update web v$i.wasm --drain 1h
    sleep 1
done
kill -INT $kept
kill -TERM $fresh
wait $kept $fresh || true
awk '/requests in/ { requests = $1 } /Socket errors|Non-2xx/ { errors = errors $0 }
    END { printf "kept connections: %s requests, %s\n", requests, errors == "" ? "0 errors" : errors }' kept
cat failures
"${wherry[@]}" ps
