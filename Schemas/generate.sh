#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes the C readers of the schemas with protoc-c; `make protos` runs it.
#
#   Schemas/generate.sh           rewrite the committed files
#   Schemas/generate.sh --check   exit 1 where a committed file differs from what would be written
set -eu
cd "$(dirname "$0")/.."

mode=write
case "${1:-}" in
    "") ;;
    --check) mode=check ;;
    *) echo "usage: $0 [--check]" >&2; exit 64 ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# place MADE COMMITTED
place() {
    if [ "$mode" = write ]; then
        mkdir -p "$(dirname "$2")"
        cp "$1" "$2"
    elif ! cmp -s "$1" "$2"; then
        echo "$2 is not what Schemas makes; run Schemas/generate.sh" >&2
        status=1
    fi
}

# A line for each schema: its name and the C target that holds the result.
while read -r schema target; do
    protoc-c --proto_path=Schemas --c_out="$scratch" "Schemas/$schema.proto"
    place "$scratch/$schema.pb-c.c" "Sources/$target/$schema.pb-c.c"
    place "$scratch/$schema.pb-c.h" "Sources/$target/include/$schema.pb-c.h"
done <<END
onnx COnnx
calibration CCalibration
END
exit $status
