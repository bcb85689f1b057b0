"""What an object is and does, in words that are the same wherever it was loaded: parts, identities, and what calls give."""

import enum
import inspect
import itertools
import re
import sys
import types

MOST = 1500
"""Parts of one description."""
CALLS = 3000
"""Calls of Python functions in one call."""
DEEPEST = 25
HEAP_TYPE = 1 << 9
ADDRESS = re.compile(r"0x[0-9a-f]+")
ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), range)
PYTHONS_OWN = {
    "__dict__", "__weakref__", "_abc_impl", "__slotnames__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__annotations__",
    "_member_map_", "_member_names_", "_value2member_map_", "_hashable_values_", "_unhashable_values_", "_unhashable_values_map_", "__builtins__",
}


class TooLong(BaseException):
    """Not to be caught by what is called."""


def describe(obj):
    """A list of lines."""
    description = Description()
    description.part("", obj, 0)
    return description.lines


def said(error):
    return "%s: %s" % (type(error).__name__, ADDRESS.sub("0x", str(error)))


def called(function, *arguments):
    """What a call gives, a short run of a generator or coroutine included: (True, value), or (False, words)."""
    left = [CALLS]

    def count(frame, event, arg):
        left[0] -= event == "call"
        if left[0] < 0:
            raise TooLong

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        made = function(*arguments)
        if isinstance(made, types.GeneratorType):
            return True, ["generator", *itertools.islice(made, 5)]
        if isinstance(made, types.CoroutineType):
            try:
                made.send(None)
            except StopIteration as stop:
                return True, ["coroutine", stop.value]
            finally:
                made.close()
        return True, made
    except TooLong:
        return False, "too long"
    except RecursionError:
        # How deep is too deep depends on who asks.
        return False, "RecursionError"
    except Exception as error:
        return False, said(error)
    finally:
        sys.setprofile(before)


def home(obj):
    """The module that it says it is of, if every process has that."""
    module = sys.modules.get(getattr(obj, "__module__", None) or "")
    return None if module is None or module.__name__ == "__main__" or not getattr(module, "__spec__", None) else module


