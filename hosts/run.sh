#!/bin/bash
# run.sh PYTHON CORE EMBED [HOST...]: programs in other runtimes, each of which loads a closure that the stock cloudpickle
# wrote in another process, runs it on data of its own, shows a Python error as its own, and pickles a closure that plain
# pickle loads. CORE and EMBED are the libraries. Without names: all hosts whose runtime is there or can be installed; what
# cannot be had is said, and is a failure if it was named. `make hosts` calls this.
set -uo pipefail
python=$1 built=$2 built_embed=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
{ read -r name; read -r build; read -r alone; } < <("$python" "$root/tests/interpreters/facts.py" name build alone)
if [ -n "$alone" ]; then
  echo "no other runtime can load $python: $alone. Choose another: make hosts PYTHON=…" >&2
  exit 1
fi
venv=$root/build/venv/$name
out=$root/build/hosts/$name
# The libraries under their names, as they are installed.
libraries=$out/lib
embed=$libraries/libcloudpickle-embed.so.0
core=cpython-$(echo "$build" | tr -d .)
mkdir -p "$libraries/cloudpickle/$core"
for file in libcloudpickle.so libcloudpickle.so.0 "cloudpickle/$core/libcloudpickle.so.0"; do
  ln -sf "$built" "$libraries/$file"
done
for file in libcloudpickle-embed.so libcloudpickle-embed.so.0; do
  ln -sf "$built_embed" "$libraries/$file"
done
export CP_PYTHON=$venv/plain/bin/python
unset PYTHONHOME PYTHONPATH CP_LIBPYTHON VIRTUAL_ENV

have() { # COMMAND PACKAGE...
  command -v "$1" >/dev/null || "$root/.ci/need" "$@"
}

# For each host: have_HOST gets its runtime, build_HOST compiles if there is anything to compile, run_HOST FOLDER runs
# it. The first two are extension modules: the host is C or Rust in a Python process.
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
have_c() { have cc gcc libc6-dev; }
build_c() {
  # shellcheck disable=SC2046  # flags
  cc -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -I"$root/include" \
    $("$python" "$root/tests/interpreters/facts.py" include) "$here/c/order.c" -o "$out/c/order$suffix" \
    -L"$libraries" -lcloudpickle -Wl,-rpath,"$libraries"
}
run_c() { "$CP_PYTHON" "$here/extension.py" "$out/c" "$1"; }

have_rust() { have cargo cargo; }
build_rust() {
  cd "$here/rust" && export CLOUDPICKLE_LIB=$libraries PYO3_PYTHON=$CP_PYTHON CARGO_TARGET_DIR=$out/rust/target &&
    cargo fmt --check && cargo build --release --quiet --locked &&
    cp "$CARGO_TARGET_DIR/release/liborder.so" "$out/rust/order$suffix"
}
run_rust() { "$CP_PYTHON" "$here/extension.py" "$out/rust" "$1"; }

have_lua() { have luajit luajit; }
run_lua() { luajit "$here/lua/order.lua" "$embed" "$1"; }

have_ruby() { have ruby ruby; }
run_ruby() { ruby "$here/ruby/order.rb" "$embed" "$1"; }

have_perl() {
  have perl perl && { perl -MFFI::Platypus -e 1 2>/dev/null || "$root/.ci/need" FFI::Platypus libffi-platypus-perl; }
}
run_perl() { perl "$here/perl/order.pl" "$embed" "$1"; }

have_node() {
  have node nodejs npm && have npm npm && cp "$here/node/package.json" "$here/node/order.js" "$out/node/" &&
    (cd "$out/node" && npm install --no-audit --no-fund --silent)
}
run_node() { node "$out/node/order.js" "$embed" "$1"; }

jna=/usr/share/java/jna.jar
have_java() {
  have java default-jdk-headless && have javac default-jdk-headless &&
    { [ -e $jna ] || "$root/.ci/need" JNA libjna-java; }
}
build_java() { javac -cp $jna -d "$out/java" "$here/java/Order.java"; }
run_java() { java -cp "$jna:$out/java" Order "$embed" "$1"; }

have_go() { have go golang-go; }
build_go() {
  cd "$here/go" && export CGO_CFLAGS="-I$root/include" CGO_LDFLAGS="-L$libraries -Wl,-rpath,$libraries" &&
    go vet . && go build -o "$out/go/order" .
}
run_go() { "$out/go/order" "$1"; }

hosts=(c rust lua perl ruby node java go)

# One host's whole test; what hangs is ended.
try() { # HOST FOLDER
  { ! declare -F "build_$1" >/dev/null || ("build_$1"); } &&
    "$venv/tests/bin/python" "$here/order.py" write "$2/order.pickle" &&
    "run_$1" "$2" >"$2/said.txt" &&
    diff "$here/expected.txt" "$2/said.txt" &&
    "$venv/tests/bin/python" "$here/order.py" read "$2/totals.pickle"
}
if [ "${TRY:-}" ]; then
  try "$TRY" "$out/$TRY"
  exit
fi

failed=()
absent=()
passed=()
for host in "${@:-${hosts[@]}}"; do
  began=$SECONDS
  folder=$out/$host
  mkdir -p "$folder"
  rm -f "$folder"/*.pickle
  if ! declare -F "have_$host" >/dev/null; then
    echo "[$host] there is no such host; there are: ${hosts[*]}"
    failed+=("$host")
    continue
  fi
  if ! "have_$host" >"$folder/install.txt" 2>&1; then
    cat "$folder/install.txt"
    echo "[$host] not run: its runtime is not here and cannot be installed"
    absent+=("$host")
    continue
  fi
  if TRY=$host timeout 300 "$here/run.sh" "$python" "$built" "$built_embed"; then
    echo "[$host] passed ($((SECONDS - began)) s)"
    passed+=("$host")
  else
    echo "[$host] failed ($((SECONDS - began)) s)"
    failed+=("$host")
  fi
done
echo "hosts: passed: ${passed[*]:-none}; failed: ${failed[*]:-none}; not to be had: ${absent[*]:-none}"
[ ${#failed[@]} = 0 ] && { [ $# = 0 ] || [ ${#absent[@]} = 0 ]; } && [ ${#passed[@]} != 0 ]
