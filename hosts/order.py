"""The other side of each host: `order.py write FILE` pickles a closure with the stock cloudpickle; `order.py read FILE`
loads what the host pickled with plain pickle and says whether it is right."""

import json
import pickle
import sys


def order(terms, most):
    class Refused(ValueError):
        pass

    def price(name, count, each):
        if count > most:
            raise Refused("%s: %d are more than %d" % (name, count, most))
        return round(count * each * (1 - json.loads(terms).get(name, 0)), 2)

    return price


def write(file):
    import cloudpickle

    with open(file, "wb") as out:
        cloudpickle.dump(order('{"tea": 0.1, "coffee": 0.25}', 500), out)


def read(file):
    with open(file, "rb") as data:
        total_of = pickle.load(data)
    expected = {"tea": 6.75, "coffee": 30.0, "milk": 2.5}
    found = {name: total_of(name) for name in expected}
    assert found == expected, found
    assert total_of.__closure__ and total_of.__module__ == "__main__"
    try:
        total_of("bread")
    except KeyError:
        return
    raise AssertionError("there is no bread")


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](sys.argv[2])
