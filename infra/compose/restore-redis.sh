#!/bin/sh
# Lays a backup (an RDB file) into the data folder of a Redis that is stopped. Redis reads no RDB file where there is an
# append-only folder, so that folder is made from it; the present one is kept under another name.
# Usage: restore-redis.sh FILE [DATA_FOLDER]
set -eu
file=$1
data=${2:-/data}
# Not Redis' own port: nobody is to speak to it meanwhile.
port=${3:-6399}

[ -s "$file" ] || { echo "Cannot restore as there is no backup: file is $file" >&2; exit 1; }
if [ -e "$data/appendonlydir" ]; then mv "$data/appendonlydir" "$data/appendonlydir.$(date +%s)"; fi
cp "$file" "$data/restored.rdb"
redis-server --dir "$data" --dbfilename restored.rdb --bind 127.0.0.1 --port "$port" --appendonly no --save '' &
redis=$!

ask() { redis-cli -p "$port" "$@"; }
until ask ping 2>/dev/null | grep -q PONG; do
  kill -0 "$redis" || { echo "Cannot restore as Redis does not read it: file is $file" >&2; exit 1; }
  sleep 1
done
ask config set appendonly yes
until ask info persistence | tr -d '\r' | grep -Ec '^aof_rewrite_(in_progress|scheduled):0$' | grep -q 2; do sleep 1; done
ask shutdown nosave
wait "$redis"
rm "$data/restored.rdb"
echo "$data/appendonlydir is made from $file"
