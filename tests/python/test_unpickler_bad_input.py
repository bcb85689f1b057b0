"""Bytes that are no pickle: an error that says where, never a crash, and no memory that the input did not pay for."""

import io
import os
import pickle
import pickletools
import random
import re
import resource

import loading
import loading_samples as samples
import pytest

SEED = int(os.environ.get("PYTHONHASHSEED", "1") or 1)
# The load of "state" runs the pickle's own bytecode, in which a wrong byte may do anything.
BY_VALUE = [(name, data) for name, data in samples.by_value() if name != "state"]
# Short ones of each kind: they are tried at every byte.
SHORT = [(name, data) for name, thing, data in samples.plain_pickles() if len(data) < 400] + BY_VALUE
OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]

# What a pickle of the samples needs, and nothing that could do harm when its arguments are wild.
ALLOWED = {
    "builtins": {"set", "frozenset", "bytearray", "complex", "range", "slice", "object", "type", "property", "int", "str"},
    "collections": {"OrderedDict", "Counter", "defaultdict", "deque"},
    "copyreg": {"_reconstructor"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "datetime": {"date", "datetime", "timedelta"},
    "enum": {"Enum", "IntFlag"},
    "abc": {"ABCMeta", "ABC"},
    "_codecs": {"encode"},
}


def some(module, name):
    if module != "cloudpickle.cloudpickle" and name not in ALLOWED.get(module, ()):
        raise ValueError("refused")


def none(module, name):
    raise ValueError("refused")


def attempt(data, find_global=some):
    """Loads in each way; an ordinary exception is fine."""
    for way in (loading.loads, lambda data, **given: loading.load(io.BytesIO(data).read, **given)):
        try:
            way(data, find_global=find_global)
        except MemoryError:
            raise
        except Exception:
            pass


def ids(rows):
    return [row[0] for row in rows]


@pytest.mark.parametrize("name, data", SHORT, ids=ids(SHORT))
def test_truncated_at_every_byte(name, data):
    for end in range(len(data)):
        with pytest.raises(Exception) as caught:
            loading.loads(data[:end], find_global=some)
        if "refused" not in str(caught.value) and "refuses" not in str(caught.value):
            assert isinstance(caught.value, (pickle.UnpicklingError, EOFError)), (end, caught.value)
            offset = int(re.search(r"\(at byte (\d+)\)$", str(caught.value)).group(1))
            assert offset <= end
        with pytest.raises(Exception):
            loading.load(io.BytesIO(data[:end]).read, find_global=some)


@pytest.mark.parametrize("name, data", SHORT, ids=ids(SHORT))
def test_every_byte_flipped(name, data):
    chance = random.Random(SEED)
    for at in range(len(data)):
        for value in {data[at] ^ 0xFF, data[at] ^ 1, chance.randrange(256)}:
            attempt(data[:at] + bytes([value]) + data[at + 1 :])


def test_random_bytes():
    chance = random.Random(SEED)
    for _ in range(20_000):
        attempt(bytes(chance.randrange(256) for _ in range(chance.randrange(40))), none)


def test_opcodes_out_of_place():
    chance = random.Random(SEED)
    arguments = [b"", b"\x00", b"\x01", b"\x02\x00", b"1\n", b"\xff\xff\xff\xff", b"a\nb\n"]
    for _ in range(20_000):
        count = chance.randrange(1, 20)
        attempt(b"".join(chance.choice(OPCODES) + chance.choice(arguments) for _ in range(count)) + b".", none)


@pytest.mark.parametrize("target", ["refuse", "allow"])
def test_what_the_fuzzer_found(target):
    """Inputs that each reach something new; fuzz/README.md says how they were made."""
    with open(os.path.join(os.path.dirname(__file__), "fuzz_inputs", target + ".pickle"), "rb") as file:
        found = pickle.load(file)
    assert len(found) > 300
    for data in found:
        attempt(data, none if target == "refuse" else some)


def test_each_opcode_alone():
    for opcode in OPCODES:
        for before in (b"", b"(", b"N", b"(N", b"NN", b"(NN", b"]", b"]N", b"](N", b"}", b"}(N", b"()", b")", b"N)}"):
            for argument in (b"", b"\x00" * 8, b"\xff" * 8, b"1\n2\n"):
                attempt(before + opcode + argument + b".", none)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "Ran out of input (at byte 0)"),
        (b"N", "Ran out of input (at byte 1)"),
        (b"NK", "pickle data was truncated (at byte 1)"),
        (b"0.", "unpickling stack underflow (at byte 0)"),
        (b"(a.", "unexpected MARK found (at byte 1)"),
        (b"Ne.", "could not find MARK (at byte 1)"),
        (b"Nh\x07.", "Memo value not found at index 7 (at byte 1)"),
        (b"Nj\xff\xff\xff\xff.", "Memo value not found at index 4294967295 (at byte 1)"),
        (b"\x80\x09.", "unsupported pickle protocol: 9 (at byte 0)"),
        (b"N\xf0.", "invalid load key, '\\xf0'. (at byte 1)"),
        (b"Nz.", "invalid load key, 'z'. (at byte 1)"),
        (b"\x8b\xff\xff\xff\xff.", "LONG pickle has negative byte count (at byte 0)"),
        (b"N}(Nu.", "odd number of items for SETITEMS (at byte 4)"),
        (b"K\x01)\x81.", "NEWOBJ class argument must be a type, not int (at byte 3)"),
        (b"\x82\x00.", "EXT specifies code <= 0 (at byte 0)"),
    ],
)
def test_the_message_and_the_offset(data, message):
    for way in (loading.loads, lambda data: loading.load(io.BytesIO(data).read)):
        with pytest.raises((pickle.UnpicklingError, EOFError, ValueError)) as caught:
            way(data)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    "data",
    [
        b"B\xff\xff\xff\x7f",
        b"\x8e" + (1 << 40).to_bytes(8, "little"),
        b"\x8d" + (1 << 40).to_bytes(8, "little"),
        b"\x96" + (1 << 40).to_bytes(8, "little"),
        b"\x95" + (1 << 40).to_bytes(8, "little"),
        b"\x8b\xff\xff\xff\x7f",
        b"T\xff\xff\xff\x7f",
        b"Nr\xff\xff\xff\xff",
        b"Np99999999999\n",
        b"".join(b"Nr" + (3 << i).to_bytes(4, "little") for i in range(30)),
    ],
    ids=range(10),
)
def test_lengths_beyond_the_input_cost_nothing(data):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for way in (loading.loads, lambda data: loading.load(io.BytesIO(data).read)):
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            way(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 20_000, "in KiB"


def test_code_is_looked_at():
    code = compile("lambda: 1", "<code>", "eval").co_consts[0]
    arguments = list(__import__("cloudpickle").cloudpickle._code_reduce(code)[1])
    head = b"\x80\x04\x8c\x17cloudpickle.cloudpickle\x8c\x0d_builtin_type\x93\x8c\x08CodeType\x85R"

    def make(arguments):
        body = pickle.dumps(tuple(arguments), 3)[2:-1]
        return loading.loads(head + body + b"R.")

    assert make(arguments).co_name == "<lambda>"
    for wrong in (arguments[:-3], arguments + [1], ["x"] + arguments[1:], []):
        with pytest.raises(pickle.UnpicklingError, match="code object"):
            make(wrong)
    bytecode = next(i for i, argument in enumerate(arguments) if isinstance(argument, bytes))
    for wrong in (b"", b"\x01", b"\xfe\x00" * 3):
        with pytest.raises(pickle.UnpicklingError, match="code object"):
            make([*arguments[:bytecode], wrong, *arguments[bytecode + 1 :]])
    with pytest.raises(ValueError):
        make([-1, *arguments[1:]])


def test_a_closure_fits_its_code():
    """A function whose closure is shorter than its code wants would read past it."""
    head = b"\x80\x04\x8c\x17cloudpickle.cloudpickle\x8c\x0e_make_function\x93"

    def outer():
        cell = 1
        return lambda: cell

    reduce = __import__("cloudpickle").cloudpickle._code_reduce
    constructor = b"\x8c\x17cloudpickle.cloudpickle\x8c\x0d_builtin_type\x93\x8c\x08CodeType\x85R"
    code = constructor + pickle.dumps(reduce(outer().__code__)[1], 3)[2:-1] + b"R"
    for closure in (b"N", b")", b"K\x01\x85", b"K\x01K\x02\x86"):
        with pytest.raises(TypeError):
            loading.loads(head + b"(" + code + b"}NN" + closure + b"tR.")


def test_a_source_that_raises():
    def read(size):
        if size == 1:
            return b"N"
        raise KeyError("from the source")

    class File:
        def read(self, size):
            raise KeyError("from the file")

        def readline(self):
            raise KeyError("from the file")

    with pytest.raises(KeyError, match="from the file"):
        loading.load_file(File())


def test_a_file_that_gives_more_than_it_was_asked_for():
    class File:
        def read(self, size):
            return b"N" * (size + 1)

        def readline(self):
            return b"\n"

    with pytest.raises(ValueError, match="were asked for"):
        loading.load_file(File())
