//! The programs in tests/c, each compiled and run against the library as it was just built.

mod support;

use support::{compile, crate_dir, program, said, succeed};

fn run(name: &str) {
    let compiled = compile(&crate_dir().join("tests/c").join(name));
    let output = succeed(&mut program(&compiled));
    assert!(said(&output).ends_with("ok\n"), "{name} did not come to its end: {}", said(&output));
}

#[test]
fn arguments() {
    run("arguments.c");
}

#[test]
fn no_memory() {
    run("no_memory.c");
}

#[test]
fn no_python() {
    run("no_python.c");
}

#[test]
fn streams() {
    run("streams.c");
}

#[test]
fn buffers() {
    run("buffers.c");
}

#[test]
fn exceptions() {
    run("exceptions.c");
}

#[test]
fn interpreter() {
    run("interpreter.c");
}

#[test]
fn lifecycle() {
    run("lifecycle.c");
}

#[test]
fn foreign() {
    run("foreign.c");
}

#[test]
fn loads() {
    run("loads.c");
}

#[test]
fn host() {
    run("host.c");
}

#[test]
fn host_threads() {
    run("host_threads.c");
}
