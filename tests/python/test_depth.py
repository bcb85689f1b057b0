"""Depth costs heap, not C stack: what is nested a million deep is pickled, in the smallest of threads too.

C pickle cannot do it. What the bytes must be is written down here for each shape, and compared with C pickle where it
still comes to an end.
"""

import pickle
import struct
import threading

import binding
import pytest
from compare import by_pickle, difference, outcome
from corpus.importable import Plain, Reduced, build
from corpus.row import module, run

SMALL_STACK = 256 * 1024


def in_thread(work, stack):
    """Runs work in a thread with that much stack; its result or exception."""
    result = []

    def target():
        try:
            result.append((work(), None))
        except BaseException as error:
            result.append((None, error))

    before = threading.stack_size(stack)
    try:
        thread = threading.Thread(target=target)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    value, error = result[0]
    if error is not None:
        raise error
    return value


STACKS = {"default stack": lambda work: work(), "small stack": lambda work: in_thread(work, SMALL_STACK)}
stacks = pytest.mark.parametrize("stack", STACKS)


class Frames:
    """Writes what C pickle would: it looks whether the frame is full before each object that it begins."""

    def __init__(self):
        self.out, self.frame = bytearray(b"\x80\x05"), bytearray()

    def begin(self, data):
        """An object begins, and this is the first of it."""
        if len(self.frame) >= 64 * 1024:
            self.close()
        self.frame += data

    def write(self, data):
        self.frame += data

    def close(self):
        if len(self.frame) >= 4:
            self.out += b"\x95" + struct.pack("<Q", len(self.frame))
        self.out += self.frame
        self.frame = bytearray()

    def end(self):
        self.write(b".")
        self.close()
        return bytes(self.out)


def nested_list(depth):
    made = []
    for _ in range(depth - 1):
        made = [made]
    return made


def nested_list_bytes(depth):
    frames = Frames()
    for _ in range(depth):
        frames.begin(b"]\x94")
    frames.write(b"a" * (depth - 1))
    return frames.end()


def nested_tuple(depth):
    made = ()
    for _ in range(depth - 1):
        made = (made,)
    return made


def nested_tuple_bytes(depth):
    # Each tuple begins before anything is written.
    frames = Frames()
    frames.begin(b")" + b"\x85\x94" * (depth - 1))
    return frames.end()


def nested_dict(depth):
    made = {}
    for _ in range(depth - 1):
        made = {1: made}
    return made


def nested_dict_bytes(depth):
    frames = Frames()
    for _ in range(depth - 1):
        frames.begin(b"}\x94")
        frames.begin(b"K\x01")
    frames.begin(b"}\x94")
    frames.write(b"s" * (depth - 1))
    return frames.end()


SHAPES = {
    "lists": (nested_list, nested_list_bytes),
    "tuples": (nested_tuple, nested_tuple_bytes),
    "dicts": (nested_dict, nested_dict_bytes),
}
shapes = pytest.mark.parametrize("shape", SHAPES)


def let_go(obj):
    """Takes a nest apart from the outside: dropping it whole would recurse."""
    while obj:
        obj = obj[1] if type(obj) is dict else obj[0]


@shapes
def test_what_is_expected_is_right(shape):
    """The bytes as written down are C pickle's, as deep as it goes: far beyond one frame where a large stack helps."""
    make, expected = SHAPES[shape]
    reached = 0

    def compare(depth):
        try:
            data = pickle.dumps(make(depth), 5)
        except RecursionError:
            return False
        assert data == expected(depth)
        return True

    def deeper():
        nonlocal reached
        import sys

        before = sys.getrecursionlimit()
        sys.setrecursionlimit(1_000_000)
        try:
            for depth in (1, 2, 3, 100, 500, 3000, 40_000, 90_000):
                if not compare(depth):
                    break
                reached = depth
        finally:
            sys.setrecursionlimit(before)

    in_thread(deeper, 512 * 1024 * 1024)
    assert reached >= 500


@shapes
@stacks
@pytest.mark.parametrize("depth", (1, 10, 1000, 100_000, 1_000_000))
def test_nested(shape, stack, depth):
    make, expected = SHAPES[shape]
    obj = make(depth)
    ours = STACKS[stack](lambda: binding.dumps(obj))
    found = difference(outcome(lambda *_: ours, None, 5), outcome(lambda *_: expected(depth), None, 5))
    assert found is None, found
    let_go(obj)


@shapes
@stacks
@pytest.mark.parametrize("protocol", range(5))
def test_nested_at_every_protocol(shape, stack, protocol):
    """The older protocols write longer forms: the shallow ones are C pickle's, the deep ones go on in the same way."""
    make, _ = SHAPES[shape]
    for depth in (1, 2, 50, 300):
        obj = make(depth)
        assert difference(outcome(binding.dumps, obj, protocol), outcome(by_pickle, obj, protocol)) is None
    obj = make(200_000)
    data = STACKS[stack](lambda: binding.dumps(obj, protocol))
    opcode = {"lists": {0: b"a", 1: b"a"}, "tuples": {0: b"t", 1: b"t"}, "dicts": {0: b"s", 1: b"s"}}[shape].get(protocol)
    assert data.endswith(b".") and len(data) > 400_000 and (opcode is None or data.count(opcode) >= 199_999)
    let_go(obj)


