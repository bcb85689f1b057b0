"""Classes and functions out of generated programs: the bytes are the oracle's, and what is loaded elsewhere is and does
what it was and did here.

EXAMPLES in the environment says how many programs there are, for a long search, which goes on after what it finds;
without it there are so many as take some tens of seconds."""

import collections
import os
import re
import sys

import binding
import pytest
from compare import Outcome, by_cloudpickle, difference, outcome
from generate.describe import describe
from generate.elsewhere import Elsewhere
from generate.program import PRELUDE, run, world
from generate.programs import program_of, programs
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("EXAMPLES", 0))
PROTOCOLS = (2, 3, 4, 5)
PHASES = [Phase.generate]
# The programs warn of much.
pytestmark = pytest.mark.filterwarnings("ignore")

source = st.builds(program_of, st.integers(0, 2**64)) if EXAMPLES else programs()
budget = settings(max_examples=EXAMPLES or 2 * settings().max_examples, phases=PHASES, suppress_health_check=list(HealthCheck), print_blob=False)


def same(turn, protocol, ours, theirs):
    found = difference(ours, theirs)
    assert found is None, "protocol %d, %s: %s" % (protocol, turn, found)


def compared(text, protocol):
    """Cold: each side dumps objects of its own that nobody has seen. Warm: both dump the very same, which both have seen,
    at each protocol. Gives our bytes, or None if the oracle refuses."""
    with world():
        obj = run(text)
        theirs = outcome(by_cloudpickle, obj, protocol)
        for each in PROTOCOLS:
            warm = outcome(by_cloudpickle, obj, each)
            same("warm", each, outcome(binding.dumps, obj, each), warm)
        twin = run(text)
        ours = outcome(binding.dumps, twin, protocol)
        same("cold", protocol, without_addresses(ours), without_addresses(theirs))
        same("seen by us first", protocol, outcome(binding.dumps, twin, protocol), outcome(by_cloudpickle, twin, protocol))
    return ours.data


def without_addresses(outcome):
    """A dataclass has the repr of its defaults in its docs, and so has one object another address there than its twin."""
    if outcome.data is None:
        return outcome
    return Outcome(data=re.sub(rb"(?<= at 0x)[0-9a-f]+", lambda found: b"0" * len(found.group()), outcome.data))


def behaved(text, data, elsewhere):
    """Loads it in two other processes, by pickle with cloudpickle and by ours without; says how that went."""
    (theirs, refusal), (ours, our_refusal) = [process.load(data) for process in elsewhere]
    if refusal is not None:
        assert our_refusal is not None and our_refusal.split(":")[0] == refusal.split(":")[0], "pickle: %s, we: %s" % (refusal, our_refusal)
        return "does not load"
    assert our_refusal is None, "we do not load it: %s" % our_refusal
    assert ours == theirs, first_difference(ours, theirs)
    with world():
        return "the same" if describe(run(text)) == theirs else "loads as something else"


def first_difference(ours, theirs):
    n = next((n for n, (mine, other) in enumerate(zip(ours, theirs)) if mine != other), min(len(ours), len(theirs)))
    return "\n".join(ours[max(0, n - 5) : n] + ["- " + line for line in ours[n : n + 1]] + ["+ " + line for line in theirs[n : n + 1]]) + "\n(- ours, + pickle's)"


