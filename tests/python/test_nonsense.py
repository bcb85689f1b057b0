"""Hooks that answer what nobody expects: other types, subclasses of those that are expected, objects that raise when they
are compared, hashed, asked for their truth or iterated over. What comes of it is what comes of it in `pickle`."""

import errno
import io
import pickle

import pytest
import reports
from face import libcloudpickle


class Raising:
    """Raises at whatever it is asked, but for being pickled."""

    def refuse(self, *_):
        raise ZeroDivisionError("asked")

    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __iter__ = __next__ = __str__ = __repr__ = __call__ = refuse
    __getitem__ = __contains__ = __index__ = __int__ = __bytes__ = refuse

    def __hash__(self):
        raise ZeroDivisionError("asked")

    def __reduce__(self):
        return "RAISING"


RAISING = Raising()


class Text(str):
    def __eq__(self, other):
        raise ZeroDivisionError("asked")

    __hash__ = str.__hash__


class Number(int):
    def __bool__(self):
        raise ZeroDivisionError("asked")

    def __index__(self):
        return 77


class Pair(tuple):
    def __len__(self):
        return 9

    def __iter__(self):
        raise ZeroDivisionError("asked")


class Mapping(dict):
    def items(self):
        return RAISING


class Bytes(bytes):
    pass


class Name(str):
    pass


