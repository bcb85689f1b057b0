#!/bin/bash
# run.sh PYTHON: all tests for one CPython: the release library under pytest in a process of that Python; the programs in
# C, C++ and Rust where this Python can be embedded. What was left out is said. Ends with the line
#   <name>: N passed, N failed
# GUIDED names CPythons for which the library is tested that `make install` would install, which a profile guided.
# TESTS names the files of tests/python to run; without it, all of them. SHORT names CPythons ("3.11-static 3.10") on which
# without TESTS those files run that depend most on how a CPython is built.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
python=$1
{ read -r name; read -r full; read -r alone; } < <("$python" tests/interpreters/facts.py name full alone)
venv=$root/build/venv/$name
log=$root/build/log/$name
mkdir -p "$log"
. tests/count.sh
say "CPython $full"
case " ${SHORT:-} " in *" $name "*)
  TESTS=${TESTS:-test_bytes.py test_doors.py test_errors.py test_face.py test_install.py test_stencils.py test_threads.py \
test_tracker.py test_unpickler.py test_unpickler_fast.py}
  ;;
esac
tests/interpreters/environment.sh "$python" "$venv" || exit 1

export PYO3_PYTHON=$venv/plain/bin/python CARGO_TARGET_DIR=$root/build/target/$name
said=$(cargo rustc --release --quiet --crate-type cdylib 2>&1) || { echo "$said"; say "the library does not build"; exit 1; }
if [ -n "$said" ]; then
  echo "$said"
  say "the library does not build without warnings"
  failed=1
fi
CARGO_TARGET_DIR=$root/build/target/embed cargo build --release --quiet -p cloudpickle-embed ||
  { say "libcloudpickle-embed does not build"; exit 1; }

library=$CARGO_TARGET_DIR/release/libcloudpickle.so
case " ${GUIDED:-} " in *" $name "*)
  say "the library is built anew, guided by a profile"
  make -s PYTHON="$python" guided || exit 1
  library=$CARGO_TARGET_DIR/guided/release/libcloudpickle.so
  ;;
esac
export LIBCLOUDPICKLE=$library PLAIN_PYTHON=$venv/plain/bin/python PYTHONHASHSEED=1
export HYPOTHESIS_STORAGE_DIRECTORY=$log/hypothesis
cd tests/python
# shellcheck disable=SC2086  # a list of files
run "python tests" "$venv/tests/bin/python" -m pytest -rs ${TESTS:-}
[ -z "${TESTS:-}" ] || say "of the python tests only: $TESTS"
cd "$root"
case $name in *-static) alone="its executable is linked statically" ;; esac
if [ -n "$alone" ]; then
  say "left out: programs that embed Python ($alone)"
else
  run "cargo tests" cargo test --quiet --no-fail-fast -- --show-output
  # A short form of `make check-memory`, with what was just compiled.
  cargo build --quiet -p cloudpickle-allocator || { say "tests/allocator does not build"; exit 1; }
  export LIBCLOUDPICKLE=$CARGO_TARGET_DIR/debug/libcloudpickle_allocator.so
  cd tests/python
  run "tests of its allocations" env ALLOCATOR_STEP=200 "$venv/tests/bin/python" -m pytest -rs test_allocator.py
  cd "$root"
fi
echo "$name: $passed passed, $failed failed"
[ "$failed" = 0 ]
