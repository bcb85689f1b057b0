"""Our own modules in place of an absent `cloudpickle`."""

import pickle

import loading_samples as samples
from test_unpickler import BY_VALUE, run


def test_plain_pickle_loads_after_install(tmp_path):
    (tmp_path / "rows").write_bytes(pickle.dumps(BY_VALUE))
    assert run(
        """
        import pickle, sys
        sys.modules["cloudpickle"] = None
        import loading
        loading.install()
        with open(sys.argv[1], "rb") as file:
            rows = pickle.load(file)
        loaded = {name: pickle.loads(data) for name, data in rows}
        import cloudpickle, cloudpickle.cloudpickle, cloudpickle.cloudpickle_fast
        from cloudpickle.cloudpickle import _make_cell, _make_dict_keys
        assert _make_cell.__module__ == "cloudpickle.cloudpickle"
        assert _make_cell(value=3).cell_contents == 3
        assert list(_make_dict_keys([1], is_ordered=True)) == [1]
        assert pickle.loads(pickle.dumps(_make_cell)) is _make_cell
        for wrong in (lambda: _make_cell(1, 2), lambda: _make_cell(other=1), lambda: _make_dict_keys()):
            try:
                wrong()
                raise SystemExit("no TypeError")
            except TypeError:
                pass
        # A class is one class for both.
        known = dict(rows)["derived"]
        assert loading.loads(known) is pickle.loads(known) is loaded["derived"]
        before = cloudpickle
        loading.install()
        import cloudpickle
        assert cloudpickle is before
        # The checks need what made the samples, and that needs a package that dumps.
        import loading_samples
        """.replace("        import loading_samples\n", "")
        + """
        print(len(loaded), "loaded")
        """,
        str(tmp_path / "rows"),
    ) == "%d loaded\n" % len(BY_VALUE)


def test_install_leaves_the_package_alone():
    assert run(
        """
        import loading
        loading.install()
        import cloudpickle
        print(cloudpickle.__file__ is not None and hasattr(cloudpickle, "dumps"))
        """
    ) == "True\n"


def test_the_samples_know_themselves():
    for name, data in BY_VALUE:
        samples.check_by_value(name, pickle.loads(data))
