"""What programs name by reference. Each program has a module of its own out of this file, since programs change it too."""

from generate.hooked import events


class Text(str):
    """No key of its own: it is a str of another type."""


class Key:
    def __init__(self, value):
        self.value = value

    def __hash__(self):
        events.asked("Key.hash")
        return hash(self.value)

    def __eq__(self, other):
        events.asked("Key.eq")
        return self is other or (isinstance(other, Key) and self.value == other.value)


class Plain:
    pass


class Slotted:
    __slots__ = "a", "b", "__dict__"


def build(*arguments):
    events.asked("build")
    return Plain()


def rebuild(cls, *arguments):
    events.asked("rebuild")
    return object.__new__(cls)


def setter(obj, state):
    events.asked("setter")
    try:
        obj.__dict__.update(state)
    except Exception:
        pass


def new(cls):
    """An instance, whatever its class wants to be called with."""
    try:
        return cls()
    except Exception:
        return cls.__new__(cls)
