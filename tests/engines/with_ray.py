"""ray on this machine: remote functions, actors, exceptions."""

import ray
from ours import check, is_ours


class Item:
    def __init__(self, name, price):
        self.name, self.price = name, price


def main():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        discount = 0.5

        @ray.remote
        def sale(item):
            return Item(item.name, item.price * discount)

        items = ray.get([sale.remote(Item("item %d" % n, n)) for n in range(10)])
        assert all(type(item) is Item for item in items) and items[4].price == 2.0

        @ray.remote
        class Cart:
            def __init__(self, make):
                self.items, self.make = [], make

            def add(self, *arguments):
                self.items.append(self.make(*arguments))
                return len(self.items)

            def total(self):
                return sum(item.price for item in self.items)

        cart = Cart.remote(lambda name, price: Item(name, price * 2))
        assert ray.get([cart.add.remote("a", 1), cart.add.remote("b", 2)]) == [1, 2]
        assert ray.get(cart.total.remote()) == 6

        @ray.remote
        def raising():
            raise KeyError("missing")

        try:
            ray.get(raising.remote())
            raise AssertionError("no exception came back")
        except KeyError:
            pass
        ask = ray.remote(lambda: is_ours("ray.cloudpickle"))
        check("ray.cloudpickle", ray.get([ask.remote() for _ in range(4)]))
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
