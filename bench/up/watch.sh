#!/usr/bin/env bash
# Measures how long it takes until a new connection is answered by a new version of a guest, once its file is in its place (--watch), or once `wherry update` has come back. Usage: watch.sh [ROUNDS]
# Each version is another module, which nothing has seen before; a small one, and the order service.
set -euo pipefail
cd "$(dirname "$0")"
wherry=(dotnet "$PWD/../../src/Wherry.Cli/bin/Release/net10.0/wherry.dll")
rounds=${1:-10}
port=${PORT:-22060}
small=$PWD/../../tests/Wherry.Compose.Tests/Guests/versioned.wasm
orders=$PWD/../../examples/orders/orders.wasm
folder=$(mktemp -d)
export XDG_RUNTIME_DIR=$folder
cd "$folder"
# The same length, so that sed needs to know nothing of modules: the text that they answer "/" with.
version() { sed -E "s/VERSION=.{8};/VERSION=$(printf %-8s "$2");/; s/The order service/$(printf 'The order%8s' "$2")/" "$1"; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
until_new() {
    until curl -sS "http://127.0.0.1:$1/" 2>/dev/null | grep -qF "$2"; do :; done
    echo "$3 $(($(milliseconds) - start))"
}
version "$small" v0 >small.wasm
version "$orders" v0 >orders.wasm
printf 'name: watch\nservices:\n  small: {image: ./small.wasm, ports: ["%s:8080"]}\n  orders: {image: ./orders.wasm, ports: ["%s:8080"]}\n' "$port" $((port + 1)) >compose.yaml
"${wherry[@]}" up --watch -d >/dev/null
trap '"${wherry[@]}" down; rm -rf "$folder"' EXIT
until curl -sS -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null; do sleep 0.5; done
until curl -sS -o /dev/null "http://127.0.0.1:$((port + 1))/" 2>/dev/null; do sleep 0.5; done
sleep 1
for ((i = 1; i <= rounds; i++)); do
    for what in small orders; do
        if [ $what = small ]; then at=$port; from=$small; else at=$((port + 1)); from=$orders; fi
        version "$from" "w$i" >next.wasm
        sleep 0.$((RANDOM % 10))
        start=$(milliseconds)
        mv next.wasm $what.wasm
        until_new $at "w$i" "$what,watched"
        version "$from" "u$i" >$what-next.wasm
        "${wherry[@]}" update $what $what-next.wasm >/dev/null
        start=$(milliseconds)
        until_new $at "u$i" "$what,updated"
    done
done | awk '
    { times[$1][++count[$1]] = $2 }
    END {
        for (what in times) {
            asort(times[what], sorted)
            printf "%s: median %d, longest %d ms of %d\n", what, sorted[int((count[what] + 1) / 2)], sorted[count[what]], count[what]
        }
    }' | sort
