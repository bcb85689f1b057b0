//! The header: every compiler accepts it alone.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{build, compiler, crate_dir, scratch, succeed};

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
fn compiles_alone_under_every_standard() {
    let dir = scratch("alone");
    for (ending, standard) in STANDARDS {
        let source = dir.join(format!("{}.{ending}", name(standard)));
        fs::write(&source, format!("#define CP_STDIO\n#include <cloudpickle.h>\n{USES}")).expect("a file");
        succeed(&mut check(&source, standard));
    }
}

#[test]
fn compiles_behind_python_h() {
    let dir = scratch("python");
    let python = "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n";
    let mut compiled = 0;
    for (ending, standard) in STANDARDS {
        let source = dir.join(format!("without-{}.{ending}", name(standard)));
        fs::write(&source, python).expect("a file");
        if !check(&source, standard).output().expect("a compiler").status.success() {
            println!("this Python.h does not compile under {standard} here: not tested behind it");
            continue;
        }
        let source = dir.join(format!("{}.{ending}", name(standard)));
        let object = "PyObject *cp_test_same(void);\nPyObject *cp_test_same(void) { return cp_from_none(); }\n";
        fs::write(&source, format!("{python}#define CP_STDIO\n#include <cloudpickle.h>\n{USES}{object}"))
            .expect("a file");
        succeed(&mut check(&source, standard));
        compiled += 1;
    }
    assert!(compiled >= 4, "Python.h compiled under {compiled} standards only");
}

const STANDARDS: &[(&str, &str)] = &[
    ("c", "c99"),
    ("c", "c11"),
    ("c", "c17"),
    ("c", "c2x"),
    ("cpp", "c++11"),
    ("cpp", "c++14"),
    ("cpp", "c++17"),
    ("cpp", "c++20"),
];

/// A standard in a file's name.
fn name(standard: &str) -> String {
    standard.replace('+', "p")
}

fn check(source: &Path, standard: &str) -> Command {
    let mut command = compiler(source);
    command
        .arg(format!("-std={standard}"))
        .args(["-Wpedantic", "-fsyntax-only"])
        .arg(format!("-I{}", crate_dir().join("include").display()))
        .arg(format!("-isystem{}", build().include))
        .arg(source);
    command
}