class Pairs:
    """Iterated over anew each time."""

    def __init__(self, *pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter(self.pairs)

    def __next__(self):
        raise ZeroDivisionError("asked")


class Odd:
    """What the hooks are asked about."""


ANSWERS = {
    "raising": RAISING, "text": Text("ab"), "number": Number(5), "pair": Pair((1, 2)), "mapping": Mapping(k=1), "bytes": Bytes(b"id"),
    "object": object, "true": True, "false": False, "zero": 0, "empty": "", "not ascii": "é", "two lines": "a\nb", "surrogate": "\udc80",
    "list": [1], "float": 1.5, "not implemented": NotImplemented, "type": Odd, "builtin": len,
}  # fmt: skip

REDUCTIONS = {
    **ANSWERS,
    "pair of two": Pair((list, ())), "callee raises": (RAISING, ()), "arguments raise": (list, RAISING), "pair of arguments": (list, Pair(((1,),))),
    "named otherwise": Name("RAISING"), "state raises": (Odd, (), RAISING), "state is false": (Odd, (), False), "state is zero": (Odd, (), Number(0)),
    "items raise": (list, (), None, RAISING), "items are text": (list, (), None, Text("ab")), "pairs raise": (dict, (), None, None, RAISING),
    "pairs are pairs": (dict, (), None, None, (Pair((1, 2)),)), "pairs are text": (dict, (), None, None, ("ab",)),
    "pairs of a class": (dict, (), None, None, Pairs((1, 2))),
    "items are a mapping": (dict, (), None, None, Mapping(k=1)),
    "setter raises": (Odd, (), 1, None, None, RAISING), "setter is text": (Odd, (), 1, None, None, Text("ab")), "seven": (Odd, (), None, None, None, None, None),
    "list": [Odd, ()], "all None": (None, None), "nested": ((Odd, ()), ()),
}  # fmt: skip


def outcome(work):
    """The bytes or object, or the type of what is raised."""
    try:
        return work()
    except Exception as raised:
        return type(raised)


def dumped(package, hook, answer, protocol):
    class Pickler(package.Pickler):
        pass

    setattr(Pickler, hook, lambda self, obj: answer if type(obj) is Odd else None if hook == "persistent_id" else NotImplemented)
    file = io.BytesIO()
    Pickler(file, protocol).dump([ODD, (1, ODD), {"k": ODD}])
    return file.getvalue()


ODD = Odd()


@pytest.mark.parametrize("protocol", (0, 1, 2, 5))
@pytest.mark.parametrize("name", ANSWERS)
def test_persistent_id(name, protocol):
    ours, theirs = (outcome(lambda: dumped(package, "persistent_id", ANSWERS[name], protocol)) for package in (libcloudpickle, pickle))
    assert ours == theirs


@pytest.mark.parametrize("protocol", (0, 1, 2, 5))
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reducer_override(name, protocol):
    ours, theirs = (outcome(lambda: dumped(package, "reducer_override", REDUCTIONS[name], protocol)) for package in (libcloudpickle, pickle))
    assert ours == theirs


# A global that is called, made with and without keywords, built upon, appended and added to; persistent ids.
PICKLES = {
    "called": b"\x80\x04cm\nn\n)R.", "new": b"\x80\x04cm\nn\n)\x81.", "new with keywords": b"\x80\x04cm\nn\n)}\x92.", "built": b"\x80\x04cm\nn\n}K\x01K\x02sb.",
    "built by attributes": b"\x80\x04cm\nn\nN}\x8c\x01aK\x02s\x86b.", "appended": b"\x80\x04cm\nn\nK\x01a.", "extended": b"\x80\x04cm\nn\n(K\x01e.",
    "set": b"\x80\x04cm\nn\nK\x01K\x02s.", "added": b"\x80\x04cm\nn\n(K\x01\x90.", "key": b"\x80\x04}cm\nn\nK\x02s.", "member": b"\x80\x04\x8f(cm\nn\n\x90.",
    "frozen": b"\x80\x04(cm\nn\n\x91.", "arguments": b"\x80\x04cm\nn\ncm\nn\nR.", "instance": b"\x80\x04(im\nn\n.", "object": b"\x80\x04(cm\nn\no.",
    "stack global": b"\x80\x04\x8c\x01m\x8c\x01n\x93)R.", "persistent": b"\x80\x04K\x01Q)R.", "persistent text": b"\x80\x04Pab\n)R.", "alone": b"\x80\x04cm\nn\n.",
}  # fmt: skip


def loaded(package, data, answer):
    class Unpickler(package.Unpickler):
        def find_class(self, module, name):
            return answer

        def persistent_load(self, pid):
            return answer

    found = Unpickler(io.BytesIO(data)).load()
    return type(found), found is answer


@pytest.mark.parametrize("data", PICKLES)
@pytest.mark.parametrize("name", ANSWERS)
def test_find_class_and_persistent_load(name, data):
    ours, theirs = (outcome(lambda: loaded(package, PICKLES[data], ANSWERS[name])) for package in (libcloudpickle, pickle))
    assert ours == theirs
    report = reports.loads(PICKLES[data], find_global=lambda module, name_: ANSWERS[name])
    assert report.status in (reports.OK, reports.PYTHON, reports.UNPICKLING), report


RAISED = {
    BlockingIOError: errno.EAGAIN, InterruptedError: errno.EINTR, BrokenPipeError: errno.EPIPE, TimeoutError: errno.ETIMEDOUT,
}  # fmt: skip


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("at", range(3))
def test_files_that_raise(kind, at):
    """The status of a Python file that raises OSError is CP_ERR_IO with its errno. It is not asked again: Python's own files
    have done so where that is right."""
    calls = []

    def turn():
        calls.append(None)
        if len(calls) == at + 1:
            raise kind(RAISED[kind], "on purpose")

    class File(io.BytesIO):
        def write(self, data):
            turn()
            return super().write(data)

        def read(self, size=-1):
            turn()
            return super().read(size)

        def readline(self, size=-1):
            turn()
            return super().readline(size)

        readinto = None

    obj = [bytes(100_000), "x" * 100_000, [0] * 10, bytes(200_000)]
    report = reports.dump_file(obj, File())
    assert report[:2] == (reports.IO, RAISED[kind]) and report.type == "builtins." + kind.__name__, report
    assert len(calls) == at + 1
    calls.clear()
    report = reports.load_file(File(pickle.dumps(obj)))
    assert report[:2] == (reports.IO, RAISED[kind]) and report.type == "builtins." + kind.__name__, report
    assert len(calls) == at + 1


# --- a callback of the C API has no exceptions: what it answers is the code.


@pytest.mark.parametrize("code", (-errno.EINTR, -errno.EAGAIN))
def test_callbacks_that_answer_errno(code):
    report = reports.dump([1], lambda data: code)
    assert report[:2] == (reports.CALLBACK, code), report
    report = reports.load(lambda size: code)
    assert report[:2] == (reports.CALLBACK, code), report
