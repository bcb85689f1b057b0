"""loky: a reusable executor, with closures, classes of __main__ and exceptions."""

import functools

import loky
from ours import check, is_ours


class Matrix:
    def __init__(self, rows):
        self.rows = rows

    def __matmul__(self, other):
        columns = list(zip(*other.rows))
        return Matrix([[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self.rows])


class Overflow(Exception):
    pass


def main():
    executor = loky.get_reusable_executor(max_workers=2)
    unit = Matrix([[1, 0], [0, 1]])
    results = list(executor.map(lambda n: Matrix([[n, 1], [1, 0]]) @ unit, range(10)))
    assert all(type(one) is Matrix for one in results) and results[7].rows == [[7, 1], [1, 0]]

    def raising(limit, n):
        if n > limit:
            raise Overflow("more than %d" % limit)
        return n

    assert executor.submit(functools.partial(raising, 5), 3).result() == 3
    try:
        executor.submit(functools.partial(raising, 5), 6).result()
        raise AssertionError("no exception came back")
    except Overflow as error:
        assert str(error) == "more than 5"
    check("cloudpickle", list(executor.map(is_ours, ["cloudpickle"] * 4)))
    executor.shutdown()


if __name__ == "__main__":
    main()
