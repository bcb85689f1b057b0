"""Outputs that grow: through blocks of the heap, and such as are mappings of their own; to a bytes object and to memory."""

import pickle
import threading

import binding
import pytest

KB = 1024


def texts(size):
    return ["%040d" % n for n in range(size // 43)]


SHAPES = {
    "small objects": texts,
    "objects of thousands of bytes": lambda size: [bytes([n % 256]) * 5_000 for n in range(size // 5_000)],
    "objects larger than a frame": lambda size: ["%d" % n * 70_000 for n in range(size // 70_000)],
    "small ones around a large one": lambda size: [texts(size // 3), b"x" * (size // 3), texts(size // 3)],
}


@pytest.mark.parametrize("protocol", (5, 3, 0))
@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_of_all_sizes(shape, protocol):
    for size in (200, 255, 256, 257, 400, 600, 1_000, 1_500, 2_100, 3_000, 5_000, 9_000, 40_000):
        if protocol == 0 and size > 2_100:
            break
        made = SHAPES[shape](size * KB)
        expected = pickle.dumps(made, protocol)
        assert binding.dumps(made, protocol) == expected
        assert binding.dumps_to_memory(made, protocol=protocol) == expected
        if protocol == 5:
            again = [made, made]
            assert binding.dumps(again, protocol) == pickle.dumps(again, protocol)


def test_outputs_of_sizes_in_turn():
    """A block like the last one is got ready for the next output, which may need another, or none."""
    for size in (300, 1, 300, 260, 600, 2, 300, 255, 256, 257, 5_000, 300, 40_000, 1, 40_000, 300, 1):
        made = texts(size * KB)
        expected = pickle.dumps(made, 5)
        pieces = []
        assert binding.dumps(made) == expected
        binding.dump_to_callback(made, lambda data: pieces.append(bytes(data)) or 0)
        assert b"".join(pieces) == expected
        assert binding.dumps(None) == pickle.dumps(None, 5)
        assert binding.dumps_to_memory(made) == expected
        with pytest.raises(TypeError, match="lock"):
            binding.dumps([made, threading.Lock()])
        assert binding.dumps(made) == expected
