//! The examples, each compiled and run against the library as it was just built: each checks what it gets.

mod support;

use std::process::Command;

use support::{compile, compile_extension, crate_dir, library, program, python, said, scratch, succeed};

/// Runs an example and returns what it said.
fn run(name: &str) -> String {
    let compiled = compile(&crate_dir().join("examples_c").join(name));
    said(&succeed(&mut program(&compiled)))
}

#[test]
fn roundtrip() {
    let said = run("roundtrip.c");
    assert_eq!(said.lines().count(), 5, "{said}");
    assert!(said.contains("price(100) = 22500"), "{said}");
}

#[test]
fn stream() {
    assert!(run("stream.c").contains("f(41) = 42"));
}

#[test]
fn errors() {
    assert!(run("errors.c").contains("obj.conf['db'][3].pool"));
}

#[test]
fn threads() {
    assert!(run("threads.c").starts_with("8 threads"));
}

#[test]
fn buffers() {
    assert!(run("buffers.c").contains("67108864"));
}

#[test]
fn pipeline() {
    let said = run("pipeline.cpp");
    assert!(said.contains("5 values, 0.0 to 6.0") && said.contains("obj['jobs'][1]"), "{said}");
    assert!(said.contains("std::length_error"), "{said}");
}

#[test]
fn extension() {
    let dir = scratch("extension");
    compile_extension(&crate_dir().join("examples_c/extension.c"), &dir);
    let script = "
import pickle, sys, threading
sys.path.insert(0, sys.argv[1])
import extension

def outer(n):
    return lambda x: x + n

assert extension.copy(outer(1))(41) == 42
assert extension.loads(extension.dumps(outer(2)))(40) == 42
assert extension.dumps([1, 2], 2) == pickle.dumps([1, 2], 2)
assert extension.size([1, 2]) == len(pickle.dumps([1, 2], 5))

def raises(exception, words, function, *arguments):
    try:
        function(*arguments)
    except exception as error:
        assert words in str(error), error
    else:
        raise AssertionError('nothing was raised')

raises(TypeError, \"cannot pickle '_thread.lock' object\", extension.copy, [threading.Lock()])
raises(TypeError, 'lock', extension.dumps, threading.Lock())
raises(ValueError, 'protocol is 6', extension.dumps, 1, 6)
raises(OverflowError, 'million', extension.size, bytes(2_000_000))
raises(pickle.UnpicklingError, '', extension.loads, b'nonsense')
raises(TypeError, '', extension.loads, 'text')

# Nothing stays behind, once everything was there for the first time.
def work():
    extension.copy(outer(1))
    for bad in (threading.Lock(), [threading.Lock()]):
        try:
            extension.dumps(bad)
        except TypeError:
            pass

def growth():
    before = sys.getallocatedblocks()
    for _ in range(500):
        work()
    return sys.getallocatedblocks() - before

grown = [growth() for _ in range(5)]
assert min(grown) < 5, grown
print('ok')
";
    let output = succeed(Command::new(python()).arg("-c").arg(script).arg(&dir));
    assert_eq!(said(&output), "ok\n");
}

#[test]
fn ctypes_demo() {
    let demo = crate_dir().join("examples_c/ctypes_demo.py");
    let said = said(&succeed(Command::new(python()).arg(demo).arg(library())));
    assert!(said.contains("the copy says 27"), "{said}");
}
