#!/bin/bash
# test_deb.sh: `make deb`, the packages in a root of their own, used there, and removed again. For Debian's own python3; where
# there is none, or no dpkg, it says so.
PYTHON=${DEB_PYTHON:-/usr/bin/python3}
if ! command -v dpkg >/dev/null || [ ! -x "$PYTHON" ]; then
  echo "deb: left out: this is no Debian with a python3"
  echo "deb: 0 passed, 0 failed"
  exit 0
fi
. "$(dirname "$0")/check.sh"
if [ -n "$alone" ]; then
  echo "deb: left out: programs that embed $python ($alone)"
  echo "deb: 0 passed, 0 failed"
  exit 0
fi
work=$(mktemp -d)
unset MAKEFLAGS MAKELEVEL

begin "make deb"
rm -f "$root"/build/dist/*.deb
make -s -C "$root" DEB_PYTHON="$python" deb >/dev/null
debs=("$root"/build/dist/*.deb)
[ ${#debs[@]} = 3 ]
for deb in "${debs[@]}"; do
  control=$(dpkg-deb --info "$deb")
  for field in Version Architecture Maintainer Depends Description; do grep -q "^ $field: ." <<<"$control"; done
done
dpkg-deb --field "$root"/build/dist/libcloudpickle0_*.deb Depends | grep -q 'libc6 (>= 2\.'
pass

begin "what they depend on is to be had"
if command -v apt-get >/dev/null && apt-cache show libc6 >/dev/null 2>&1; then
  apt-get install --simulate -qq "${debs[@]}" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
  [ "$(grep -c '^Inst .*cloudpickle' "$work/said")" = 3 ]
  pass
fi

begin "dpkg --install"
to=$work/root
mkdir -p "$to/var/lib/dpkg"/{info,updates,triggers}
touch "$to/var/lib/dpkg/status"
# The rest of a system is not there: neither the packages that these depend on, nor a shell in it for their scripts.
dpkg() { command dpkg --root="$to" --force-depends --force-script-chrootless --force-not-root --log=/dev/null "$@"; }
dpkg --install "${debs[@]}" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
[ "$(dpkg --list '*cloudpickle*' | grep -c '^ii')" = 3 ]
dpkg --verify
[ -z "$(find -L "$to" -type l)" ] || { find -L "$to" -type l; exit 1; }
pass

begin "programs"
libdir=$to/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
# pkg-config leaves out what is the system's own, unless told that it is not.
export PKG_CONFIG_PATH=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$to PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 \
  PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
# shellcheck disable=SC2046,SC2086  # flags
cc -Wall -Werror "$root/examples_c/roundtrip.c" -o "$work/roundtrip" $(pkg-config --cflags --libs cloudpickle) \
  -Wl,-rpath,"$libdir" $include $embedding -pthread
says "$work/roundtrip" "price(100) = 22500"
# shellcheck disable=SC2046
cc -Wall -Werror "$root/examples_c/errors.c" -o "$work/embed" $(pkg-config --cflags --libs cloudpickle-embed) \
  -Wl,-rpath,"$libdir" -pthread
says "$work/embed" "obj.conf"

begin "the module"
site=$to/usr/lib/python3/dist-packages
# An environment of its own, since this Python may have cloudpickle.
"$python" -m venv --without-pip "$work/venv"
check_module "$site" env PYTHONPATH="$site" "$work/venv/bin/python"

begin "dpkg --purge"
dpkg --purge libcloudpickle0 libcloudpickle-dev python3-libcloudpickle >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
[ -z "$(find "$to" -name '*cloudpickle*')" ] || { find "$to" -name '*cloudpickle*'; exit 1; }
pass
rm -r "$work"
echo "deb: $passed passed, 0 failed"
