#!/bin/bash
# check.sh PYTHON WHAT: what tries to break the library, for one CPython: memory, callbacks, references, threads,
# interpreters, hostile, io, arguments, sanitizers, valgrind, fuzz. SECONDS_EACH is how long what has no end of its own goes
# on, EXAMPLES how many programs are made and compared, CALLS how many calls each of eight processes makes four times over.
# docs/trust.md says what each came to.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$1 what=$2
name=$("$python" "$root/tests/interpreters/facts.py" name)
venv=$root/build/venv/$name
export PYO3_PYTHON=$venv/plain/bin/python CARGO_TARGET_DIR=$root/build/target/$name
export LIBCLOUDPICKLE=$CARGO_TARGET_DIR/release/libcloudpickle.so PLAIN_PYTHON=$PYO3_PYTHON PYTHONHASHSEED=${PYTHONHASHSEED:-1}
export HYPOTHESIS_STORAGE_DIRECTORY=$root/build/log/$name/hypothesis
export THREADS_SECONDS=$SECONDS_EACH HOSTILE_SECONDS=$SECONDS_EACH

py() { (cd "$root/tests/python" && "$venv/tests/bin/python" -m pytest -rsP "$@"); }
c() { # TEST NAME...: programs in C
  CARGO_TARGET_DIR=$root/build/target/embed cargo build --release --quiet -p cloudpickle-embed
  (cd "$root" && cargo test --quiet --test "$1" -- --show-output "${@:2}")
}

echo "== $what, CPython $name"
case $what in
memory)
  MEMORY_FULL=1 py test_no_memory.py
  (cd "$root" && cargo build --quiet -p cloudpickle-allocator)
  # What is left behind is looked at for every tenth object, in many rounds of each failure.
  export ALLOCATOR_STEP=${ALLOCATOR_STEP:-1} ALLOCATOR_ROUNDS=${ALLOCATOR_ROUNDS:-10}
  export LIBCLOUDPICKLE=$CARGO_TARGET_DIR/debug/libcloudpickle_allocator.so
  py test_allocator.py
  export STEP=1
  c c_programs no_memory && c embed the_programs
  ;;
callbacks) py test_callbacks.py test_callbacks_matrix.py test_nonsense.py test_face_hooks.py && c c_programs streams buffers ;;
references) py test_leaks.py test_leaks_of_loads.py ;;
threads) py test_threads.py test_tracker.py ;;
interpreters) py test_face.py test_interpreters.py -k "interpreters or own" && c c_programs interpreter lifecycle foreign ;;
hostile) py test_hostile.py test_unpickler_bad_input.py ;;
io) py test_io.py test_doors.py && c c_programs streams ;;
sanitizers)
  # AddressSanitizer's part of the compiler is not stable; its runtime is the C compiler's. Overflow and debug assertions
  # are Rust's own, in the place of UndefinedBehaviorSanitizer, which Rust has none of. Python's memory is malloc's.
  # SANITIZED names the files of Python tests, SANITIZED_PROGRAMS the tests of tests/sanitizers.rs; "" names none.
  target=x86_64-unknown-linux-gnu
  export RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_leaks=0
  flags="-C relro-level=partial -C force-frame-pointers=yes -Zsanitizer=address -C debug-assertions -C overflow-checks"
  export RUSTFLAGS="$flags --cfg sanitized" CARGO_TARGET_DIR=$CARGO_TARGET_DIR/asan
  if [ -n "${SANITIZED_PROGRAMS-all}" ]; then
    # shellcheck disable=SC2086  # a list of tests
    (cd "$root" && CARGO_PROFILE_DEV_DEBUG=line-tables-only cargo test --quiet --target $target --test sanitizers -- \
      ${SANITIZED_PROGRAMS-})
  fi
  files=${SANITIZED-test_bytes.py test_doors.py test_errors.py test_callbacks.py test_unpickler.py test_unpickler_fast.py
    test_unpickler_short_ways.py test_unpickler_bad_input.py test_io.py test_tracker.py test_register.py test_stencils.py
    test_face.py test_face_hooks.py test_face_errors.py test_notes.py test_callbacks_matrix.py test_pickletester_load.py
    test_pickletester_face.py test_threads.py}
  [ -n "$files" ] || exit 0
  (cd "$root" && CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=4 \
    cargo build --release --quiet --lib --target $target)
  export LIBCLOUDPICKLE=$CARGO_TARGET_DIR/$target/release/libcloudpickle.so PYTHONMALLOC=malloc
  # What is lost is looked for after each file, while Python runs (tests/python/conftest.py).
  export ASAN_OPTIONS=detect_leaks=1:leak_check_at_exit=0:allocator_may_return_null=1
  export LSAN_OPTIONS=suppressions=$root/tests/python/cpython.lsan:print_suppressions=0
  LD_PRELOAD=$(cc -print-file-name=libasan.so)
  (cd "$root/tests/python" && LD_PRELOAD=$LD_PRELOAD "$venv/tests/bin/python" lost.py lsan)
  for file in $files; do (export LD_PRELOAD && py "$file"); done
  ;;
valgrind)
  command -v valgrind >/dev/null || "$root/.ci/need" valgrind valgrind
  [ -z "${VALGRIND_PROGRAMS-all}" ] || c valgrind
  # VALGRIND names the files of Python tests (each takes minutes); "" names none. Python's memory is malloc's.
  files=${VALGRIND-test_errors.py}
  export PYTHONMALLOC=malloc
  # Before CPython 3.12 an int that is 0 has a digit that nobody wrote, which CPython reads and multiplies by 0: what it
  # computes from that, most of all where its small ints lie, counts as not initialised ever after.
  undefined=$("$venv/tests/bin/python" -c 'import sys; print("yes" if sys.version_info >= (3, 12) else "no")')
  watched() {
    (cd "$root/tests/python" && valgrind --quiet --undef-value-errors="$undefined" --leak-check=full \
      --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=99 --suppressions=cpython.supp "$venv/tests/bin/python" "$@")
  }
  if said=$(watched lost.py valgrind 2>&1) || [ "$(grep -c 'definitely lost' <<<"$said")" != 1 ] || ! grep -q cp_loads <<<"$said"; then
    echo "valgrind does not find what is lost: $said" >&2
    exit 1
  fi
  watched lost.py nothing
  # shellcheck disable=SC2086  # a list of files
  [ -z "$files" ] || watched -m pytest -rsP $files
  ;;
arguments) export CALLS && py test_arguments.py && c c_programs arguments ;;
fuzz) export EXAMPLES && py test_generated.py -k "test_programs and not have" && py test_generated_hooks.py && py test_worlds.py ;;
*) echo "no such check: $what" >&2; exit 2 ;;
esac
