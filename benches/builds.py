"""python builds.py FOLDER [--write DIR]: what other settings of the build would give.

Builds the library in FOLDER as Cargo.toml says, and anew with each setting, and compares the two: the
size of what is loaded, instructions by callgrind, and processor time, for which two processes with a library each work in
turn, round by round. DIR/builds.md is written. It takes a long time, and is not part of `make bench`.
"""

import argparse
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import instructions
import machine
from clocks import warm
from sides import PROTOCOL, ROOT, bridge, oracle
from table import Table
from workloads import CODE, DATA

ROWS = "small message", "100k unique strs", "10k dicts of 8", "lambda", "task: (function, args, kwargs)", "dataclass", "10k plain instances"
ONLY = "^(%s)$" % "|".join(map(re.escape, ROWS))
SCALE = 0.05
ROUNDS = 15
FLAGS = "-C relro-level=partial"
"""What .cargo/config.toml sets, which RUSTFLAGS takes the place of."""
MIMALLOC = "\n#[global_allocator]\nstatic ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;\n"
SETTINGS = {
    "lto = thin": {"CARGO_PROFILE_RELEASE_LTO": "thin"},
    "codegen-units = 16": {"CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"},
    "opt-level = 2": {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "2"},
    "panic = abort": {"CARGO_PROFILE_RELEASE_PANIC": "abort"},
    "target-cpu = x86-64-v3": {"RUSTFLAGS": FLAGS + " -C target-cpu=x86-64-v3"},
    "allocator: mimalloc": {},
    "profile-guided": {},
}


# --- building

def source(folder, name):
    """A copy of the sources as they were when it began."""
    original, tree = os.path.join(folder, "sources"), os.path.join(folder, name)
    if name == "sources":
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
        for path in listed.split("\0"):
            if os.path.isfile(os.path.join(ROOT, path)):
                os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
                shutil.copy(os.path.join(ROOT, path), os.path.join(tree, path))
    else:
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(original, tree)
    return tree


def build(tree, folder, name, environment):
    """The library, built with these variables."""
    target = os.path.join(folder, "target")
    given = {**os.environ, "CARGO_TARGET_DIR": target, "PYO3_PYTHON": sys.executable, **environment}
    subprocess.run(["cargo", "rustc", "--release", "--quiet", "--crate-type", "cdylib"], cwd=tree, env=given, check=True)
    kept = os.path.join(folder, re.sub(r"\W+", "-", name), "libcloudpickle.so")
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    shutil.copy(os.path.join(target, "release", "libcloudpickle.so"), kept)
    return kept


def with_mimalloc(tree, folder, name):
    with open(os.path.join(tree, "src", "lib.rs"), "a") as file:
        file.write(MIMALLOC)
    path = os.path.join(tree, "Cargo.toml")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("[dependencies]\n", '[dependencies]\nmimalloc = { version = "0.1", default-features = false }\n', 1))
    return build(tree, folder, name, {})


def with_profile(tree, folder, name):
    """As it is installed: what a first one counts while it works guides a second."""
    command = [os.path.join(tree, "packaging", "profile.sh"), sys.executable, os.path.join(folder, "counting")]
    flags = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if not flags:
        raise FileNotFoundError("llvm-profdata is not there (rustup component add llvm-tools)")
    return build(tree, folder, name, {"RUSTFLAGS": "%s %s" % (FLAGS, flags)})


def built(folder, name, environment):
    tree = source(folder, "tree")
    special = {"allocator: mimalloc": with_mimalloc, "profile-guided": with_profile}.get(name)
    return special(tree, folder, name) if special else build(tree, folder, name, environment)


# --- measuring

def serve(library):
    """For each workload that is asked for: prints the nanoseconds of a dump and of a load."""
    ours, clocks = bridge(library), {}
    made = {made.name: made for made in DATA + CODE}
    for line in sys.stdin:
        name = line.strip()
        if name not in clocks:
            obj = made[name].make(SCALE)
            data = oracle(made[name])(obj, PROTOCOL)
            clocks[name] = warm(ours.dumps, obj, PROTOCOL), warm(ours.loads, data)
        print(*(clock() for clock in clocks[name]), flush=True)


class Server:
    def __init__(self, library):
        command = [sys.executable, __file__, "--serve", library]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return list(map(float, self.process.stdout.readline().split()))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def mean(ratios):
    return math.exp(statistics.fmean(map(math.log, ratios)))


def times(base, other):
    """How many times as long dumps and loads take in the other library: means of medians of ratios."""
    servers, found = (Server(base), Server(other)), ([], [])
    for name in ROWS:
        rounds = [[server.ask(name) for server in servers[:: 1 if n % 2 else -1]][:: 1 if n % 2 else -1] for n in range(ROUNDS)]
        for what, ratios in enumerate(found):
            ratios.append(statistics.median(theirs[what] / ours[what] for ours, theirs in rounds))
    for server in servers:
        server.end()
    return [mean(ratios) for ratios in found]


class Counting:
    """What instructions.under_callgrind is told."""

    def __init__(self, library):
        self.library, self.only, self.scale, self.quick = library, ONLY, SCALE, False


def counts(library):
    """{(name, what): instructions}"""
    with tempfile.TemporaryDirectory() as folder:
        names = instructions.under_callgrind(Counting(library), folder)
        found = instructions.counted(folder)
    return {tuple(name): found["%d ours" % n] for n, name in enumerate(names)}


def loaded_size(library):
    """Bytes of code and data, without what is there for debuggers."""
    first, second = subprocess.run(["size", library], check=True, capture_output=True, text=True).stdout.splitlines()
    return sum(int(number) for number in second.split()[:2])


def main():
    parser = argparse.ArgumentParser(description="What other settings of the build would give.")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--serve")
    parser.add_argument("--only", default="", help="only settings whose name has this regular expression")
    parser.add_argument("--write")
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    folder = os.path.abspath(options.folder)
    os.makedirs(folder, exist_ok=True)
    library = build(source(folder, "sources"), folder, "as it is", {})
    base = counts(library)
    columns = "setting", "size", "instructions: dumps", "loads", "time: dumps", "loads"
    notes = "Beside the build of Cargo.toml (lto = fat, codegen-units = 1, opt-level = 3, panic = unwind, the system's allocator), which is the one of `make library`: above 1 is more, and worse. The last row is what `make install`, `make wheel`, `make deb` and `make bench` take."
    table = Table("settings of the build", columns, notes)
    for name, environment in SETTINGS.items():
        if not re.search(options.only, name):
            continue
        try:
            other = built(folder, name, environment)
        except (subprocess.CalledProcessError, OSError) as error:
            table.fails(name, str(error))
            continue
        counted = counts(other)
        more = [mean([counted[key] / base[key] for key in base if key[1] == what]) for what in ("dumps", "loads")]
        size = loaded_size(other) / loaded_size(library)
        table.add(name, *("%.3f" % ratio for ratio in (size, *more, *times(library, other))))
    if options.write:
        lines = ["# Settings of the build", "", *("- " + line for line in machine.described(bridge(library).version)), ""]
        with open(os.path.join(options.write, "builds.md"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n" + table.markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
