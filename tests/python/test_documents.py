"""All documents as a reader uses them: what is shown in them is compiled or run. documents.py says which block is what."""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest

import binding
from documents import MADE, ROOT, check_indented, documents, provided, take_apart
from left_out import left_out

sys.path.insert(0, os.path.join(ROOT, "tests", "interpreters"))

import facts  # noqa: E402

INTERPRETERS = {"lua": "luajit", "perl": "perl"}
WARNINGS = "-Wall -Wextra -Werror"
ALONE = facts.alone()
EMBED = os.path.join(ROOT, "build", "target", "embed", "release", "libcloudpickle_embed.so")


def link(path, file):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.abspath(file))


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)


class Reader:
    """A folder as a reader has it: the project's headers, the libraries where a build puts them and as they are installed,
    and commands on PATH that know this Python, whichever one the machine's know."""

    def __init__(self, folder):
        # What the last program wrote; None if it was left out.
        self.folder, self.said = folder, ""
        link(folder / "include", os.path.join(ROOT, "include"))
        link(folder / "target" / "release" / "libcloudpickle.so", binding.PATH)
        lib = folder / "lib"
        core = "cpython-%s" % facts.build().replace(".", "").replace("-threaded", "t")
        for name in ("libcloudpickle.so", "libcloudpickle.so.0", "cloudpickle/%s/libcloudpickle.so.0" % core):
            link(lib / name, binding.PATH)
        for name in ("libcloudpickle-embed.so", "libcloudpickle-embed.so.0"):
            link(lib / name, EMBED)
        tools = folder / "bin"
        script(tools / "python3", 'exec "%s" "$@"\n' % sys.executable)
        asked = {"includes": facts.include(), "embed": facts.embed(), "extension-suffix": facts.VARIABLE["EXT_SUFFIX"]}
        answers = "".join("*--%s*) echo '%s';;\n" % each for each in asked.items())
        script(tools / "python3-config", 'case " $* " in\n%s*) exit 1;; esac\n' % answers)
        flags = "-I%s -L%s -Wl,-rpath,%s -l" % (folder / "include", lib, lib)
        script(tools / "pkg-config", 'case "$*" in "--cflags --libs "cloudpickle*) echo "%s$3";; *) exit 1;; esac\n' % flags)
        gone = ("PYTHONHOME", "PYTHONPATH", "CP_LIBPYTHON", "VIRTUAL_ENV", "LIBCLOUDPICKLE")
        self.environment = {name: text for name, text in os.environ.items() if name not in gone}
        self.environment["PATH"] = "%s%s%s" % (tools, os.pathsep, self.environment["PATH"])
        if facts.VARIABLE.get("Py_GIL_DISABLED"):
            # Python warns when it turns the GIL on for a module that a document makes.
            self.environment["PYTHON_GIL"] = "0"
        self.environment.update(CP_PYTHON=facts.executable(), LD_LIBRARY_PATH=str(lib), PYTHONPATH=str(lib))

    def run(self, command, **more):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, cwd=self.folder, env=self.environment, timeout=300, **pipes, **more)
        self.said = done.stdout.decode()
        assert done.returncode == 0, self.said

    def leave_out(self, what, why):
        left_out(what, why)
        self.said = None

    def shell(self, text):
        self.run(["sh", "-e", "-c", text])


def compiles(reader, block):
    """A program is run; anything else is only compiled."""
    whole = re.search(r"\bmain\(", block.text)
    cpp = block.language == "cpp"
    source = reader.folder / ("block%d.%s" % (block.line, block.language))
    own = "" if "#include <cloudpickle" in block.text else "#include <cloudpickle.h%s>\n" % ("pp" if cpp else "")
    needs_python = "Py" in block.text and "Python.h" not in block.text
    python = "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n" if needs_python else ""
    source.write_text(python + own + block.text, encoding="utf-8")
    compiler = "c++ -std=c++17" if cpp else "cc -std=gnu11"
    flags = "$(python3-config --includes) $(pkg-config --cflags --libs cloudpickle-embed)"
    only = "-o program -pthread" if whole else "-fsyntax-only"
    reader.shell("%s %s %s %s %s" % (compiler, WARNINGS, source, only, flags))
    if whole:
        reader.shell("./program")


