"""What pickle asks classes for, and answers to it: right ones, and such as no pickler takes."""

from .values import atom

HOOKS = ["__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__"]
USUAL_REDUCTIONS = ["object.__reduce_ex__(self, 4)", "(importable.rebuild, (type(self), 1), {0})", "(type(self).__new__, (type(self),), self.__dict__)"]
REDUCTIONS = USUAL_REDUCTIONS * 8 + ["object.__reduce__(self)", "object.__reduce_ex__(self, 2)", "(importable.build, (1,))", "'sin'", "(list, (), None, iter([1, 2]), None)", "(dict, (), None, None, iter([(1, {0})]))", "(copyreg.__newobj__, (type(self),), {{'a': {0}}})", "(copyreg.__newobj__, (type(self),), (None, {{'a': 1}}))", "(copyreg.__newobj__, (importable.Plain,))", "(copyreg.__newobj_ex__, (type(self), (), {{}}), None)", "(importable.rebuild, (type(self),), {{'q': 1}}, None, None, importable.setter)", "(importable.rebuild,)", "5", "(importable.rebuild, [1])", "(5, ())", "None", "(importable.rebuild, (type(self), self))", "(copyreg._reconstructor, (type(self), object, None))", "(getattr, (importable, 'Plain'))", "[importable.build, ()]", "NotImplemented"]
ANSWERS = {
    "__reduce__": REDUCTIONS,
    "__reduce_ex__": REDUCTIONS + ["object.__reduce_ex__(self, protocol)", "object.__reduce_ex__(self, protocol)", "copyreg.__reduce_ex__(self, protocol)"],
    "__getstate__": ["{{'a': {0}}}", "None", "False", "()", "0", "self.__dict__", "(None, {{'a': 1}})", "dict(self.__dict__)", "[1, self]", "(self.__dict__, {{}})", "{{}}", "Text('x')", "self", "{{Text('a'): 1, 'b': 2}}", "{{'a': 1, **{{n: n for n in 'bcd'}}}}"],
    "__getnewargs__": ["()", "(1, 'x')", "(self,)", "[1]", "({0},)", "None"],
    "__getnewargs_ex__": ["((), {{}})", "((1,), {{'k': {0}}})", "((), {{'k': self}})", "None", "((1,),)", "([1], {{}})"],
}


def hook(p, owner, name):
    """A method that says that it was asked, and answers."""
    answer = "1 / 0" if p.chance(1, 20) else p.pick(ANSWERS[name]).format(atom(p))
    parameters = "self, protocol" if name == "__reduce_ex__" else "self"
    return "def %s(%s):\n    %s\n    return %s" % (name, parameters, p.asked("%s.%s" % (owner, name), "self"), answer)
