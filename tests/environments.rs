//! Virtual environments: a program that starts Python for one has its prefix and its packages, also when it starts another
//! one afterwards; with the library and with libcloudpickle-embed.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{compile, compile_without_python, crate_dir, program, python, said, scratch, succeed};

/// A virtual environment with a module that says these words.
fn environment(name: &str, words: &str) -> PathBuf {
    let dir = scratch("environments").join(name);
    succeed(Command::new(python()).args(["-m", "venv", "--without-pip", "--clear"]).arg(&dir));
    let where_to = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = said(&succeed(Command::new(dir.join("bin/python")).args(["-c", where_to])));
    fs::write(PathBuf::from(packages.trim()).join("only_here.py"), format!("WORDS = '{words}'\n"))
        .expect("the environment can be written");
    dir
}

#[test]
fn one_after_the_other() {
    let [first, second] = [environment("first", "from the first"), environment("second", "from the second")];
    let source = crate_dir().join("tests/c/environments.c");
    for compiled in [compile(&source), compile_without_python(&source)] {
        let order = [&first, &first, &second, &first];
        let output = succeed(program(&compiled).args(order.map(|dir| dir.join("bin/python"))));
        let expected: Vec<String> = order
            .map(|dir| {
                let words = if dir == &first { "from the first" } else { "from the second" };
                format!("{}: {words}", dir.display())
            })
            .into();
        assert_eq!(said(&output), expected.join("\n") + "\nok\n", "{}", compiled.display());
    }
}
