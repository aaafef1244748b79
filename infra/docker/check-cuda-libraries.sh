#!/bin/sh
# Fails unless an image holds every library that onnxruntime's CUDA libraries need, at the version that they name: a
# worker that is built on the wrong CUDA would fall back to the CPU or not start, on the first GPU node.
# Usage: check-cuda-libraries.sh LIBRARY_FOLDER IMAGE_ROOT. Needs readelf (binutils).
set -eu

# Loaded by name when the first convolution asks for it, so that no file lists it.
LOADED_BY_NAME=${LOADED_BY_NAME-libcudnn.so.9}
# The driver's: the container runtime puts them into the container, and no image has them.
OF_THE_DRIVER='libcuda.so.1 libnvidia-ml.so.1'

folder=$1
root=$2

fail() {
  echo "Cannot build for CUDA: $*" >&2
  exit 1
}

[ -f "$folder/libonnxruntime_providers_cuda.so" ] || fail "libonnxruntime_providers_cuda.so is not in $folder"

needs_of() {
  dynamic=$(readelf --dynamic --wide "$1") || return 1
  printf '%s\n' "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p'
}

# Where the loader of that image looks, and the folder itself, whose files name each other by their own place. Not
# /usr/local/cuda: it is an absolute link, which would lead to this machine's own.
names=$(mktemp)
trap 'rm -f "$names"' EXIT
{
  find "$folder" -maxdepth 1 -name '*.so*'
  for place in "$root/usr/lib" "$root/usr/lib64" "$root/usr/local/lib" "$root"/usr/local/cuda-*; do
    [ ! -d "$place" ] || find "$place" -name '*.so*' 2>/dev/null
  done
} | sed 's|.*/||' | sort -u >"$names"

missing=
for library in "$folder"/*.so*; do
  needs=$(needs_of "$library") || fail "$library is no ELF file"
  [ "${library##*/}" != libonnxruntime_providers_cuda.so ] || needs="$needs $LOADED_BY_NAME"
  for name in $needs; do
    case " $OF_THE_DRIVER " in *" $name "*) continue ;; esac
    if grep -q -F -x -e "$name" "$names"; then
      echo "${library##*/} needs $name: it is there"
    else
      missing="$missing $name"
      other=$(grep -F -e "${name%%.so*}.so." "$names" | tr '\n' ' ')
      echo "${library##*/} needs $name: it is absent, there is ${other:-no other version}" >&2
    fi
  done
done
[ -z "$missing" ] || fail "the base image (CUDA_IMAGE) has not:$missing"
