"""array.array: the short way, which copies no data, beside what its `__reduce_ex__` gives."""

import array
import copyreg
import io
import pickle

import binding
import pytest

LEAST = 4096
SIZES = LEAST - 1, LEAST, LEAST + 1, 70_000
TYPECODES = [code for code in array.typecodes if code not in "uw"]


def made(typecode, size):
    found = array.array(typecode, bytes(size * array.array(typecode).itemsize))
    found[size // 2 :] = array.array(typecode, [1]) * (size - size // 2)
    return found


def in_every_way(obj, protocol):
    """The bytes by each door."""
    written = io.BytesIO()
    binding.dump_to_callback(obj, lambda data: written.write(data) * 0, protocol=protocol)
    file = io.BytesIO()
    binding.dump_to_file(obj, file, protocol=protocol)
    return {
        binding.dumps(obj, protocol),
        binding.dumps_to_memory(obj, protocol=protocol),
        written.getvalue(),
        file.getvalue(),
    }


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("typecode", TYPECODES)
def test_same_bytes(typecode, protocol):
    for size in SIZES:
        obj = made(typecode, size)
        assert in_every_way(obj, protocol) == {pickle.dumps(obj, protocol)}, size


@pytest.mark.parametrize("typecode", [code for code in array.typecodes if code in "uw"])
def test_text(typecode):
    obj = array.array(typecode, "aé€" * LEAST)
    assert in_every_way(obj, 5) == {pickle.dumps(obj, 5)}


class Derived(array.array):
    pass


def test_around_it():
    """Known twice, among others, and where it is not an array alone."""
    one, other, derived = made("d", LEAST), made("d", LEAST), Derived("i", range(LEAST))
    derived.name = one
    for obj in ([one, one], (one, other, [one]), {"a": one, 1: bytes(one), 2: "d"}, [derived, one], [memoryview, other, one[:1], one[:0]]):
        assert in_every_way(obj, 5) == {pickle.dumps(obj, 5)}


def test_hooks_are_asked():
    obj = [made("h", LEAST)]
    copyreg.pickle(array.array, lambda found: (list, (found.tolist(),)))
    try:
        assert binding.dumps(obj, 5) == pickle.dumps(obj, 5)
    finally:
        del copyreg.dispatch_table[array.array]
    seen = []

    def reducer(found):
        seen.append(type(found))
        return NotImplemented

    assert binding.dumps_to_memory(obj, protocol=5, reducer=reducer) == pickle.dumps(obj, 5)
    assert array.array in seen


def test_limit():
    obj = made("b", 100_000)
    with pytest.raises(ValueError):
        binding.dumps_to_memory(obj, max_bytes=50_000)
    assert binding.dumps_to_memory(obj, max_bytes=200_000) == pickle.dumps(obj, 5)


def test_it_may_not_change_meanwhile():
    """Whoever is given the data in pieces cannot resize the array under it."""
    obj = made("b", 200_000)
    refused = []

    def write(data):
        try:
            obj.append(1)
        except BufferError:
            refused.append(len(data))
        return 0

    before = pickle.dumps(obj, 5)
    written = io.BytesIO()
    binding.dump_to_callback(obj, lambda data: written.write(data) * 0 + write(data), protocol=5)
    assert 200_000 in refused and len(written.getvalue()) >= len(before)
