#!/bin/bash
# deb.sh DIR: makes the Debian packages and puts them into DIR. What goes into them is what `make install` installs. In the
# environment: PYTHON (the system's own), CORE, EMBED and STATIC.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in dpkg-deb dpkg-shlibdeps; do command -v $tool >/dev/null || .ci/need $tool dpkg-dev; done
dir=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -nE 's/^#define CP_VERSION "(.*)"/\1/p' include/cloudpickle.h)-1
arch=$(dpkg --print-architecture)
libdir=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
site=usr/lib/python3/dist-packages
python=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=3.$((${python#3.} + 1))
maintainer=${DEBFULLNAME:-libcloudpickle}\ \<${DEBEMAIL:-root@localhost}\>
date=$(date -u -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")

DESTDIR=$work/all PREFIX=/usr LIBDIR=/$libdir INCLUDEDIR=/usr/include SITE=/$site packaging/install.sh install
find "$work/all" -type f -name '*.so.*' -exec strip --strip-unneeded {} +
find "$work/all" -type f -name '*.a' -exec strip --strip-debug {} +

take() { # PACKAGE PATHS: moves them from what is installed into the package
  local package=$1 path
  shift
  for path; do
    mkdir -p "$work/$package/$(dirname "$path")"
    mv "$work/all/$path" "$work/$package/$path"
  done
}
cd "$work/all"
take libcloudpickle-dev usr/include "$libdir"/*.so "$libdir"/*.a "$libdir"/cloudpickle/*/*.so "$libdir"/cloudpickle/*/*.a \
  "$libdir/pkgconfig" "$libdir/cmake" "$site/libcloudpickle/include"
take libcloudpickle0 "$libdir"
take python3-libcloudpickle "$site"
cd - >/dev/null
[ -z "$(find "$work/all" ! -type d)" ] || { find "$work/all" ! -type d; exit 1; }

# What the shared libraries need of others.
mkdir -p "$work/shlibs/debian"
printf 'Source: libcloudpickle\n\nPackage: libcloudpickle0\nArchitecture: any\n' >"$work/shlibs/debian/control"
shlibs=$(cd "$work/shlibs" && find "$work/libcloudpickle0" -type f -name '*.so.*' -print0 |
  xargs -0 dpkg-shlibdeps -O --warnings=0 2>"$work/said" | sed -n 's/^shlibs:Depends=//p')
[ -n "$shlibs" ] || { cat "$work/said"; exit 1; }

sed -e "s|@SHLIBS@|$shlibs|" -e "s|@VERSION@|$version|g" -e "s|@PYTHON@|$python|g" -e "s|@NEXT@|$next|g" \
  packaging/deb/control.in >"$work/control"
for package in libcloudpickle0 libcloudpickle-dev python3-libcloudpickle; do
  tree=$work/$package
  doc=$tree/usr/share/doc/$package
  mkdir -p "$tree/DEBIAN" "$doc"
  cp LICENSE "$doc/copyright"
  printf 'libcloudpickle (%s) unstable; urgency=medium\n\n  * Release.\n\n -- %s  %s\n' "$version" "$maintainer" "$date" |
    gzip -9n >"$doc/changelog.Debian.gz"
  for script in postinst prerm; do
    [ ! -e "packaging/deb/$package.$script" ] || install -m 755 "packaging/deb/$package.$script" "$tree/DEBIAN/$script"
  done
  [ ! -e "packaging/deb/$package.triggers" ] || install -m 644 "packaging/deb/$package.triggers" "$tree/DEBIAN/triggers"
  if [ $package = libcloudpickle0 ]; then
    for library in libcloudpickle libcloudpickle-embed; do
      echo "$library 0 libcloudpickle0 (>= ${version%-*})"
    done >"$tree/DEBIAN/shlibs"
  fi
  chmod -R u=rwX,go=rX "$tree"
  (cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
  {
    awk -v RS= -v ORS='\n' -v wanted="Package: $package" 'index($0, wanted "\n") == 1' "$work/control" |
      sed "/^Section:/a Source: libcloudpickle\nVersion: $version\nArchitecture: $arch\nMulti-Arch: $([ $package = python3-libcloudpickle ] && echo no || echo same)\nPriority: optional\nMaintainer: $maintainer\nInstalled-Size: $(du -ks "$tree" | cut -f1)"
  } >"$tree/DEBIAN/control"
  dpkg-deb --root-owner-group --build -Zxz "$tree" "$dir/${package}_${version}_$arch.deb" >/dev/null
  echo "$dir/${package}_${version}_$arch.deb"
done
