"""Each door of dump writes the same bytes; what the options and the callbacks may do."""

import io
import os
import pickle
import pickletools
import tempfile

import binding
import pytest
from compare import by_cloudpickle, difference, outcome
from corpus import rows
from corpus.importable import Plain, function
from corpus.row import run


def to_callback(obj, protocol):
    pieces = []
    binding.dump_to_callback(obj, lambda data: pieces.append(data) or 0, protocol=protocol)
    return b"".join(pieces)


def to_fd(obj, protocol):
    with tempfile.TemporaryFile() as file:
        binding.dump_to_fd(obj, file.fileno(), protocol=protocol)
        file.seek(0)
        return file.read()


def to_file(obj, protocol):
    file = io.BytesIO()
    binding.dump_to_file(obj, file, protocol=protocol)
    return file.getvalue()


def to_memory(obj, protocol):
    return binding.dumps_to_memory(obj, protocol=protocol)


DOORS = {"memory": to_memory, "callback": to_callback, "fd": to_fd, "file": to_file}


@pytest.mark.parametrize("row", [row for row in rows if not (row.fresh or row.endless)], ids=str)
def test_same_bytes(row):
    with row.world():
        obj = row.make()
        # From here on both have seen it.
        outcome(by_cloudpickle, obj, 5)
        for protocol in {2, 5}.intersection(row.protocols):
            theirs = outcome(by_cloudpickle, obj, protocol)
            for name, door in DOORS.items():
                found = difference(outcome(door, obj, protocol), theirs)
                assert found is None, "%s, to %s, protocol %d: %s" % (row.name, name, protocol, found)


def test_pieces_are_frames():
    """Frames of some 64 KiB, and large bytes in one piece, which is the very memory of the object."""
    large = os.urandom(1_000_000)
    pieces = []
    binding.dump_to_callback([list(range(200_000)), large, "end"], lambda data: pieces.append(data) or 0)
    assert large in pieces
    assert all(len(piece) < 200_000 for piece in pieces if piece != large)
    assert pickle.loads(b"".join(pieces))[1] == large


def test_pieces_of_many_frames():
    """Each frame is a piece of its own, also where many are ready at once."""
    numbers = list(range(600_000))
    pieces = []
    binding.dump_to_callback(numbers, lambda data: pieces.append(data) or 0)
    whole = pickle.dumps(numbers, 5)
    assert b"".join(pieces) == whole
    framed = [piece for piece in pieces if piece[:1] == b"\x95" or piece[:3] == b"\x80\x05\x95"]
    assert framed == pieces and len(pieces) == len([op for op, _, _ in pickletools.genops(whole) if op.name == "FRAME"]) > 32
    assert all(len(piece) < 66_000 for piece in pieces)


@pytest.mark.parametrize("stop_at", (0, 1, 2))
def test_callback_that_stops(stop_at):
    taken = []

    def write(data):
        if len(taken) == stop_at:
            return 7
        taken.append(data)
        return 0

    with pytest.raises(Exception):
        binding.dump_to_callback(list(range(300_000)), write)
    assert len(taken) == stop_at


def test_fd_that_is_closed():
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    with pytest.raises(OSError):
        binding.dump_to_fd([1], write)


def test_file_that_raises():
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        binding.dump_to_file([1], Full())
    with pytest.raises(Exception):
        binding.dump_to_file([1], object())


def test_pipe_to_another_process():
    """More than a pipe holds, read by another process meanwhile."""
    import subprocess
    import sys

    code = "import pickle, sys; obj = pickle.load(sys.stdin.buffer); print(len(obj), sum(obj))"
    reader = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    binding.dump_to_fd(list(range(500_000)), reader.stdin.fileno())
    reader.stdin.close()
    assert reader.stdout.read().split() == [b"500000", b"124999750000"]
    assert reader.wait() == 0


# --- max_bytes

