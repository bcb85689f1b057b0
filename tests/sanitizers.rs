//! Programs of tests/c and tests/cpp under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, with a library
//! that AddressSanitizer watches. `make check-sanitizers` builds these tests so; in any other build there are none. Of
//! undefined behaviour in Rust no sanitizer knows: debug assertions and overflow checks stand for it.
#![cfg(sanitized)]

mod support;

use std::path::PathBuf;
use std::process::Output;

use support::{compile, crate_dir, program, said};

/// Of LeakSanitizer, and of tests/c/lost.h.
const LOST: i32 = 23;

const WATCHED: &str = "abort_on_error=0:detect_stack_use_after_return=1:exitcode=23";

/// Runs a program that looks for what is lost while Python runs, with all that is known of where it was allocated.
fn running(compiled: &PathBuf, arguments: &[&str]) -> Output {
    let options =
        format!("{WATCHED}:detect_leaks=1:leak_check_at_exit=0:fast_unwind_on_malloc=0:malloc_context_size=60");
    watched(compiled, arguments, &options, "")
}

/// The same, with what is lost when all has ended, but for what libpython itself allocated.
fn ended(compiled: &PathBuf) -> Output {
    let options = format!("{WATCHED}:detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=2");
    let suppressions = crate_dir().join("tests/c/cpython.lsan");
    watched(compiled, &[], &options, &format!("suppressions={}:print_suppressions=0", suppressions.display()))
}

fn watched(compiled: &PathBuf, arguments: &[&str], asan: &str, lsan: &str) -> Output {
    let mut command = program(compiled);
    command.args(arguments).env("PYTHONMALLOC", "malloc").env("ASAN_OPTIONS", asan).env("LSAN_OPTIONS", lsan);
    command.env("UBSAN_OPTIONS", "print_stacktrace=1").output().expect("the program runs")
}

fn built(name: &str) -> PathBuf {
    compile(&crate_dir().join("tests").join(name))
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn clean(name: &str) {
    let compiled = built(name);
    for output in [running(&compiled, &[]), ended(&compiled)] {
        ended_well(name, &output);
    }
}

fn ended_well(name: &str, output: &Output) {
    assert!(
        output.status.success() && said(output).ends_with("ok\n") && !errors(output).contains("Sanitizer"),
        "{name}: {}\n{}",
        output.status,
        errors(output)
    );
}

#[test]
fn finds_what_is_lost() {
    let compiled = built("c/leaks.c");
    let output = running(&compiled, &[]);
    let words = errors(&output);
    assert_eq!(output.status.code(), Some(LOST), "{words}");
    assert!(
        words.contains("detected memory leaks") && words.contains(" cp_dumps ") && words.contains(" cp_eval "),
        "{words}"
    );
    let output = ended(&compiled);
    let words = errors(&output);
    assert_eq!(output.status.code(), Some(LOST), "{words}");
    assert!(words.contains("detected memory leaks"), "{words}");
}

#[test]
fn finds_what_is_wrong() {
    let compiled = built("c/wrong.c");
    let output = running(&compiled, &["released"]);
    let words = errors(&output);
    assert!(!output.status.success() && words.contains("heap-use-after-free"), "{words}");
    assert!(words.contains("cp_buffer_release"), "{words}");
    let output = running(&compiled, &["overflow"]);
    let words = errors(&output);
    assert!(!output.status.success() && words.contains("signed integer overflow"), "{words}");
}

#[test]
fn arguments() {
    clean("c/arguments.c");
}

#[test]
fn buffers() {
    clean("c/buffers.c");
}

#[test]
fn exceptions() {
    clean("c/exceptions.c");
}

#[test]
fn foreign() {
    clean("c/foreign.c");
}

#[test]
fn host() {
    clean("c/host.c");
}

#[test]
fn host_threads() {
    clean("c/host_threads.c");
}

#[test]
fn interpreter() {
    clean("c/interpreter.c");
}

#[test]
fn lifecycle() {
    clean("c/lifecycle.c");
}

#[test]
fn loads() {
    clean("c/loads.c");
}

#[test]
fn no_python() {
    clean("c/no_python.c");
}

#[test]
fn streams() {
    clean("c/streams.c");
}

/// It starts a Python that does not read PYTHONMALLOC, whose objects lie where LeakSanitizer does not look: all that only
/// they refer to would count as lost while Python runs.
#[test]
fn cpp_values() {
    ended_well("cpp/values.cpp", &ended(&built("cpp/values.cpp")));
}

#[test]
fn cpp_callbacks() {
    clean("cpp/callbacks.cpp");
}
