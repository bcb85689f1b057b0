#!/bin/bash
# fetch.sh DIR: unpacks CPython 3.14 and 3.15 (with headers, venv and test suite) below DIR from the packages of Debian's
# unstable branch, beside the system and without touching it. Prints one line for each: VERSION PATH.
# They are newer than most systems' libc, so they run with the libc that comes with them: good for all that happens in a
# python process, not for programs that embed one.
set -euo pipefail
versions="3.14 3.15"
dir=$(mkdir -p "$1" && cd "$1" && pwd)
root=$dir/root
libraries=$root/usr/lib/x86_64-linux-gnu

report() { for v in $versions; do echo "$v $root/usr/bin/python$v"; done; }
if [ -e "$dir/complete" ]; then report; exit; fi

for tool in curl patchelf; do
  command -v $tool >/dev/null || "$(dirname "$0")/../../.ci/need" $tool $tool >&2
done
mkdir -p "$dir"/debs "$root"/usr/{bin,lib,sbin,lib64}
# It knows no installed package, so it names all that is needed down to libc.
APT_CONFIG=$("$(dirname "$0")/apt.sh" "$dir/apt" deb sid)
export APT_CONFIG
packages=
for v in $versions; do packages+=" python$v python$v-dev python$v-venv libpython$v-testsuite"; done
# shellcheck disable=SC2086
apt-get -o APT::Install-Recommends=0 --print-uris -qq install $packages | tr -d "'" |
  while read -r uri file _; do
    [ -s "$dir/debs/$file" ] || curl -sSf --retry 3 -o "$dir/debs/$file" "$uri"
  done

for link in bin lib lib64 sbin; do ln -sfn usr/$link "$root/$link"; done
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$root"; done
for v in $versions; do
  patchelf --set-interpreter "$root/lib64/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$libraries" \
    "$root/usr/bin/python$v"
  for so in "$root/usr/lib/python$v"/lib-dynload/*.so; do patchelf --force-rpath --set-rpath "$libraries" "$so"; done
  # pyconfig.h includes a header by its architecture; this finds it without letting the other libc's headers in.
  ln -sfn "../x86_64-linux-gnu" "$root/usr/include/python$v/x86_64-linux-gnu"
  "$root/usr/bin/python$v" -c 'import ssl, sys; assert "%d.%d" % sys.version_info[:2] == sys.argv[1]' "$v"
done
touch "$dir/complete"
report