def is_importable(obj):
    """Is it found in its module under its name, or one of the interpreter's types that have none?"""
    found = home(obj)
    if found is None:
        return False
    if isinstance(obj, type) and not obj.__flags__ & HEAP_TYPE:
        return True
    for part in getattr(obj, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    return found is obj


class Description:
    def __init__(self):
        self.lines, self.numbers, self.kept = [], {}, []

    def line(self, place, text):
        # A text may have been made of an object that says where it lies.
        self.lines.append(ADDRESS.sub("0x", "%s %s" % (place, text)))

    def part(self, place, obj, depth):
        kind = type(obj)
        if kind in ATOMS:
            return self.line(place, ascii(obj))
        if id(obj) in self.numbers:
            return self.line(place, "#%d" % self.numbers[id(obj)])
        if depth > DEEPEST or len(self.lines) > MOST:
            return self.line(place, "...")
        self.numbers[id(obj)] = len(self.numbers)
        self.kept.append(obj)
        try:
            self.object(place, obj, kind, depth + 1)
        except Exception as error:
            self.line(place, "cannot be looked at: " + said(error))

    def parts(self, place, parts, depth):
        for name, part in parts:
            self.part("%s.%s" % (place, name), part, depth)

    def call(self, place, depth, function, *arguments):
        done, made = called(function, *arguments)
        if done:
            self.part(place, made, depth)
        else:
            self.line(place, made)

    def object(self, place, obj, kind, depth):
        if isinstance(obj, type):
            return self.class_(place, obj, depth)
        if kind is types.FunctionType:
            return self.function(place, obj, depth)
        if kind is types.ModuleType:
            if getattr(obj, "__spec__", None):
                return self.line(place, "module " + obj.__name__)
            self.line(place, "module in memory " + obj.__name__)
            return self.parts(place, sorted((name, part) for name, part in vars(obj).items() if name not in PYTHONS_OWN), depth)
        if kind in (list, tuple):
            self.line(place, "%s of %d" % (kind.__name__, len(obj)))
            return self.parts(place, enumerate(obj), depth)
        if kind in (set, frozenset):
            # In the order of a word about each, since hashes may hang on addresses.
            return self.line(place, "%s of %s" % (kind.__name__, sorted(ascii(item) if type(item) in ATOMS else type(item).__name__ for item in obj)))
        if kind in (dict, types.MappingProxyType):
            self.line(place, "%s of %d" % (kind.__name__, len(obj)))
            for n, (key, part) in enumerate(obj.items()):
                if key in PYTHONS_OWN:
                    continue
                self.part("%s.key%d" % (place, n), key, depth)
                self.part("%s.value%d" % (place, n), part, depth)
            return None
        if kind in (staticmethod, classmethod, types.MethodType):
            self.line(place, kind.__name__)
            return self.parts(place, [("func", obj.__func__)] + ([("self", obj.__self__)] if kind is types.MethodType else []), depth)
        if kind is property:
            self.line(place, "property")
            return self.parts(place, [("get", obj.fget), ("set", obj.fset), ("del", obj.fdel), ("doc", obj.__doc__)], depth)
        if kind is types.CodeType:
            return self.line(place, "code %s %s %s" % (obj.co_name, obj.co_names, obj.co_varnames))
        if kind is types.CellType:
            self.line(place, "cell")
            return self.call(place + ".contents", depth, lambda: obj.cell_contents)
        if isinstance(obj, enum.Enum):
            self.line(place, "member %s" % obj._name_)
            self.parts(place, [("class", kind), ("value", obj._value_)], depth)
            self.call(place + ".by value", depth, kind, obj._value_)
            return self.methods(place, obj, kind, depth)
        return self.instance(place, obj, kind, depth)

    def function(self, place, obj, depth):
        if is_importable(obj):
            return self.line(place, "function %s.%s" % (obj.__module__, obj.__qualname__))
        code = obj.__code__
        self.line(place, "function %r %r %r %r" % (obj.__name__, obj.__qualname__, obj.__module__, obj.__doc__))
        self.line(place, "code %s %s %s %s" % (code.co_names, code.co_varnames, code.co_freevars, code.co_firstlineno))
        self.parts(place, [("defaults", obj.__defaults__), ("kwdefaults", obj.__kwdefaults__), ("dict", dict(sorted(vars(obj).items())))], depth)
        self.call(place + ".annotations", depth, lambda: obj.__annotations__)
        for cell, name in zip(obj.__closure__ or (), code.co_freevars):
            self.call("%s.cell %s" % (place, name), depth, lambda: cell.cell_contents)
        needed = code.co_argcount - len(obj.__defaults__ or ())
        self.call(place + ".called", depth, obj, *range(1, max(0, needed) + 1))
        if code.co_argcount > max(0, needed):
            self.call(place + ".called with more", depth, obj, *range(1, code.co_argcount + 1))

    def class_(self, place, obj, depth):
        if is_importable(obj):
            return self.line(place, "class %s.%s" % (obj.__module__, obj.__qualname__))
        self.line(place, "class %r %r %r" % (type.__dict__["__name__"].__get__(obj), type.__dict__["__qualname__"].__get__(obj), obj.__dict__.get("__module__")))
        self.part(place + ".metaclass", type(obj), depth)
        self.parts(place + ".bases", enumerate(obj.__bases__), depth)
        self.line(place, "mro %s" % [cls.__name__ for cls in obj.__mro__])
        self.line(place, "abstract %s" % sorted(getattr(obj, "__abstractmethods__", ())))
        self.call(place + ".annotations", depth, lambda: obj.__annotations__)
        if isinstance(obj, enum.EnumMeta):
            self.line(place, "members %s" % list(obj.__members__))
            self.parts(place, sorted(obj.__members__.items()), depth)
        for name, value in sorted((name, value) for name, value in vars(obj).items() if name not in PYTHONS_OWN):
            if not isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                self.part("%s.%s" % (place, name), value, depth)
        for arguments in ((), (1,), (1, 2)):
            done, made = called(obj, *arguments)
            if done:
                self.part("%s.made of %d" % (place, len(arguments)), made, depth)
                break
            self.line(place, "%s" % made)
        done, made = called(lambda: obj[int])
        self.line(place, "with [int]: %s" % (type(made).__name__ if done else made))

    def instance(self, place, obj, kind, depth):
        self.line(place, "instance")
        self.part(place + ".class", kind, depth)
        for base in (int, float, str, bytes, complex):
            if isinstance(obj, base):
                self.line(place, ascii(base(base.__str__(obj)) if base is str else base.__repr__(obj)))
        for base, items in ((dict, dict.items), (list, list.__iter__), (tuple, tuple.__iter__), (BaseException, lambda error: error.args)):
            if isinstance(obj, base):
                self.part(place + ".items", list(items(obj)), depth)
        try:
            state = object.__getattribute__(obj, "__dict__")
        except AttributeError:
            state = None
        if type(state) is dict and kind.__module__ not in ("typing", "logging", "functools", "concurrent.futures"):
            self.parts(place, sorted((str(name), value) for name, value in state.items()), depth)
        for cls in kind.__mro__:
            for name, value in sorted(vars(cls).items()):
                if isinstance(value, types.MemberDescriptorType) and not is_importable(cls):
                    self.call("%s.slot %s" % (place, name), depth, lambda: value.__get__(obj))
        if is_importable(kind):
            return self.line(place, repr(obj) if kind.__module__ in ("typing", "datetime") else "")
        self.methods(place, obj, kind, depth)

    def methods(self, place, obj, kind, depth):
        """What each public method, property and descriptor of the classes that are no module's says."""
        for name in sorted({name for cls in kind.__mro__ if not is_importable(cls) for name in vars(cls) if not name.startswith("_")}):
            found = inspect.getattr_static(kind, name, None)
            if isinstance(found, (types.FunctionType, classmethod, staticmethod)):
                self.call("%s.%s()" % (place, name), depth, lambda: getattr(obj, name)())
            elif not isinstance(found, (types.MemberDescriptorType, type)):
                self.call("%s.%s" % (place, name), depth, lambda: getattr(obj, name))
