"""The Python program round an extension module, which has the rows: extension.py MODULE_FOLDER FOLDER."""

import sys

sys.path.insert(0, sys.argv[1])
import order  # noqa: E402


def main(folder):
    with open(folder + "/order.pickle", "rb") as file:
        pickle = file.read()
    prices = order.prices(pickle)
    for name, price in prices.items():
        print("%s %.2f" % (name, price))
    print("total %.2f" % sum(prices.values()))
    try:
        order.price(pickle, "coffee", 1000, 4.0)
    except ValueError as error:
        print("error %s.%s: %s" % (type(error).__module__, type(error).__qualname__, error))
    with open(folder + "/totals.pickle", "wb") as file:
        file.write(order.totals(prices))
    # It was the library's work.
    assert "cloudpickle" not in sys.modules


if __name__ == "__main__":
    main(sys.argv[2])
