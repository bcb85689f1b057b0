#!/bin/bash
# test_install.sh: `make install` into a staged prefix, which is moved to its place; programs are compiled against what is
# there, by pkg-config, by CMake, against the static library; `make uninstall` leaves nothing. PYTHON says which CPython;
# what was installed before, of other CPythons too, is not looked at.
. "$(dirname "$0")/check.sh"
for tool in cmake pkg-config; do command -v $tool >/dev/null || "$root/.ci/need" $tool $tool; done
work=$(mktemp -d)
prefix=$work/prefix
unset MAKEFLAGS MAKELEVEL
make() { command make -s -C "$root" PYTHON="$python" PREFIX="$prefix" "$@"; }

begin "make install"
make install DESTDIR="$work/stage"
[ "$(cd "$work/stage" && find . -type d -name prefix)" = "./${prefix#/}" ]
mv "$work/stage$prefix" "$prefix"
[ -z "$(find "$work/stage" ! -type d)" ]
[ -z "$(find -L "$prefix" -type l)" ] || { find -L "$prefix" -type l; exit 1; }
for file in lib/libcloudpickle.so lib/libcloudpickle.so.0 lib/libcloudpickle-embed.so lib/libcloudpickle-embed.so.0 \
  lib/libcloudpickle.a lib/pkgconfig/cloudpickle.pc lib/pkgconfig/cloudpickle-embed.pc include/cloudpickle.h include/cloudpickle.hpp \
  lib/cmake/cloudpickle/cloudpickleConfig.cmake lib/cmake/cloudpickle/cloudpickleConfigVersion.cmake; do
  [ -s "$prefix/$file" ] || { echo "$file is missing"; exit 1; }
done
! grep -rIl "$root\|$work/stage" "$prefix"
pass

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
rpath=-Wl,-rpath,$prefix/lib
begin "pkg-config"
[ "$(pkg-config --modversion cloudpickle)" = "$(pkg-config --modversion cloudpickle-embed)" ]
if [ -z "$alone" ]; then
  # shellcheck disable=SC2046,SC2086  # flags
  cc -Wall -Werror "$root/examples_c/roundtrip.c" -o "$work/roundtrip" $(pkg-config --cflags --libs cloudpickle) $rpath \
    $include $embedding -pthread
  says "$work/roundtrip" "price(100) = 22500"
  # shellcheck disable=SC2046,SC2086
  cc -Wall -Werror "$root/examples_c/errors.c" -o "$work/embed" $(pkg-config --cflags --libs cloudpickle-embed) $rpath -pthread
  says "$work/embed" "obj.conf"
  if ldd "$work/embed" | grep python; then exit 1; fi
  pass

  begin "the static library"
  private=$(sed -n 's/^Libs.private: //p' "$prefix/lib/pkgconfig/cloudpickle.pc")
  # shellcheck disable=SC2046,SC2086
  cc -Wall -Werror "$root/examples_c/roundtrip.c" -o "$work/static" $(pkg-config --cflags cloudpickle) \
    "$prefix/lib/libcloudpickle.a" $private $include $embedding -pthread
  if ldd "$work/static" | grep cloudpickle; then exit 1; fi
  says "$work/static" "price(100) = 22500"
  # shellcheck disable=SC2046,SC2086
  cc -shared -fPIC "$root/examples_c/extension.c" -o "$work/extension.so" $(pkg-config --cflags cloudpickle) $include \
    "$prefix/lib/libcloudpickle.a" $private
  (cd "$work" && "$python" -c 'import extension; assert extension.copy(lambda: 42)() == 42')
  others=$(nm -D --defined-only "$work/extension.so" | awk '$3 !~ /^(cp_|PyInit_)/ { print $3 }')
  [ -z "$others" ] || { echo "the extension exports $others"; exit 1; }
  pass

  begin "CMake"
  mkdir "$work/cmake"
  cat >"$work/cmake/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.18)
