#!/usr/bin/env bash
# Makes docs/pictures: the pictures and the film of README.md, of the studio in Chromium over runs that are trained for them. Run it from anywhere.
# RUNS=FOLDER keeps the runs there, and takes those that are there already.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
runs=${RUNS:-$scratch/runs}
mkdir -p "$runs" docs/pictures
go build -o "$scratch/energo" ./cmd/energo
train() { [ -e "$runs/$1/result.json" ] || "$scratch/energo" train "${@:2}" --run "$runs/$1"; }
train digits digits --epochs 8 --limit 6000
train parabola parabola --energy codes --functional square_square
[ -e "$runs/sweep/summary.json" ] || "$scratch/energo" sweep parabola --energy output,codes --functional nll,hinge,energy --lr log:0.01..0.2 --points 3 --epochs 4 --run "$runs/sweep" --jobs 2
ENERGO_RUNS=$(realpath "$runs") ENERGO_PICTURES=$PWD/docs/pictures go test ./serve/studio -count=1 -run 'TestPictures$' -long -v
