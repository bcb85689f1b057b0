"""dask.distributed: a LocalCluster of processes; map of lambdas, classes of __main__, an actor, a graph."""

import dask
from dask.distributed import Client, LocalCluster
from ours import check, is_ours


class Counter:
    def __init__(self, step):
        self.step, self.total = step, 0

    def add(self, n):
        self.total += n * self.step
        return self.total


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)


def main():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            offset = 100
            assert client.gather(client.map(lambda n: n + offset, range(20))) == list(range(100, 120))
            points = client.map(lambda n: Point(n, -n), range(10))
            total = client.submit(lambda all: sum(all, Point(0, 0)), points).result()
            assert type(total) is Point and (total.x, total.y) == (45, -45)
            counter = client.submit(Counter, 3, actor=True).result()
            assert [counter.add(n).result() for n in range(4)] == [0, 3, 9, 18]
            square = dask.delayed(lambda n: n * n)
            assert dask.delayed(sum)([square(n) for n in range(10)]).compute() == 285
            import distributed.protocol.pickle as serialization
            import libcloudpickle

            assert serialization.cloudpickle.dumps is libcloudpickle.dumps
            check("cloudpickle", client.run(is_ours, "cloudpickle").values())


if __name__ == "__main__":
    main()