project(check C CXX)
find_package(cloudpickle 0.1 REQUIRED)
find_package(Python ${cloudpickle_PYTHON} EXACT REQUIRED COMPONENTS Development.Embed)
find_package(Threads REQUIRED)
add_executable(shared ${EXAMPLES}/roundtrip.c)
target_link_libraries(shared PRIVATE cloudpickle::cloudpickle Python::Python Threads::Threads)
add_executable(static ${EXAMPLES}/roundtrip.c)
target_link_libraries(static PRIVATE cloudpickle::static Python::Python Threads::Threads)
add_executable(embed ${EXAMPLES}/errors.c)
target_link_libraries(embed PRIVATE cloudpickle::embed)
CMAKE
  prefix_of_python=$("$python" -c 'import sys; print(sys.base_prefix)')
  cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix" -DEXAMPLES="$root/examples_c" \
    -DPython_ROOT_DIR="$prefix_of_python" >"$work/cmake.txt" 2>&1 &&
    cmake --build "$work/cmake/build" >>"$work/cmake.txt" 2>&1 || { cat "$work/cmake.txt"; exit 1; }
  says "$work/cmake/build/shared" "price(100) = 22500"
  says "$work/cmake/build/static" "price(100) = 22500"
  says "$work/cmake/build/embed" "obj.conf['db'][3].pool"
  sed -i 's/cloudpickle 0.1 /cloudpickle 1.0 /' "$work/cmake/CMakeLists.txt"
  if cmake -S "$work/cmake" -B "$work/cmake/other" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.txt" 2>&1; then exit 1; fi
  grep -q 'compatible with requested version "1.0"' "$work/cmake.txt"
  pass

  begin "cores for several CPythons"
  # Those that were built before, by `make test` for instance.
  cc -Wall -Werror "$root/tests/c/embed.c" -o "$work/which" $(pkg-config --cflags --libs cloudpickle-embed) $rpath -pthread
  versions=0
  while read -r other; do
    { read -r name; read -r full; read -r build; read -r folder; read -r others_libraries; } < <("$other" - <<'PY'
import sys
sys.path.insert(0, "tests/interpreters")
from facts import *
own_libc = alone() == "it runs with a libc of its own"
print(name(), full(), build(), "cpython-" + build().replace(".", "").replace("-threaded", "t"), own_libc and VARIABLE["LIBDIR"], sep="\n")
PY
    )
    core=$root/build/target/$name/release/libcloudpickle.so
    case $build in *-debug) continue ;; esac
    if [ ! -e "$prefix/lib/cloudpickle/$folder/libcloudpickle.so.0" ]; then
      [ -e "$core" ] || { echo "CPython $full: its library was not built: not tested"; continue; }
      mkdir -p "$prefix/lib/cloudpickle/$folder"
      ln -s "$core" "$prefix/lib/cloudpickle/$folder/libcloudpickle.so.0"
    fi
    start=
    if [ "$others_libraries" != False ]; then
      # Its libpython needs a newer libc, which is started with the program.
      start="$root/build/interpreters/root/lib64/ld-linux-x86-64.so.2 --library-path $root/build/interpreters/root/usr/lib/x86_64-linux-gnu"
    fi
    # shellcheck disable=SC2086
    said=$(CP_PYTHON=$other $start "$work/which" || true)
    case $said in "ok|$full"*) ;; *) echo "with CPython $full: $said"; exit 1 ;; esac
    versions=$((versions + 1))
  done < <("$root/tests/interpreters/find.sh" "$python" 2>/dev/null)
  echo "libcloudpickle-embed found $versions CPythons, each with its own core"
  [ $versions -ge 1 ]
  find "$prefix/lib/cloudpickle" -name libcloudpickle.so.0 -lname "$root/*" -delete
  find "$prefix/lib/cloudpickle" -type d -empty -delete
  pass

  begin "the module"
  site=$(find "$prefix/lib" -name site-packages)
  # An environment of its own, since this Python may have cloudpickle.
  "$python" -m venv --without-pip "$work/venv"
  check_module "$site" env PYTHONPATH="$site" "$work/venv/bin/python"
else
  echo "left out: programs that embed $python ($alone)"
fi

begin "make uninstall"
make uninstall
[ -z "$(find "$prefix" ! -type d)" ] || { find "$prefix" ! -type d; exit 1; }
[ -z "$(find "$prefix" -type d -name '*cloudpickle*')" ] || { find "$prefix" -type d -name '*cloudpickle*'; exit 1; }
pass
rm -r "$work"
echo "install: $passed passed, 0 failed"
