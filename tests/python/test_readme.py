"""The README's program and commands, as a reader pastes them."""

import os
import re
import subprocess
import sys

import binding
from left_out import left_out

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), os.pardir, os.pardir))
sys.path.insert(0, os.path.join(ROOT, "tests", "interpreters"))

import facts  # noqa: E402


def block(language):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        (text,) = re.findall("^```%s\n(.*?)^```$" % language, file.read(), re.DOTALL | re.MULTILINE)
    return text


def pasted(folder):
    """Runs the README's commands in a folder that is laid out as the project is, and gives what they say."""
    (folder / "hello.c").write_text(block("c"), encoding="utf-8")
    (folder / "include").symlink_to(os.path.join(ROOT, "include"))
    (folder / "target" / "release").mkdir(parents=True)
    (folder / "target" / "release" / "libcloudpickle.so").symlink_to(os.path.abspath(binding.PATH))
    # On PATH may be another Python's, and none for this one.
    config = folder / "bin" / "python3-config"
    config.parent.mkdir()
    config.write_text("#!/bin/sh\necho '%s'\n" % facts.embed())
    config.chmod(0o755)
    build, *commands = block("sh").splitlines()
    assert build == "cargo build --release", "the first command makes the library that is tested here"
    environment = {name: text for name, text in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    environment["PATH"] = "%s%s%s" % (config.parent, os.pathsep, environment["PATH"])
    environment["CP_PYTHON"] = facts.executable()
    command = ["sh", "-e", "-c", "\n".join(commands)]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


if facts.alone():
    left_out("the program of the README", facts.alone())
else:

    def test_program_and_commands(tmp_path):
        assert re.fullmatch(r"a closure in \d+ bytes\nloaded and called: 42\n", pasted(tmp_path))
