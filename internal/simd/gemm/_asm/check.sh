#!/usr/bin/env bash
# Fails unless the committed assembly is what the generator writes. Usage: check.sh SCRATCH
set -euo pipefail
cd "$(dirname "$0")"
out=$(mktemp -d -p "${1:-/tmp}")
go run . -dir "$out"
for f in avx2_amd64.s avx512_amd64.s; do diff -q "$out/$f" "../$f"; done
