#!/bin/sh
# Builds energo for pages without a server (cmd/energo-wasm), packed, and takes the script that starts it from the same Go.
set -eu
cd "$(dirname "$0")"
CGO_ENABLED=0 GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags='-s -w' -o energo.wasm ../../../cmd/energo-wasm
gzip -9 -n -f energo.wasm
cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" wasm_exec.js
chmod 644 energo.wasm.gz wasm_exec.js
