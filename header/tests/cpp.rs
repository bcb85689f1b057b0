//! include/cloudpickle.hpp: every function of the C API is in it, and both compilers accept it without a warning.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn include() -> PathBuf {
    cloudpickle_header::committed().parent().expect("a folder").to_owned()
}

/// Functions whose errors are Python exceptions that are left set, which is not the way of C++.
const LEFT_OUT: &[&str] = &["cp_dumps_bytes", "cp_loads_bytes"];

#[test]
fn has_every_function() {
    let c = fs::read_to_string(include().join("cloudpickle.h")).expect("the header is there");
    let cpp = fs::read_to_string(include().join("cloudpickle.hpp")).expect("the header is there");
    let declared = c.lines().filter_map(|line| line.strip_prefix("CP_API ")?.split_once('('));
    let names: Vec<&str> = declared.filter_map(|(front, _)| front.rsplit(['*', ' ']).next()).collect();
    assert!(names.len() > 40, "only these were found: {names:?}");
    let used = |name: &str| cpp.match_indices(name).any(|(at, _)| !cpp[at + name.len()..].starts_with(['_', 's']));
    let missing: Vec<&&str> = names.iter().filter(|name| !LEFT_OUT.contains(name) && !used(name)).collect();
    assert!(missing.is_empty(), "not in cloudpickle.hpp: {missing:?}");
}

#[test]
fn compiles_without_a_warning() {
    let root = include().join("..");
    let sources = ["tests/cpp/values.cpp", "tests/cpp/callbacks.cpp", "examples_c/pipeline.cpp"];
    let mut compilers = vec!["g++"];
    if Command::new("clang++").arg("--version").output().is_ok() {
        compilers.push("clang++");
    } else {
        println!("clang++ was not found, cloudpickle.hpp by clang++: not tested");
    }
    for compiler in compilers {
        for standard in ["-std=c++17", "-std=c++20"] {
            for source in sources {
                let warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"];
                let output = Command::new(compiler)
                    .args(warnings)
                    .args([standard, "-fsyntax-only"])
                    .arg(format!("-I{}", include().display()))
                    .arg(root.join(source))
                    .output()
                    .unwrap_or_else(|error| panic!("{compiler}: {error}"));
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{compiler} {standard} {source}:\n{said}");
            }
        }
    }
}
