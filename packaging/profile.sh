#!/bin/bash
# profile.sh PYTHON FOLDER: which ways the library goes while it works, for a build that is guided by it. Builds a library
# that counts, lets it work (train.py), and prints the compiler's flags for one that the counts guide. Where there is no
# llvm-profdata of the compiler's own LLVM, which rustup has, it says so and prints nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
folder=$(mkdir -p "$2" && cd "$2" && pwd)
profdata() { find "$(rustc --print sysroot)/lib/rustlib" -name llvm-profdata 2>/dev/null | head -1; }
[ -n "$(profdata)" ] || { command -v rustup >/dev/null && rustup component add llvm-tools >/dev/null 2>&1; } || true
merge=$(profdata)
if [ -z "$merge" ]; then
  echo "not guided by a profile: llvm-profdata is missing (rustup component add llvm-tools)" >&2
  exit
fi
exec 9>"$folder/lock"
flock 9
PYO3_PYTHON=$python CARGO_TARGET_DIR=$folder cargo rustc --release --quiet --crate-type cdylib -- -Cprofile-generate="$folder/counts"
library=$folder/release/libcloudpickle.so
# What trained with this library is good until there is another one.
profile=$folder/$(cat "$library" packaging/train.py | sha256sum | cut -c1-16).profdata
if [ ! -e "$profile" ]; then
  rm -rf "$folder/counts" "$folder"/*.profdata
  PYTHONHASHSEED=1 LIBCLOUDPICKLE=$library "$python" packaging/train.py
  "$merge" merge -o "$profile.new" "$folder/counts"
  mv "$profile.new" "$profile"
fi
# A profile says which value was chosen more often, not how well a processor could guess it: what has no branch gets none.
# (With branches, ints of all sizes took twice the time.)
echo "-Cprofile-use=$profile -Cllvm-args=-disable-cgp-select2branch"
