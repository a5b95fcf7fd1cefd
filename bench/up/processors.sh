#!/usr/bin/env bash
# Measures which share of a core guests get that never wait, by `cpus:` of the Compose file. Usage: processors.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")"
wherry=(dotnet "$PWD/../../src/Wherry.Cli/bin/Release/net10.0/wherry.dll")
seconds=${1:-10}
folder=$(mktemp -d)
export XDG_RUNTIME_DIR=$folder
probe=$PWD/../../tests/Wherry.Cli.Tests/Guests/probe.wasm
cat >"$folder/compose.yaml" <<EOF
name: processors
services:
  tenth: {image: $probe, command: [loop], cpus: 0.1, stop_grace_period: 0s}
  fifth: {image: $probe, command: [loop], deploy: {resources: {limits: {cpus: "0.2"}}}, stop_grace_period: 0s}
  free: {image: $probe, command: [loop], stop_grace_period: 0s}
EOF
cd "$folder"
"${wherry[@]}" up -d >/dev/null
trap '"${wherry[@]}" down; rm -rf "$folder"' EXIT
look() { date +%s.%N; "${wherry[@]}" ps --format json | grep -o '"service":"[a-z]*"\|"cpuSeconds":[0-9.E-]*' | sed 's/.*://; s/"//g' | paste - -; }
sleep 2
look >first
sleep "$seconds"
look >second
awk 'NR == FNR { if (NF == 1) start = $1; else before[$1] = $2; next }
     NF == 1 { time = $1 - start; next }
     { printf "%-6s %.3f of a core over %.1f s\n", $1, ($2 - before[$1]) / time, time }' first second
