#!/bin/bash
# find.sh DEFAULT: the CPythons that there are to test on, a path each, the default one first and no build twice; what is
# supported and not found is said on standard error. Looked at: the default, pyenv's, Debian's, those that fetch.sh
# unpacked, and free-threaded ones on PATH.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
declare -A seen

offer() {
  [ -x "$1" ] || return 0
  local name executable
  { read -r name; read -r executable; } < <("$1" "$here/facts.py" name executable 2>/dev/null) || return 0
  [ -n "${executable:-}" ] && [ -z "${seen[$name]:-}" ] || return 0
  case $name in
  3.13-*threaded*)
    echo "left out: $name, for which pyo3-ffi does not build" >&2
    return 0
    ;;
  3.9* | 3.1[0-5]*) ;;
  *) return 0 ;;
  esac
  local without
  for without in ${WITHOUT:-}; do
    [ "$name" != "$without" ] || { echo "left out, as asked: $name" >&2; return 0; }
  done
  seen[$name]=$executable
  echo "$executable"
}

offer "$(command -v "$1" || echo "$1")"
for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do offer "$python"; done
for minor in 9 10 11 12 13 14 15; do
  offer "/usr/bin/python3.$minor"
  offer "/usr/bin/python3.$minor-dbg"
  offer "$root/build/interpreters/root/usr/bin/python3.$minor"
  offer "$(command -v "python3.${minor}t")"
done
for version in 3.9 3.10 3.11 3.12 3.13 3.14 3.15; do
  found=0
  for name in "${!seen[@]}"; do case $name in *-threaded*) ;; "$version" | "$version"-*) found=1 ;; esac; done
  [ $found = 1 ] || echo "not found: CPython $version" >&2
done
case " ${!seen[*]} " in *-threaded*) ;; *) echo "not found: a free-threaded CPython, 3.14 or later" >&2 ;; esac