@pytest.mark.parametrize("door", DOORS)
def test_max_bytes(door):
    obj = [list(range(1000)), "x" * 5000, b"y" * 100_000]
    size = len(binding.dumps(obj))

    def limited(limit):
        sinks = {
            "memory": lambda: binding.dumps_to_memory(obj, max_bytes=limit),
            "callback": lambda: binding.dump_to_callback(obj, lambda data: written.append(data) or 0, max_bytes=limit),
            "fd": lambda: binding.dump_to_fd(obj, os.open(os.devnull, os.O_WRONLY), max_bytes=limit),
            "file": lambda: binding.dump_to_file(obj, io.BytesIO(), max_bytes=limit),
        }
        return sinks[door]()

    written = []
    limited(size)
    limited(size + 1)
    for limit in (1, 2, 10, 1000, size // 2, size - 1):
        written.clear()
        with pytest.raises(Exception):
            limited(limit)
        assert sum(map(len, written)) <= limit


def test_max_bytes_stops_what_does_not_end():
    def forever(made):
        def items():
            while True:
                yield "item"

        return (list, (), None, items())

    from corpus.importable import Reduced

    with pytest.raises(Exception):
        binding.dumps_to_memory(Reduced(forever), max_bytes=10_000_000)


# --- reducer

def described(asked):
    """What was asked about, without what the bytes only name: cloudpickle's own functions, which need not exist here,
    and the types that they make."""
    named = [(type(obj).__name__, getattr(obj, "__name__", None)) for obj in asked]
    own = [("function", name) for name in ("_make_function", "_function_setstate", "_builtin_type", "_make_empty_cell")]
    return [pair for pair in named if pair not in own + [("type", "code")]]


def test_reducer_is_asked_first():
    """It is asked as `Pickler.reducer_override` is: not for atoms and exact containers."""
    asked = []

    def reducer(obj):
        asked.append(obj)
        return (str, ("replaced",)) if isinstance(obj, Plain) else NotImplemented

    obj = [1, "a", Plain(), function, {"k": Plain}, lambda: 1]
    data = binding.dumps_to_memory(obj, reducer=reducer)
    assert pickle.loads(data)[2] == "replaced"

    theirs = []

    class Pickler(by_cloudpickle.__globals__["cloudpickle"].Pickler):
        def reducer_override(self, obj):
            theirs.append(obj)
            return (str, ("replaced",)) if isinstance(obj, Plain) else super().reducer_override(obj)

    file = io.BytesIO()
    Pickler(file).dump(obj)
    assert data == file.getvalue()
    assert described(asked) == described(theirs)


def test_reducer_that_raises():
    def reducer(obj):
        raise LookupError("from the reducer")

    with pytest.raises(LookupError, match="from the reducer"):
        binding.dumps_to_memory([Plain()], reducer=reducer)


def test_reducer_that_answers_nonsense():
    with pytest.raises(pickle.PicklingError):
        binding.dumps_to_memory([Plain()], reducer=lambda obj: 5)


def test_reducer_replaces_a_function():
    result = run("def f(): return g()\ndef g(): return 1\nresult = f")["result"]
    data = binding.dumps_to_memory(
        result, reducer=lambda obj: (getattr, (Plain, "method")) if getattr(obj, "__name__", None) == "g" else NotImplemented
    )
    assert pickle.loads(data).__globals__["g"] is Plain.method


# --- buffers out of band

def buffers_of(obj, in_band=lambda data: 0):
    taken = []

    def on_buffer(data, read_only):
        answer = in_band(data)
        if answer == 0:
            taken.append((data, read_only))
        return answer

    return binding.dumps_to_memory(obj, on_buffer=on_buffer), taken


def buffers_of_pickle(obj, in_band=lambda data: 0):
    taken = []

    def callback(buffer):
        raw = buffer.raw()
        answer = in_band(bytes(raw))
        if answer == 0:
            taken.append((bytes(raw), raw.readonly))
        return answer != 0

    return pickle.dumps(obj, 5, buffer_callback=callback), taken


def objects_with_buffers():
    shared = pickle.PickleBuffer(bytearray(b"shared"))
    return {
        "one": pickle.PickleBuffer(b"read-only"),
        "writable": pickle.PickleBuffer(bytearray(b"writable")),
        "empty": pickle.PickleBuffer(b""),
        "several": [pickle.PickleBuffer(b"a"), 1, pickle.PickleBuffer(bytearray(b"b")), pickle.PickleBuffer(bytes(100_000))],
        "shared": [shared, shared],
        "of two dimensions": pickle.PickleBuffer(memoryview(bytearray(12)).cast("B", (3, 4))),
        "of doubles": pickle.PickleBuffer(memoryview(bytearray(16)).cast("d")),
    }


@pytest.mark.parametrize("name", objects_with_buffers())
@pytest.mark.parametrize("answer", ("out", "in", "by size"))
def test_buffers(name, answer):
    obj = objects_with_buffers()[name]
    in_band = {"out": lambda data: 0, "in": lambda data: 1, "by size": lambda data: int(len(data) < 5)}[answer]
    assert buffers_of(obj, in_band) == buffers_of_pickle(obj, in_band)


def test_buffers_callback_that_stops():
    with pytest.raises(Exception):
        buffers_of(objects_with_buffers()["several"], lambda data: -1)


@pytest.mark.parametrize("protocol", range(5))
def test_buffers_need_protocol_5(protocol):
    with pytest.raises(Exception):
        binding.dumps_to_memory([1], protocol=protocol, on_buffer=lambda data, read_only: 0)