def shell(reader, block):
    commands = [line for line in block.text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    reader.shell("\n".join(line for line in commands if not provided(line)))


def python(reader, block, before):
    """The blocks before it run again, and what they write is not looked at."""
    mark = "~~~ %d ~~~" % block.line
    program = "\n".join(["import sys", *before, "print(%r)" % mark, block.text])
    reader.run([sys.executable, "-"], input=program.encode())
    reader.said = reader.said.split(mark + "\n", 1)[1]


def wrote(said, text):
    parts = [re.escape(part) for part in text.strip().split("…")]
    assert re.fullmatch(".*?".join(parts), said.strip(), re.DOTALL), "it wrote:\n%s\nand not:\n%s" % (said, text)


def read(path, reader):
    """Goes through a document."""
    blocks, indented = take_apart(path)
    for lines in indented:
        check_indented(lines)
    before = []
    for block in blocks:
        try:
            if block.name:
                (reader.folder / block.name).write_text(block.text, encoding="utf-8")
            elif block.language == "text":
                if reader.said is not None:
                    wrote(reader.said, block.text)
            elif block.language == "python":
                python(reader, block, before)
                before.append(block.text)
            elif ALONE:
                reader.leave_out("programs in %s" % path, ALONE)
            elif block.language in ("c", "cpp"):
                compiles(reader, block)
            elif block.language == "sh":
                shell(reader, block)
            elif shutil.which(INTERPRETERS[block.language]):
                reader.run([INTERPRETERS[block.language], "-", "libcloudpickle-embed.so.0"], input=block.text.encode())
            else:
                reader.leave_out("programs in %s" % path, "%s was not found" % INTERPRETERS[block.language])
        except AssertionError as error:
            raise AssertionError("%s:%d: %s" % (path, block.line, error)) from None


DOCUMENTS = [path for path in documents() if path not in MADE]


def test_all_are_there():
    assert {"README.md", "docs/README.md", "docs/extension.md", "docs/embedding.md"} < set(DOCUMENTS)
    assert {"docs/ctypes.md", "docs/runtimes.md", "docs/abi.md", "docs/engines.md"} < set(DOCUMENTS)
    for path, test in MADE.items():
        assert os.path.isfile(os.path.join(ROOT, path)) and os.path.isfile(os.path.join(ROOT, test))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_document(path, tmp_path):
    read(path, Reader(tmp_path))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links(path):
    """What a document points to is there."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
        place = os.path.join(ROOT, os.path.dirname(path), target)
        assert os.path.exists(place), target
        if target.endswith(".svg"):
            xml.etree.ElementTree.parse(place)


BAD = {
    "a program that fails": "```c\nint main(void) { return 1; }\n```\n",
    "code that does not compile": "```c\nint f(void) { return g(); }\n```\n",
    "another output": "```sh\necho one\n```\n\n```text\ntwo\n```\n",
    "a command that fails": "```sh\nfalse\n```\n",
    "no target of make": "```sh\nmake coffee\n```\n",
    "no file": "A tree:\n\n    no/such/folder   of nothing\n",
    "a language without a rule": "```cobol\nSTOP RUN.\n```\n",
    "python that raises": "```python\nassert False\n```\n",
}


@pytest.mark.skipif(bool(ALONE), reason="programs are left out")
@pytest.mark.parametrize("what", BAD)
def test_finds(what, tmp_path):
    """What is wrong in a document is found."""
    (tmp_path / "bad.md").write_text(BAD[what], encoding="utf-8")
    (tmp_path / "reader").mkdir()
    with pytest.raises(AssertionError):
        read(str(tmp_path / "bad.md"), Reader(tmp_path / "reader"))
