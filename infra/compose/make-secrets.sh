#!/bin/sh
# Makes the secrets that compose.yaml mounts, in the folder `secrets` beside this file or in the one that is named. What
# is there stays, so that it may be called again. Containers run as users of their own, who must read the files; the
# folder keeps the users of this machine out.
set -eu
dir=${1:-"$(dirname "$0")/secrets"}
mkdir -p "$dir"
chmod 700 "$dir"
umask 022

random() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# keep NAME: writes standard input to a new secret.
keep() {
  if [ -s "$dir/$1" ]; then echo "$dir/$1 stays as it is"; return; fi
  cat >"$dir/$1.new"
  mv "$dir/$1.new" "$dir/$1"
  echo "$dir/$1 is made"
}

random | keep redis_password
random | keep grafana_password
printf '[default]\naws_access_key_id = latentfarm\naws_secret_access_key = %s\n' "$(random)" | keep s3_credentials
