#!/usr/bin/env bash
# Measures connections between two guests: inside one process (wherry up), with no thread while they wait (the first ones of their module, and later ones) and with a thread each, beside two processes over loopback (wherry run --net host). Usage: run.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")"
wherry=(dotnet ../../src/Wherry.Cli/bin/Release/net10.0/wherry.dll)
port=${PORT:-7000}
inside() { "${wherry[@]}" up -f compose.yaml --no-cache | grep -o 'client.*roundtrip.*' | sed -E 's/^client-again[^r]*/later: /; s/^client-thread-[^r]*/thread: /; s/^client-[0-9][^r]*/first: /'; }
loopback() {
    "${wherry[@]}" run --no-cache --net host pair.wasm serve "$port" >/dev/null &
    until "${wherry[@]}" run --no-cache --net host pair.wasm ask 127.0.0.1 "$port"; do sleep 0.2; done
    wait
}
for ((i = 0; i < ${1:-5}; i++)); do
    inside
    loopback | sed 's/^/loopback: /'
    port=$((port + 1))
done | tee /dev/stderr | awk '
    { round[$1][++count[$1]] = $3; through[$1][count[$1]] = $6 }
    function median(values) { return values[int((asort(values) + 1) / 2)] }
    function show(name, label) {
        printf "  %s: round trip %.2f us (%.2f times as fast as loopback), throughput %.0f MB/s (%.2f times)\n", name, a = median(round[label]), loop / a, b = median(through[label]), b / loops
    }
    END {
        loop = median(round["loopback:"]); loops = median(through["loopback:"])
        printf "medians of %d; loopback: round trip %.2f us, throughput %.0f MB/s\n", count["loopback:"], loop, loops
        show("inside, the first guests", "first:"); show("inside, later guests", "later:"); show("inside, a thread for each", "thread:")
    }'
