#!/bin/bash
# Builds roundtrip.c against the library in LIBRARY and runs it with VENV's Python as the other process. `make demo` calls
# this.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(dirname "$LIBRARY")/demo
mkdir -p "$out"
ln -sf "$LIBRARY" "$out/libcloudpickle.so"
ln -sf "$LIBRARY" "$out/libcloudpickle.so.0"
{ read -r alone; read -r include; read -r embed; } < <("$PYTHON" tests/interpreters/facts.py alone include embed)
if [ -n "$alone" ]; then
  echo "a C program cannot embed $PYTHON here: $alone. Choose another: make demo PYTHON=…" >&2
  exit 1
fi
# shellcheck disable=SC2086  # flags
cc -O2 -Iinclude $include examples_c/roundtrip.c -o "$out/roundtrip" -L"$out" -lcloudpickle -Wl,-rpath,"$out" $embed -pthread
CP_PYTHON=$VENV/plain/bin/python "$out/roundtrip"
