"""The register of modules whose members go by value: doors, errors, submodules, one register with the Python package."""

import ctypes
import json
import sys
import types
import xml.dom
import xml.dom.minidom

import binding
import cloudpickle
import pytest
from compare import by_cloudpickle, difference, outcome
from ctypes import POINTER, byref, c_char_p, c_int32, c_void_p, py_object
from test_unpickler import run as run_elsewhere

register = binding.door("cp_register_by_value", c_int32, py_object, c_void_p)
unregister = binding.door("cp_unregister_by_value", c_int32, py_object, c_void_p)
register_name = binding.door("cp_register_by_value_name", c_int32, c_char_p, c_void_p)
unregister_name = binding.door("cp_unregister_by_value_name", c_int32, c_char_p, c_void_p)
_list = binding.door("cp_list_by_value", c_int32, POINTER(c_void_p), c_void_p)


def listed():
    out = c_void_p()
    assert _list(byref(out), None) == 0
    found = ctypes.cast(out, py_object).value
    ctypes.pythonapi.Py_DecRef(out)
    return found


@pytest.fixture(autouse=True)
def empty():
    assert listed() == set()
    yield
    for name in listed():
        unregister_name(name.encode(), None)


def goes_by_value(obj):
    """Whether it does, with both: their bytes are the same."""
    found = difference(outcome(binding.dumps, obj, 5), outcome(by_cloudpickle, obj, 5))
    assert found is None, found
    data = binding.dumps(obj)
    return b"_make_function" in data or b"_make_skeleton_class" in data


def test_functions_and_classes():
    assert not goes_by_value(json.dumps) and not goes_by_value(json.JSONEncoder)
    assert register(json, None) == 0
    assert goes_by_value(json.dumps) and listed() == {"json"} == cloudpickle.list_registry_pickle_by_value()
    # Its home is a submodule.
    assert goes_by_value(json.JSONEncoder)
    assert unregister(json, None) == 0
    assert not goes_by_value(json.dumps) and listed() == set()


def test_parents_cover_submodules():
    parse = xml.dom.minidom.parse
    for parent in (xml, xml.dom, xml.dom.minidom):
        assert not goes_by_value(parse)
        assert register(parent, None) == 0
        assert goes_by_value(parse)
        assert unregister(parent, None) == 0
    assert register_name(b"xml.dom.minidom", None) == 0
    assert not goes_by_value(xml.dom.Node)
    assert register_name(b"xml.sax", None) == 0 if "xml.sax" in sys.modules else True


def test_one_register_with_the_package():
    cloudpickle.register_pickle_by_value(json)
    assert listed() == {"json"} and goes_by_value(json.dumps)
    assert unregister_name(b"json", None) == 0
    assert cloudpickle.list_registry_pickle_by_value() == set()
    assert register_name(b"json", None) == 0
    cloudpickle.unregister_pickle_by_value(json)
    assert listed() == set() and not goes_by_value(json.dumps)
    # Users add names by hand.
    cloudpickle.cloudpickle._PICKLE_BY_VALUE_MODULES.add("json")
    assert goes_by_value(json.dumps)


def test_the_list_is_a_copy():
    register(json, None)
    listed().clear()
    assert listed() == {"json"}
    register(json, None)
    assert listed() == {"json"}


def said(function, *arguments):
    with pytest.raises(ValueError) as raised:
        function(*arguments)
    return str(raised.value)


@pytest.mark.parametrize("wrong", [5, "json", None, json.dumps, int, types.SimpleNamespace(__name__="json")], ids=repr)
def test_what_is_no_module(wrong):
    assert said(register, wrong, None) == said(cloudpickle.register_pickle_by_value, wrong)
    assert said(unregister, wrong, None) == said(cloudpickle.unregister_pickle_by_value, wrong)


def test_a_module_that_was_not_imported():
    made = types.ModuleType("no_such_module")
    assert said(register, made, None) == said(cloudpickle.register_pickle_by_value, made)
    assert "no_such_module" in said(register_name, b"no_such_module", None)
    assert listed() == set()


def test_a_module_that_is_not_registered():
    assert said(unregister, json, None) == said(cloudpickle.unregister_pickle_by_value, json)
    assert "json" in said(unregister_name, b"json", None)


def test_a_module_without_a_name():
    made = types.ModuleType("made")
    del made.__name__
    for ours, theirs in ((register, cloudpickle.register_pickle_by_value), (unregister, cloudpickle.unregister_pickle_by_value)):
        with pytest.raises(AttributeError) as expected:
            theirs(made)
        with pytest.raises(AttributeError) as raised:
            ours(made, None)
        assert str(raised.value) == str(expected.value)


def test_a_name_may_be_taken_off_when_its_module_is_gone():
    sys.modules["passing"] = types.ModuleType("passing")
    try:
        assert register_name(b"passing", None) == 0
    finally:
        del sys.modules["passing"]
    assert unregister_name(b"passing", None) == 0


def test_without_the_package():
    """The register is ours where there is no package, and goes over when that appears."""
    assert run_elsewhere(
        """
        import json, sys
        import binding
        from ctypes import c_char_p, c_int32, c_void_p
        register_name = binding.door("cp_register_by_value_name", c_int32, c_char_p, c_void_p)
        assert b"_make_function" not in binding.dumps(json.dumps)
        assert register_name(b"json", None) == 0
        assert b"_make_function" in binding.dumps(json.dumps)
        assert not any(name.startswith("cloudpickle") for name in sys.modules)
        import cloudpickle
        assert b"_make_function" in binding.dumps(json.dumps)
        assert b"_make_function" in cloudpickle.dumps(json.dumps)
        cloudpickle.unregister_pickle_by_value(json)
        assert b"_make_function" not in binding.dumps(json.dumps)
        print("one register")
        """
    ) == "one register\n"
