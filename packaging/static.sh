#!/bin/bash
# static.sh LIBRARY RESULT: makes of a static library, as rustc leaves it, one that shows only the functions of the header and the
# module's PyInit. As rustc leaves it, it shows all of Rust's runtime, which every other static library out of rustc shows
# too, and which an extension module would export.
set -euo pipefail
library=$1 result=$2
cd "$(dirname "$0")/.."
[ "$library" -nt "$result" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
roots=$(sed 's/^/--undefined=/' tests/golden/symbols.txt)
# shellcheck disable=SC2086  # flags
ld -r --gc-sections $roots -o "$work/cloudpickle.o" --whole-archive "$library"
# The bitcode of the standard library is not whole any more once it is linked.
objcopy --keep-global-symbols=tests/golden/symbols.txt --remove-section=.llvmbc --remove-section=.llvmcmd "$work/cloudpickle.o"
rm -f "$result"
ar rcsD "$result" "$work/cloudpickle.o"