def linked(length):
    made = None
    for n in range(length):
        made = Plain(n=n, next=made)
    return made


def let_go_of_linked(obj):
    while obj is not None:
        next, obj.next = obj.next, None
        obj = next


@stacks
def test_linked_objects(stack):
    """100,000 objects, each in an attribute of the one before; loaded again, since loading does not recurse."""
    length = 100_000
    obj = linked(length)
    data = STACKS[stack](lambda: binding.dumps(obj))
    let_go_of_linked(obj)
    loaded = found = pickle.loads(data)
    for n in reversed(range(length)):
        assert type(found) is Plain and found.n == n
        found = found.next
    assert found is None
    let_go_of_linked(loaded)


@pytest.mark.parametrize("length", (1, 2, 3, 10, 60))
def test_linked_objects_few(length):
    obj = linked(length)
    assert binding.dumps(obj) == pickle.dumps(obj, 5)


@stacks
def test_linked_lists_through_tuples_and_dicts(stack):
    """A nest of all kinds, four levels at a time."""
    depth = 100_000
    obj = None
    for _ in range(depth):
        obj = [({"k": Plain(next=obj)},)]
    data = STACKS[stack](lambda: binding.dumps(obj))
    found, levels = obj, 0
    while found is not None:
        inner = found[0][0]["k"]
        found, inner.next = inner.next, None
        levels += 1
    assert levels == depth
    loaded, levels = pickle.loads(data), 0
    while loaded is not None:
        inner = loaded[0][0]["k"]
        loaded, inner.next = inner.next, None
        levels += 1
    assert levels == depth


def take_from_cell(function):
    (cell,) = function.__closure__
    found, cell.cell_contents = cell.cell_contents, None
    return found


@stacks
def test_chain_of_functions(stack):
    """Functions that hold each other in their closures, far beyond cloudpickle's end, which lies at some 300."""
    chain = run("def link(f):\n    def call(x): return f, x\n    return call\nresult = link")["result"]
    obj = None
    for _ in range(20_000):
        obj = chain(obj)
    data = STACKS[stack](lambda: binding.dumps(obj))
    levels = 0
    while obj is not None:
        obj = take_from_cell(obj)
        levels += 1
    assert levels == 20_000
    loaded = pickle.loads(data)
    for _ in range(20_000):
        loaded = take_from_cell(loaded)
    assert loaded is None


@stacks
def test_reductions_nested(stack):
    """Arguments in arguments."""
    obj = 5
    for _ in range(100_000):
        obj = Reduced(lambda made, inner=obj: (build, (inner,)), inner=obj)
    data = STACKS[stack](lambda: binding.dumps(obj))
    assert data.count(b"R") >= 100_000
    while obj != 5:
        inner, obj.inner, obj.reduction = obj.inner, None, None
        obj = inner


class Endless:
    """Each is reduced to another."""

    def __reduce__(self):
        return (build, (Endless(),))


class EndlessState:
    def __reduce__(self):
        return (build, (), {"next": [EndlessState()]})


@pytest.mark.parametrize("kind, stack", ((Endless, "default stack"), (EndlessState, "small stack")))
def test_endless_reductions(kind, stack):
    """They end in a clear error before the machine suffers."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((RecursionError, pickle.PicklingError), match="recursion"):
        STACKS[stack](lambda: binding.dumps(kind()))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 512 * 1024, "%d MB" % (grown // 1024)


def test_max_depth():
    """The option moves the end; what lies within it is pickled."""
    obj = nested_list(1000)
    assert binding.dumps_to_memory(obj, max_depth=2000) == nested_list_bytes(1000)
    with pytest.raises((RecursionError, pickle.PicklingError), match="recursion"):
        binding.dumps_to_memory(obj, max_depth=100)


def nested(make, depth):
    obj = make(1)
    for _ in range(depth - 1):
        obj = make(obj)
    return obj


@pytest.mark.parametrize(
    "make, levels, spared",
    (
        (lambda inner: [inner], 1, 1),
        (lambda inner: (inner,), 1, 1),
        (lambda inner: {1: inner}, 1, 1),
        (lambda inner: [0, (2, inner)], 2, 1),
        (lambda inner: frozenset([inner]), 1, 0),
    ),
    ids=("list", "tuple", "dict", "list and tuple", "frozenset"),
)
def test_edge_of_max_depth(make, levels, spared):
    """The innermost of these does not wait for anything, a set does all the same. What was dumped loads at any depth."""
    for depth in (3, 10, 100):
        obj = nested(make, depth)
        count = depth * levels - spared
        data = binding.dumps_to_memory(obj, max_depth=count)
        assert data == pickle.dumps(obj, 5) and binding.loads(data) == obj
        with pytest.raises(pickle.PicklingError, match=r"More than max_depth \(%d\)" % (count - 1)):
            binding.dumps_to_memory(obj, max_depth=count - 1)


def test_module_in_the_globals_of_its_function():
    """cloudpickle does not come to an end here, and neither do we: its bytes for a module hold the module."""
    made = module("made", "def f(): return me")
    made.me = made
    with pytest.raises((RecursionError, pickle.PicklingError), match="recursion"):
        binding.dumps_to_memory(made.f, max_depth=10_000)


def test_after_all_that():
    assert binding.dumps([1, [2]]) == pickle.dumps([1, [2]], 5)
