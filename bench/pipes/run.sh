#!/usr/bin/env bash
# Measures connections between two guests: inside one process (wherry up) beside two processes over loopback (wherry run --net host). Usage: run.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")"
wherry=(dotnet ../../src/Wherry.Cli/bin/Release/net10.0/wherry.dll)
port=${PORT:-7000}
inside() { "${wherry[@]}" up -f compose.yaml --no-cache | grep -o 'roundtrip.*'; }
loopback() {
    "${wherry[@]}" run --no-cache --net host pair.wasm serve "$port" >/dev/null &
    until "${wherry[@]}" run --no-cache --net host pair.wasm ask 127.0.0.1 "$port"; do sleep 0.2; done
    wait
}
for ((i = 0; i < ${1:-5}; i++)); do
    inside | sed 's/^/inside:   /'
    loopback | sed 's/^/loopback: /'
    port=$((port + 1))
done | tee /dev/stderr | awk '
    { round[$1][++count[$1]] = $3; through[$1][count[$1]] = $6 }
    function median(values, n) { asort(values); return values[int((n + 1) / 2)] }
    END {
        n = count["inside:"]
        for (i = 1; i <= n; i++) { a[i] = round["inside:"][i]; b[i] = round["loopback:"][i]; c[i] = through["inside:"][i]; d[i] = through["loopback:"][i] }
        printf "medians of %d: round trip %.2f us inside, %.2f us loopback (%.2f times as fast); throughput %.0f and %.0f MB/s (%.2f times)\n",
            n, median(a, n), median(b, n), median(b, n) / median(a, n), median(c, n), median(d, n), median(c, n) / median(d, n)
    }'
