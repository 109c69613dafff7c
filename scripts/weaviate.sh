#!/usr/bin/env bash
# A Weaviate cluster on this machine, from nothing but Go: builds the server, starts nodes that know each
# other on the loopback device, and stops them. For trials and for the tests of search/index/weaviate, not for
# work: nobody needs a key, and the ports of gRPC and of the nodes' data are open to the network.
#
#   scripts/weaviate.sh build          the server, from the Go module proxy: minutes, and about 3 GB of modules
#   scripts/weaviate.sh start [NODES]  2 nodes unless told otherwise; prints the URL of the cluster
#   scripts/weaviate.sh status         which nodes answer
#   scripts/weaviate.sh kill NODE      one node at once, as a crash would; nodes count from 0
#   scripts/weaviate.sh stop           all nodes
#   scripts/weaviate.sh clean          stop, and remove what the nodes had stored
#
# ENERGO_WEAVIATE_DIR  folder of the server, its data and logs (~/.cache/energo/weaviate)
# ENERGO_WEAVIATE_PORT first port (8080): node n is at port + n; its other ports are from port + 100 on
set -euo pipefail

version=v1.35.2
dir=${ENERGO_WEAVIATE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/energo/weaviate}
port=${ENERGO_WEAVIATE_PORT:-8080}
server=$dir/weaviate-server

fail() { echo "weaviate.sh: $*" >&2; exit 1; }

build() {
  command -v go >/dev/null || fail 'go is not on the PATH; it builds the server'
  mkdir -p "$dir"
  if [ -x "$server" ] && go version -m "$server" | grep -q "weaviate[[:space:]]$version"; then
    echo "$server is $version already"
    return
  fi
  echo "building weaviate-server $version into $dir (minutes)"
  GOBIN=$dir CGO_ENABLED=0 go install "github.com/weaviate/weaviate/cmd/weaviate-server@$version"
  echo "built $server"
}

# alive NODE: its process runs.
alive() { [ -f "$dir/node$1.pid" ] && kill -0 "$(cat "$dir/node$1.pid")" 2>/dev/null; }

# answers NODE: it is ready for requests. bash's own TCP, so that nothing else need be there.
answers() {
  local line
  { exec 3<>"/dev/tcp/127.0.0.1/$((port + $1))"; } 2>/dev/null || return 1
  printf 'GET /v1/.well-known/ready HTTP/1.0\r\n\r\n' >&3
  read -r -t 5 line <&3 || line=
  exec 3>&-
  [[ $line == *' 200 '* ]]
}

nodes() { local f; for f in "$dir"/node*.pid; do [ -f "$f" ] && basename "$f" .pid | tr -dc '0-9\n'; done; return 0; }

# peers NODE NODES: where the gossip of the nodes that run is, once they listen; a node that cannot join ends.
peers() {
  local i tries join=''
  for ((i = 0; i < $2; i++)); do
    [ "$i" != "$1" ] && alive "$i" || continue
    for ((tries = 0; tries < 60; tries++)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$((port + 100 + 10 * i))") 2>/dev/null; then
        join+=${join:+,}127.0.0.1:$((port + 100 + 10 * i))
        break
      fi
      sleep 0.5
    done
  done
  echo "$join"
}

# launch NODE NODES: gossip, data and consensus have ports of their own.
launch() {
  local n=$1 all=$2 base=$((port + 100 + 10 * $1)) raft='' i
  for ((i = 0; i < all; i++)); do raft+=${raft:+,}node$i:$((port + 102 + 10 * i)); done
  mkdir -p "$dir/node$n"
  env \
    CLUSTER_HOSTNAME="node$n" CLUSTER_IN_LOCALHOST=true CLUSTER_BIND_ADDR=127.0.0.1 CLUSTER_ADVERTISE_ADDR=127.0.0.1 \
    CLUSTER_GOSSIP_BIND_PORT=$base CLUSTER_DATA_BIND_PORT=$((base + 1)) \
    CLUSTER_JOIN="$(peers "$n" "$all")" \
    RAFT_PORT=$((base + 2)) RAFT_INTERNAL_RPC_PORT=$((base + 3)) RAFT_JOIN="$raft" RAFT_BOOTSTRAP_EXPECT="$all" \
    GRPC_PORT=$((base + 4)) GO_PROFILING_DISABLE=true PROMETHEUS_MONITORING_ENABLED=false \
    PERSISTENCE_DATA_PATH="$dir/node$n" AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=true \
    DEFAULT_VECTORIZER_MODULE=none AUTOSCHEMA_ENABLED=false DISABLE_TELEMETRY=true LOG_LEVEL=warning \
    nohup "$server" --scheme http --host 127.0.0.1 --port $((port + n)) </dev/null >>"$dir/node$n.log" 2>&1 &
  echo $! >"$dir/node$n.pid"
}

start() {
  local all=${1:-2} n tries url=''
  [[ $all =~ ^[1-9]$ ]] || fail "NODES is $all; it must be 1 to 9"
  [ -x "$server" ] || fail "$server is not there; run: $0 build"
  for ((n = 0; n < all; n++)); do
    if alive "$n"; then echo "node $n runs already"; else launch "$n" "$all"; fi
  done
  for ((n = 0; n < all; n++)); do
    for ((tries = 0; ; tries++)); do
      answers "$n" && break
      alive "$n" || fail "node $n ended; its last words are in $dir/node$n.log"
      [ "$tries" -lt 120 ] || fail "node $n does not answer after a minute; see $dir/node$n.log"
      sleep 0.5
    done
    echo "node $n: http://127.0.0.1:$((port + n)), data in $dir/node$n, log $dir/node$n.log"
    url+=${url:+,}127.0.0.1:$((port + n))
  done
  echo "cluster: weaviate://$url/CLASS?replicas=$all"
}

# end NODE SIGNAL: ends a node and waits for it.
end() {
  local pid tries
  alive "$1" || { echo "node $1 does not run"; rm -f "$dir/node$1.pid"; return; }
  pid=$(cat "$dir/node$1.pid")
  kill "-$2" "$pid"
  for ((tries = 0; tries < 60; tries++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.5
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$dir/node$1.pid"
  echo "node $1 stopped"
}

case ${1:-} in
  build) build ;;
  start) start "${2:-2}" ;;
  status) for n in $(nodes); do if answers "$n"; then echo "node $n answers at http://127.0.0.1:$((port + n))"; else echo "node $n does not answer"; fi; done ;;
  kill) [[ ${2:-} =~ ^[0-9]$ ]] || fail 'kill wants the number of a node'; end "$2" KILL ;;
  stop) for n in $(nodes); do end "$n" TERM; done ;;
  clean) for n in $(nodes); do end "$n" TERM; done; rm -rf "$dir"/node[0-9] "$dir"/node[0-9].log; echo "removed the data in $dir" ;;
  *) sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
