#!/bin/bash
# header.sh: the tests that include/cloudpickle.h is what the source says, and that libcloudpickle-embed has what it
# says; they ask for no Python. Ends with the line
#   header: N passed, N failed
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
name=header log=$root/build/log/header
mkdir -p "$log"
. tests/count.sh
export CARGO_TARGET_DIR=$root/build/target/header
run "its source" cargo test --quiet -p cloudpickle-header
run "libcloudpickle-embed" cargo test --quiet -p cloudpickle-embed
echo "$name: $passed passed, $failed failed"
[ "$failed" = 0 ]