# What there is in programs, and the functions of cloudpickle that their pickles name.
KINDS = """
    function, lambda, decorated, partial, function made again, function with something set, async, annotation, default, keyword
    default, positional only, closure, closure: nonlocal, closure: of itself, closure: of each other, closure: class, closure:
    empty cell, body: names another, body: names an object, body: submodule, body: comprehension, body: lambda, body: generator
    expression, body: missing global, body: nested function, body: nested class, body: try, body: with, body: global, body:
    import, body: yield; class, class by a call, class with metaclass, metaclass, metaclass: new, metaclass: new with keywords,
    metaclass: prepare, metaclass: init, metaclass: compare by identity, metaclass: compare by name, metaclass: getattr, base:
    earlier, base: int, base: list, base: dict, base: Exception, base: abc.ABC, base: typing.Generic[T], base:
    typing.Protocol[T], base: generic with arguments, base: importable.Plain, member: function, member: lambda, member: static
    method, member: class method, member: property, member: partial method, member: descriptor, member: nested class, member:
    annotation, member: annotated value, member: class cell, member: calls another, member: abstract method, member: private,
    special: __init__, special: __new__, special: __eq__, special: __init_subclass__, special: __reduce__, special:
    __getstate__ and __setstate__, special: __module__, special: __qualname__, special: __dict__, slots, slots: 's', slots: 'st', slots:
    ('s', '__dict__'), slots: ('s', '__weakref__'), slots: ('__private',), change: set, change: itself, change: another, change:
    instance, change: registered builtin, change: delete, change: slot names; enum, enum: enum.Enum, enum: enum.IntEnum, enum:
    enum.Flag, enum: enum.IntFlag, enum: str and enum.Enum, enum: alias, enum: method, enum: _missing_, enum: next values, enum:
    __init__ or __new__, enum by a call, enum member, enum: flags joined; dataclass, dataclass: frozen=True, dataclass:
    order=True, dataclass: default_factory, dataclass: InitVar, dataclass: ClassVar, dataclass: field, dataclass: __post_init__,
    namedtuple, namedtuple: subclass, namedtuple: typing, TypedDict, typing: typing.TypeVar, typing: typing.List; instance,
    instance with state, container, module: alone, module: imported, module: registered, module: submodule, part of a module,
    result: all
"""
NEW_KINDS = {
    (3, 10): "body: match, dataclass: slots=True, dataclass: kw_only=True, dataclass: KW_ONLY, typing: typing.ParamSpec",
    (3, 11): "enum: enum.StrEnum, enum: boundary, enum: nonmember, typing: typing.TypeVarTuple, dataclass: weakref_slot=True",
    (3, 12): "class[T], function[T], type alias, member: cached property",
    (3, 14): "annotation of what is missing",
}
NAMED = """_make_function, _function_setstate, _make_cell, _make_empty_cell, _make_skeleton_class, _class_setstate,
    _make_skeleton_enum, _make_typevar, _builtin_type, subimport, dynamic_subimport, _get_dataclass_field_type_sentinel,
    _make_dict_keys, _make_dict_values, _make_dict_items"""


@pytest.fixture(autouse=True)
def around():
    """Statements run while a program is made, too."""
    with world():
        yield


def test_programs_have_it_all():
    """What they claim to have is there, and gets to the pickle."""
    wanted = [kind for since, kinds in [((3, 9), KINDS), *NEW_KINDS.items()] if since <= sys.version_info for kind in listed(kinds)]
    names = listed(NAMED)
    seen, named = collections.Counter(), collections.Counter()
    # Some kinds are in one program of several hundred.
    for seed in range(2400):
        program = program_of(seed)
        seen.update(program.kinds)
        if all(named[name] for name in names):
            if all(seen[kind] for kind in wanted):
                break
            continue
        with world():
            try:
                data = outcome(by_cloudpickle, run(program.text()), 4).data or b""
            except Exception:
                continue
        named.update(set(re.findall(r"(?<!\w)(?:%s)(?!\w)" % "|".join(names), data.decode("latin-1"))))
    print({kind: seen[kind] for kind in wanted}, named)
    assert [kind for kind in wanted if not seen[kind]] == []
    assert [name for name in names if not named[name]] == []


def listed(text):
    # A comma may be part of a name: it is one of the list where the text goes on with a new one.
    return [part.strip() for part in re.split(r"[,;](?![^(]*\))", " ".join(text.split())) if part.strip()]


@pytest.fixture(scope="module")
def elsewhere():
    both = Elsewhere("pickle"), Elsewhere("ours")
    yield both
    for process in both:
        process.stop()


def test_programs(elsewhere):
    seen, failures = collections.Counter(), []

    @budget
    @given(source, st.sampled_from(PROTOCOLS))
    def search(program, protocol):
        text = program.text()
        try:
            with world():
                run(text)
        except Exception:
            # A statement that failed halfway has changed what later ones found.
            seen["does not run"] += 1
            assume(False)
        seen["programs"] += 1
        seen.update(program.kinds)
        try:
            data = compared(text, protocol)
            how = "refused" if data is None else behaved(text, data, elsewhere)
        except AssertionError as failure:
            shown = "%s\n\n%s" % (text[text.index(PRELUDE) + len(PRELUDE) :], failure)
            if not EXAMPLES:
                raise AssertionError(shown) from failure
            failures.append(shown)
            how = "failed"
        seen[how] += 1
        event(how)

    search()
    print({how: seen[how] for how in ("programs", "does not run", "refused", "does not load", "loads as something else", "the same", "failed")})
    assert not failures, "%d failures:\n\n%s" % (len(failures), "\n\n====\n\n".join(failures[:30]))
    # Most load, and many of them are what they were, down to what they call; cloudpickle makes slots attributes of a dict.
    loaded = seen["the same"] + seen["loads as something else"]
    assert loaded > 0.6 * seen["programs"] and seen["the same"] > 0.2 * seen["programs"], seen
