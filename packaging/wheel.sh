#!/bin/bash
# wheel.sh DIR: makes the wheel of libcloudpickle for one CPython, and puts it into DIR. What goes into it is what
# `make install` installs as the Python module, with files in the place of links. In the environment: PYTHON, CORE, and
# TOOLS, a folder for a virtual environment with auditwheel.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
dir=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -e "$TOOLS/complete" ]; then
  command -v patchelf >/dev/null || .ci/need patchelf patchelf
  rm -rf "$TOOLS"
  python3 -m venv "$TOOLS" 2>/dev/null || "$PYTHON" -m venv "$TOOLS"
  "$TOOLS/bin/python" -m pip install -q --disable-pip-version-check pip==25.3 auditwheel==6.5.0
  touch "$TOOLS/complete"
fi

DESTDIR=$work/stage PREFIX=/p LIBDIR=/p/lib INCLUDEDIR=/p/include SITE=/p/site EMBED=$CORE STATIC=$CORE \
  packaging/install.sh install
mkdir "$work/source"
cp -rL "$work/stage/p/site/libcloudpickle" "$work/source/libcloudpickle"
strip --strip-unneeded "$work/source/libcloudpickle"/libcloudpickle.so.*
cp README.md LICENSE packaging/wheel/setup.py "$work/source/"
version=$(sed -nE 's/^#define CP_VERSION "(.*)"/\1/p' include/cloudpickle.h)
minor=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
sed -e "s|@VERSION@|$version|" -e "s|@PYTHON@|$minor|" packaging/wheel/pyproject.toml.in >"$work/source/pyproject.toml"

# An environment of this Python, so that the tags are its own.
"$PYTHON" -m venv --without-pip "$work/venv"
cd "$work"
"$TOOLS/bin/python" -m pip --python "$work/venv/bin/python" wheel -q --disable-pip-version-check --no-deps \
  -w "$work/built" "$work/source"
cd "$root"
# The oldest manylinux whose libc has what the library asks for; nothing is copied into the wheel.
PATH="$TOOLS/bin:$PATH" "$TOOLS/bin/auditwheel" repair --only-plat -w "$work/wheel" "$work"/built/*.whl >"$work/audit" 2>&1 || { cat "$work/audit"; exit 1; }
mv "$work"/wheel/*.whl "$dir/"
ls "$dir"/libcloudpickle-*.whl
