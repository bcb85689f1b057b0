"""The documents of the project and what is shown in them, taken apart.

A block between fences has a language and may have words behind it:

    c, cpp          a program (it has a main) is compiled with libcloudpickle-embed and run; anything else is compiled
    python          the blocks of a document are one program, run from the first to the last
    lua, perl       run with the library's name as its argument, if the interpreter is there
    sh              run, in a folder of the document's own; what a reader has to build or install first is there already,
                    and such lines are only checked: a target of make, a package of cargo
    text            what the block before it writes; … stands for anything
    name=FILE       behind the language: the block is that file, for a sh block to use, and not run by itself

A block that is indented instead is a table of commands (make targets) or of folders, and its lines are checked to be that.
docs/reference.md is made of the header, and its blocks are compiled where that is tested (header/tests/reference.rs).
"""

import os
import re

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), os.pardir, os.pardir))
LANGUAGES = ("c", "cpp", "python", "lua", "perl", "sh", "text")
MADE = {"docs/reference.md": "header/tests/reference.rs"}


class Block:
    """A block between fences: its language, its text, the file that it is, and the line it begins at."""

    def __init__(self, language, words, text, line):
        self.language, self.text, self.line = language, text, line
        names = [word[len("name=") :] for word in words if word.startswith("name=")]
        assert language in LANGUAGES and len(names) == len(words) <= 1, (line, language, words)
        self.name = names[0] if names else None


def documents():
    """The README and all of docs, as paths from the project's folder."""
    found = ["README.md"]
    for folder, _, files in os.walk(os.path.join(ROOT, "docs")):
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files if name.endswith(".md")]
    return sorted(found)


def take_apart(path):
    """The blocks between fences, and the lines of each block that is indented."""
    fenced, indented, prose = [], [], []
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        lines = file.read().split("\n")
    at = 0
    while at < len(lines):
        fence = re.fullmatch(r"( *)(`{3,})(.*)", lines[at])
        if fence:
            language, *words = fence.group(3).split()
            end = lines.index(fence.group(1) + fence.group(2), at + 1)
            text = "\n".join(line[len(fence.group(1)) :] for line in lines[at + 1 : end]) + "\n"
            fenced.append(Block(language, words, text, at + 1))
            at = end
        else:
            prose.append(lines[at])
        at += 1
    in_list, before = False, ""
    for line in prose:
        if line.startswith("    ") and not in_list and (before == "" or before.startswith("    ")):
            if before == "":
                indented.append([])
            indented[-1].append(line[4:])
        elif line and not line.startswith(" "):
            in_list = bool(re.match(r"([-*+]|\d+\.) ", line))
        before = line
    return fenced, indented


def targets():
    """What can be made."""
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
        return set(re.findall(r"^([a-z-]+):", file.read(), re.MULTILINE))


def provided(command):
    """Is this a command that makes what the tests have made already? It is checked, and not run."""
    words = command.split()
    if words[0] == "make":
        made = [word for word in words[1:] if "=" not in word]
        assert made and set(made) <= targets(), command
        return True
    if words[:2] in (["cargo", "build"], ["cargo", "rustc"]):
        packages = [words[i + 1] for i, word in enumerate(words) if word == "-p"]
        for package in packages:
            assert os.path.isfile(os.path.join(ROOT, package.replace("cloudpickle-", ""), "Cargo.toml")), command
        return True
    return False


def check_indented(lines):
    """A table of make's targets, or of files and folders."""
    for line in lines:
        first, *rest = line.split()
        if first == "make":
            assert rest and rest[0] in targets(), line
        else:
            assert os.path.exists(os.path.join(ROOT, first)), "neither a command nor a file: %s" % line
