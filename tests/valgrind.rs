//! Programs of tests/c and tests/cpp under valgrind: what the library allocates by itself is given back, and nothing else is touched.

mod support;

use std::process::{Command, Output};

use support::{compile, crate_dir, program, said};

const FOUND: i32 = 99;

/// Runs a program under valgrind; None where there is none.
fn watched(name: &str) -> Option<Output> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind was not found, {name}: not tested");
        return None;
    }
    let compiled = compile(&crate_dir().join("tests").join(name));
    // The environment that the program needs, and memory that valgrind sees.
    let mut command = program("valgrind".as_ref());
    command
        .env("PYTHONMALLOC", "malloc")
        .args(["--quiet", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"])
        // CPython's own start uses values that valgrind takes for undefined.
        .arg("--undef-value-errors=no")
        .arg(format!("--error-exitcode={FOUND}"))
        .arg(format!("--suppressions={}", crate_dir().join("tests/c/cpython.supp").display()))
        .arg(compiled);
    Some(command.output().expect("valgrind runs"))
}

fn clean(name: &str) {
    let Some(output) = watched(name) else { return };
    ended_well(name, &output);
}

/// The same for a program that has no other test: without valgrind it runs all the same.
fn right_and_clean(name: &str) {
    let alone = || program(&compile(&crate_dir().join("tests").join(name))).output().expect("the program runs");
    ended_well(name, &watched(name).unwrap_or_else(alone));
}

fn ended_well(name: &str, output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said(output).ends_with("ok\n"), "{name}: {}\n{errors}", output.status);
}

#[test]
fn finds_what_is_lost() {
    let Some(output) = watched("c/leaks.c") else { return };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(FOUND), "{errors}");
    assert!(errors.contains("cp_dumps") && errors.contains("cp_eval"), "{errors}");
}

#[test]
fn arguments() {
    clean("c/arguments.c");
}

#[test]
fn exceptions() {
    clean("c/exceptions.c");
}

#[test]
fn buffers() {
    clean("c/buffers.c");
}

#[test]
fn loads() {
    clean("c/loads.c");
}

#[test]
fn cpp_values() {
    right_and_clean("cpp/values.cpp");
}

#[test]
fn cpp_callbacks() {
    right_and_clean("cpp/callbacks.cpp");
}
