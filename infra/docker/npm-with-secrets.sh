#!/bin/sh
# npm with the builder's own registry settings and certificates, where the build is given them as secrets: they are files
# that exist only while one command runs, so none of them is in a layer.
set -eu
if [ -f /run/secrets/npmrc ]; then
  export NPM_CONFIG_USERCONFIG=/run/secrets/npmrc
fi
if [ -f /run/secrets/ca ]; then
  export NODE_EXTRA_CA_CERTS=/run/secrets/ca
fi
exec npm "$@"
