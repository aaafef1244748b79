#!/bin/sh
# Copies what the compiler wrote for the packages of one pruned tree, without what only compilers and tests read.
# Usage: collect-output.sh PRUNED_JSON BUILT TARGET
set -eu
pruned=$1
built=$2
target=$3
for manifest in "$pruned"/apps/*/package.json "$pruned"/packages/*/package.json; do
  [ -f "$manifest" ] || continue
  package=${manifest%/package.json}
  package=${package#"$pruned"/}
  mkdir -p "$target/$package"
  cp -R "$built/$package/dist" "$target/$package/dist"
done
find "$target" -type d -name testing -prune -exec rm -rf {} +
find "$target" -type f \( -name '*.d.ts' -o -name '*.map' -o -name '*.tsbuildinfo' -o -name '*.test.js' \) -exec rm -f {} +
