"""joblib: closures and classes of __main__ in a pool of processes."""

import joblib
from ours import check, is_ours


class Account:
    rate = 0.5

    def __init__(self, owner, amount):
        self.owner, self.amount = owner, amount

    def grown(self, years):
        return Account(self.owner, self.amount * (1 + self.rate) ** years)


def main():
    table = {n: n * n for n in range(100)}
    look_up = lambda n: table[n] + 1  # noqa: E731
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(look_up)(n) for n in range(100)) == [n * n + 1 for n in range(100)]
    grown = joblib.Parallel(n_jobs=2)(joblib.delayed(Account("owner", n).grown)(2) for n in range(20))
    assert [type(one) for one in grown] == [Account] * 20 and grown[4].amount == 9.0
    import numpy

    rows = numpy.arange(300_000.0).reshape(3, -1)
    sums = joblib.Parallel(n_jobs=2, max_nbytes=1000)(joblib.delayed(lambda i: float(rows[i].sum()))(i) for i in range(3))
    assert sums == [float(row.sum()) for row in rows]
    from joblib.externals.loky.backend import reduction

    import libcloudpickle

    assert libcloudpickle.Pickler in reduction.get_loky_pickler().__mro__
    check("joblib.externals.cloudpickle", joblib.Parallel(n_jobs=2)(joblib.delayed(is_ours)("cloudpickle") for _ in range(4)))


if __name__ == "__main__":
    main()
