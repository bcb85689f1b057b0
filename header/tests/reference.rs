//! docs/reference.md is what the header says, all of it, and what it shows of it is C.

use std::fs;
use std::process::Command;

fn header() -> String {
    fs::read_to_string(cloudpickle_header::committed()).expect("the header is there")
}

fn page() -> String {
    fs::read_to_string(cloudpickle_header::committed_reference()).expect("the reference is there")
}

/// The code on the page, block by block.
fn blocks(page: &str) -> Vec<&str> {
    page.split("\n```c\n").skip(1).map(|rest| rest.split_once("\n```\n").expect("a block ends").0).collect()
}

#[test]
fn is_what_the_header_says() {
    let written = cloudpickle_header::reference(&header());
    assert!(page() == written, "docs/reference.md differs from the header: write it anew by `make docs`");
}

#[test]
fn has_everything_with_a_text() {
    let (header, page) = (header(), page());
    let code = blocks(&page).join("\n");
    // What is for compilers only.
    let inner = ["CP_API", "CP_CHECK", "CP_NOTHROW", "CP_ASSERT_", "CP_STDIO"];
    let declarations = header.split("*/").map(|part| part.split("/*").next().unwrap_or_default());
    let words: Vec<&str> =
        declarations.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    let names = words.iter().filter(|word| word.to_lowercase().starts_with("cp_") && !inner.contains(word));
    let missing: Vec<&&str> = names.clone().filter(|name| !code.contains(**name)).collect();
    assert!(names.count() > 200 && missing.is_empty(), "not in docs/reference.md: {missing:?}");

    for entry in page.split("\n### ").skip(1) {
        let (name, rest) = entry.split_once('\n').expect("a heading is a line");
        let after = rest.rsplit("\n```\n").next().unwrap_or_default();
        let before_initialiser = rest.split("\n```\n").nth(1).unwrap_or_default();
        assert!(after.trim().len() > 5 || before_initialiser.trim().len() > 5, "nothing is said about {name}");
        let function = rest.trim_start().starts_with("```c\n")
            && rest.lines().nth(2).is_some_and(|line| line.contains(&format!("{name}(")));
        let tail = after.contains("\n*GIL ") && after.contains("ince 0.");
        assert!(
            !function || tail || name.contains("stdio"),
            "{name} says nothing of the GIL, or since when it is there"
        );
    }
}

#[test]
fn is_c() {
    let source = std::env::temp_dir().join(format!("cloudpickle-reference-{}.c", std::process::id()));
    let front = "#include <stddef.h>\n#include <stdint.h>\n#define CP_STDIO\nstruct _object;\n";
    fs::write(&source, format!("{front}{}\n", blocks(&page()).join("\n"))).expect("a file");
    let output = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused-function", "-fsyntax-only"])
        .arg(&source)
        .output()
        .expect("a C compiler");
    fs::remove_file(&source).expect("the file was written");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
