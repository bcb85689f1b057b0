//! The header: it is what the source says, and every compiler accepts it alone.

mod support;

use std::fs;
use std::path::Path;

use support::{build, compiler, crate_dir, scratch, succeed};

#[test]
fn is_what_the_source_says() {
    let committed = fs::read_to_string(crate_dir().join("include/cloudpickle.h")).expect("the header is there");
    let generated = fs::read_to_string(env!("CP_GENERATED_HEADER")).expect("build.rs made the header");
    assert!(
        committed == generated,
        "include/cloudpickle.h differs from the source: write it anew by CP_WRITE_HEADER=1 cargo build"
    );
}

#[test]
fn the_soname_is_the_abi() {
    let header = fs::read_to_string(crate_dir().join("include/cloudpickle.h")).expect("the header is there");
    assert!(header.contains("#define CP_ABI_MAJOR 0\n"));
    assert!(header.contains(&format!("#define CP_VERSION \"{}\"", env!("CARGO_PKG_VERSION"))));
}

/// Uses each part of the header that is not a declaration.
const USES: &str = "
int cp_test_uses(void);
int cp_test_uses(void) {
    cp_init_options init = CP_INIT_OPTIONS_INIT;
    cp_dump_options dump = CP_DUMP_OPTIONS_INIT;
    cp_load_options load = CP_LOAD_OPTIONS_INIT;
    cp_error *err = NULL;
    struct _object *object = NULL;
    cp_status status = cp_load(cp_read_stdio, stdin, &load, &object, &err);
    if (status == CP_OK)
        status = cp_dump(object, cp_write_stdio, stdout, &dump, &err);
    return status < CP_OK || cp_initialize(&init, &err) == CP_ERR_PYTHON;
}
";

#[test]
fn compiles_under_every_standard() {
    let dir = scratch("header");
    for (ending, standards) in
        [("c", ["c99", "c11", "c17", "c2x"].as_slice()), ("cpp", &["c++11", "c++14", "c++17", "c++20"])]
    {
        for before in ["", "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n"] {
            // Python.h itself asks for C11 or C++11 from 3.13 on; alone, the header is held to every standard.
            for standard in standards.iter().filter(|standard| before.is_empty() || **standard != "c99") {
                let kind = if before.is_empty() { "alone" } else { "python" };
                let source = dir.join(format!("{kind}-{standard}.{ending}"));
                fs::write(&source, format!("{before}#define CP_STDIO\n#include <cloudpickle.h>\n{USES}"))
                    .expect("a file");
                check(&source, standard);
            }
        }
    }
}

fn check(source: &Path, standard: &str) {
    let mut command = compiler(source);
    command
        .arg(format!("-std={standard}"))
        .args(["-Wpedantic", "-fsyntax-only"])
        .arg(format!("-I{}", crate_dir().join("include").display()))
        .arg(format!("-isystem{}", build().include));
    succeed(command.arg(source));
}
