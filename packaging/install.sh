#!/bin/bash
# install.sh install|uninstall: what `make install` and `make uninstall` do. In the environment: DESTDIR, PREFIX, LIBDIR,
# INCLUDEDIR, SITE (the site-packages of the Python module), PYTHON, CORE (the shared library), EMBED, STATIC.
#
# Libraries for several versions of CPython lie side by side, one installation of each; libcloudpickle.so is the one that
# was installed last, and libcloudpickle-embed finds the one that it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
here=packaging
read -r folder python < <("$PYTHON" -c '
import sys, sysconfig
threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("cpython-3%d%s" % (sys.version_info[1], threaded), "3.%d%s" % (sys.version_info[1], threaded))')
version=$(sed -nE 's/^#define CP_VERSION "(.*)"/\1/p' include/cloudpickle.h)
soversion=$(sed -nE 's/^#define CP_ABI_MAJOR ([0-9]+)/\1/p' include/cloudpickle.h)
cores=$LIBDIR/cloudpickle
core=$cores/$folder
package=$SITE/libcloudpickle
# What a program needs that links the static library.
private="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

relative() { realpath -ms --relative-to="$1" "$2"; }

fill() { # FILES: with what is known here in the place of @NAMES@
  # shellcheck disable=SC2086  # a list of files
  sed -e "s|@PREFIX@|$PREFIX|g" -e "s|@LIBDIR@|$LIBDIR|g" -e "s|@INCLUDEDIR@|$INCLUDEDIR|g" \
    -e "s|@VERSION@|$version|g" -e "s|@SOVERSION@|$soversion|g" -e "s|@PYTHON@|$python|g" \
    -e "s|@PRIVATE@|$private|g" -e "s|@CMAKE_PRIVATE@|${private// /;}|g" \
    -e "s|@UP_TO_LIBDIR@|$(relative "$LIBDIR/cmake/cloudpickle" "$LIBDIR")|g" \
    -e "s|@UP_TO_INCLUDEDIR@|$(relative "$LIBDIR/cmake/cloudpickle" "$INCLUDEDIR")|g" \
    -e "s|@POINTER_SIZE@|$(("$(getconf LONG_BIT)" / 8))|g" $1
}

# Each thing that is installed, by one of
#   put MODE SOURCE DESTINATION      a file
#   made SOURCES DESTINATION         a text that is filled in
#   link DESTINATION TARGET          a symbolic link to another thing that is installed
ours() { # what belongs to this version of CPython
  put 755 "$CORE" "$core/libcloudpickle.so.$version"
  link "$core/libcloudpickle.so.$soversion" "$core/libcloudpickle.so.$version"
  link "$core/libcloudpickle.so" "$core/libcloudpickle.so.$soversion"
  put 644 "$STATIC" "$core/libcloudpickle.a"
  put 644 "$here/module/libcloudpickle/__init__.py" "$package/__init__.py"
  put 644 "$here/module/libcloudpickle/py.typed" "$package/py.typed"
  made "include/libcloudpickle.pyi $here/module/libcloudpickle/__init__.pyi" "$package/__init__.pyi"
  link "$package/libcloudpickle.so.$soversion" "$core/libcloudpickle.so.$soversion"
  for header in include/cloudpickle.*; do
    link "$package/include/$(basename "$header")" "$INCLUDEDIR/$(basename "$header")"
  done
}
common() { # what all versions share
  for header in include/cloudpickle.*; do put 644 "$header" "$INCLUDEDIR/$(basename "$header")"; done
  put 755 "$EMBED" "$LIBDIR/libcloudpickle-embed.so.$version"
  link "$LIBDIR/libcloudpickle-embed.so.$soversion" "$LIBDIR/libcloudpickle-embed.so.$version"
  link "$LIBDIR/libcloudpickle-embed.so" "$LIBDIR/libcloudpickle-embed.so.$soversion"
  made "$here/cloudpickle-embed.pc.in" "$LIBDIR/pkgconfig/cloudpickle-embed.pc"
  chosen
}
chosen() { # what says which version a program is linked for that does not say it
  link "$LIBDIR/libcloudpickle.so.$soversion" "$core/libcloudpickle.so.$soversion"
  link "$LIBDIR/libcloudpickle.so" "$LIBDIR/libcloudpickle.so.$soversion"
  link "$LIBDIR/libcloudpickle.a" "$core/libcloudpickle.a"
  made "$here/cloudpickle.pc.in" "$LIBDIR/pkgconfig/cloudpickle.pc"
  made "$here/cloudpickleConfig.cmake.in" "$LIBDIR/cmake/cloudpickle/cloudpickleConfig.cmake"
  made "$here/cloudpickleConfigVersion.cmake.in" "$LIBDIR/cmake/cloudpickle/cloudpickleConfigVersion.cmake"
}

case $1 in
  install)
    put() { install -D -m "$1" "$2" "$DESTDIR$3"; }
    made() { mkdir -p "$DESTDIR$(dirname "$2")" && fill "$1" >"$DESTDIR$2" && chmod 644 "$DESTDIR$2"; }
    link() { mkdir -p "$DESTDIR$(dirname "$1")" && ln -sfn "$(relative "$(dirname "$1")" "$2")" "$DESTDIR$1"; }
    ours
    common
    ;;
  uninstall)
    put() { rm -f "$DESTDIR$3"; }
    made() { rm -f "$DESTDIR$2"; }
    link() { rm -f "$DESTDIR$1"; }
    prune() { for dir; do [ ! -d "$DESTDIR$dir" ] || rmdir --ignore-fail-on-non-empty "$DESTDIR$dir"; done; }
    ours
    rm -rf "$DESTDIR$package/__pycache__"
    prune "$package/include" "$package" "$core" "$cores"
    last=$(basename "$(ls -d "$DESTDIR$cores"/cpython-3* 2>/dev/null | sort -V | tail -1)")
    if [ -z "$last" ]; then
      common
      prune "$LIBDIR/cmake/cloudpickle"
    elif [ ! -e "$DESTDIR$LIBDIR/libcloudpickle.so" ]; then
      echo "libcloudpickle.so is no longer there; make install PYTHON=… chooses among the other versions" >&2
      chosen
      prune "$LIBDIR/cmake/cloudpickle"
    fi
    ;;
  *)
    echo "usage: install.sh install|uninstall" >&2
    exit 2
    ;;
esac
