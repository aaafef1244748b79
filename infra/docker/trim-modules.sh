#!/bin/sh
# Takes out of an installed tree what no process reads: other platforms' binaries, TypeScript, source maps, tests and
# documents of packages. Licences stay. Usage: trim-modules.sh APP_FOLDER
set -eu
cd "$1"
platform=$(node -p 'process.platform')
arch=$(node -p 'process.arch')

# onnxruntime-node carries the binaries of every platform, 240 MB of them for others than this one.
binaries=node_modules/onnxruntime-node/bin/napi-v6
if [ -d "$binaries" ]; then
  if [ ! -d "$binaries/$platform/$arch" ]; then
    echo "Cannot trim onnxruntime-node: it has no binaries for $platform/$arch" >&2
    exit 1
  fi
  find "$binaries" -mindepth 1 -maxdepth 1 ! -name "$platform" -exec rm -rf {} +
  find "$binaries/$platform" -mindepth 1 -maxdepth 1 ! -name "$arch" -exec rm -rf {} +
fi

# A package's folder is one below node_modules, or below a scope there.
find . -type d -path '*/node_modules/*' \( -name test -o -name tests -o -name __tests__ -o -name benchmark \
  -o -name benchmarks -o -name docs -o -name example -o -name examples -o -name .github \) -prune -print |
  grep -E '/node_modules/(@[^/]+/)?[^/@]+/[^/]+$' |
  while IFS= read -r folder; do rm -rf "$folder"; done
find . -type f -path '*/node_modules/*' \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \
  -o -name '*.tsbuildinfo' -o -name '*.test.js' \) -exec rm -f {} +
