#!/usr/bin/env bash
# Makes docs/pictures: the pictures and the film of README.md, of the studio in Chromium over runs that are trained for them. Run it from anywhere.
# RUNS=FOLDER keeps the runs there, and takes those that are there already.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$scratch"' EXIT
runs=${RUNS:-$scratch/runs}
mkdir -p "$runs" docs/pictures
go build -o "$scratch/energo" ./cmd/energo
train() { [ -e "$runs/$1/result.json" ] || "$scratch/energo" train "${@:2}" --run "$runs/$1"; }
train digits digits --epochs 8 --limit 6000
train square-square parabola --energy codes --functional square_square
train energy-loss parabola --energy codes --functional energy
"$scratch/energo" studio "$runs" --listen 127.0.0.1:0 --open=false >"$scratch/address" &
server=$!
until grep -q http "$scratch/address"; do sleep 0.2; kill -0 "$server"; done
ENERGO_STUDIO=$(grep -o 'http://[^ ]*' "$scratch/address") ENERGO_PICTURES=$PWD/docs/pictures go test ./serve/studio -count=1 -run 'TestPictures$' -long -v
