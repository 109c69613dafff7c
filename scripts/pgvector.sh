#!/usr/bin/env bash
# A PostgreSQL with pgvector on this machine, from nothing but Node.js: PGlite, which is PostgreSQL as WebAssembly.
# For trials and for the tests of search/index/pgvector, not for work: it serves one connection at a time, asks for
# no password, and listens on the loopback device alone.
#
#   scripts/pgvector.sh install   PGlite and its extension, from npm: about 30 MB
#   scripts/pgvector.sh start     prints the URL of the database
#   scripts/pgvector.sh stop
#   scripts/pgvector.sh clean     stop, and remove what was stored
#
#   ENERGO_PGVECTOR_URL=$(scripts/pgvector.sh start) go test ./search/index/pgvector
#
# ENERGO_PGVECTOR_DIR  folder of the server, its data and log (~/.cache/energo/pgvector)
# ENERGO_PGVECTOR_PORT port (54330)
set -euo pipefail

pglite=0.5.14 socket=0.2.17 extension=0.0.15
dir=${ENERGO_PGVECTOR_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/energo/pgvector}
port=${ENERGO_PGVECTOR_PORT:-54330}

fail() { echo "pgvector.sh: $*" >&2; exit 1; }

install() {
  command -v npm >/dev/null || fail 'npm is not on the PATH; it comes with Node.js'
  mkdir -p "$dir"
  npm install --prefix "$dir" --no-audit --no-fund --silent \
    "@electric-sql/pglite@$pglite" "@electric-sql/pglite-socket@$socket" "@electric-sql/pglite-pgvector@$extension"
  echo "installed PGlite $pglite in $dir" >&2
}

alive() { [ -f "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
  local tries server=$dir/node_modules/.bin/pglite-server
  [ -x "$server" ] || fail "$server is not there; run: $0 install"
  if ! alive; then
    (cd "$dir" && exec nohup node "$server" --db="$dir/data" --host=127.0.0.1 --port="$port" \
      --extensions=@electric-sql/pglite-pgvector:vector --max-connections=10) </dev/null >>"$dir/log" 2>&1 &
    echo $! >"$dir/pid"
  fi
  for ((tries = 0; ; tries++)); do
    listens && break
    alive || fail "the server ended; its last words are in $dir/log"
    [ "$tries" -lt 120 ] || fail "the server does not answer after a minute; see $dir/log"
    sleep 0.5
  done
  # One connection: a second one would wait for the transaction of the first.
  echo "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable&pool_max_conns=1"
}

stop() {
  local pid tries
  alive || { rm -f "$dir/pid"; return; }
  pid=$(cat "$dir/pid")
  kill "$pid"
  for ((tries = 0; tries < 20; tries++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.5
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$dir/pid"
}

case ${1:-} in
  install) install ;;
  start) start ;;
  stop) stop ;;
  clean) stop; rm -rf "$dir/data" "$dir/log" ;;
  *) sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
