#!/bin/bash
# all.sh DEFAULT JOBS: the tests that ask for no Python, then those on every CPython found, JOBS of them at a time. Ends
# with the sums. REQUIRED names CPythons ("3.9 3.12") without which the whole counts as failed.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/log
log=build/log/all.txt
mapfile -t pythons < <(tests/interpreters/find.sh "$1")
[ ${#pythons[@]} != 0 ] || { echo "no CPython from 3.9 to 3.15 was found" >&2; exit 1; }
printf '%s\n' "to be tested:" "${pythons[@]/#/  }"
{
  tests/header.sh
  printf '%s\0' "${pythons[@]}" | xargs -0 -n 1 -P "$2" tests/run.sh
} 2>&1 | tee "$log"
missing=0
for name in ${REQUIRED:-}; do
  grep -q "^$name: " "$log" || { echo "did not run to the end: CPython $name, which is required"; missing=$((missing + 1)); }
done
awk '/^[^ []+: [0-9]+ passed, [0-9]+ failed$/ { ran++; passed += $2; failed += $4 }
  END {
    failed += wanted - ran + missing
    printf "%d of %d runs came to their end\n%d passed, %d failed\n", ran, wanted, passed, failed
    exit !(failed == 0 && passed > 0)
  }' wanted=$((${#pythons[@]} + 1)) missing=$missing "$log"
