//! What the shared library shows to a linker and a loader.

mod support;

use std::fs;
use std::process::Command;

use support::{crate_dir, library, said, succeed};

#[test]
fn exports_are_the_golden_list() {
    let said =
        said(&succeed(Command::new("nm").args(["-D", "--defined-only", "--format=just-symbols"]).arg(library())));
    let mut found: Vec<&str> = said.lines().map(|line| line.split('@').next().unwrap_or(line)).collect();
    found.sort_unstable();
    let golden = fs::read_to_string(crate_dir().join("tests/golden/symbols.txt")).expect("the golden list is there");
    let golden: Vec<&str> = golden.lines().collect();
    assert_eq!(found, golden, "the exported symbols differ from tests/golden/symbols.txt");
}

#[test]
fn every_export_is_in_the_header_and_the_other_way_round() {
    let header = fs::read_to_string(crate_dir().join("include/cloudpickle.h")).expect("the header is there");
    let golden = fs::read_to_string(crate_dir().join("tests/golden/symbols.txt")).expect("the golden list is there");
    let declared = |line: &str| {
        let name = line.strip_prefix("CP_API ")?.split('(').next()?;
        Some(name.rsplit(['*', ' ']).next()?.to_owned())
    };
    let mut declared: Vec<String> = header.lines().filter_map(declared).collect();
    declared.sort_unstable();
    let exported: Vec<&str> = golden.lines().filter(|name| name.starts_with("cp_")).collect();
    assert_eq!(declared, exported);
}

#[test]
fn has_a_soname_and_no_libpython() {
    let said = said(&succeed(Command::new("readelf").args(["-d", "-W"]).arg(library())));
    assert!(said.contains("soname: [libcloudpickle.so.0]"), "{said}");
    assert!(said.contains("NODELETE"), "{said}");
    let needed: Vec<&str> = said.lines().filter(|line| line.contains("(NEEDED)")).collect();
    assert!(needed.iter().any(|line| line.contains("libc.so")), "no libc among {needed:?}");
    assert!(!needed.iter().any(|line| line.contains("python")), "libpython among {needed:?}");
}
