//! The library in the process of a CPython that it was not built for: words, never a crash.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use support::{compiler, crate_dir, library, library_dir, said, scratch, succeed};

/// The CPythons of other minor versions on PATH, among pyenv's and among those that tests/interpreters/fetch.sh unpacked,
/// one of each.
fn others() -> BTreeMap<u32, PathBuf> {
    let mut dirs: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let pyenv =
        env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".pyenv")));
    if let Some(versions) = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok()) {
        dirs.extend(versions.filter_map(Result::ok).map(|entry| entry.path().join("bin")));
    }
    dirs.push(crate_dir().join("build/interpreters/root/usr/bin"));
    // pyenv's shims stand for nothing by themselves.
    dirs.retain(|dir| !dir.ends_with("shims"));
    let built_for: u32 = env!("CP_PYTHON_MINOR").parse().expect("a number");
    let mut found = BTreeMap::new();
    for minor in (9..=15).filter(|minor| *minor != built_for) {
        match dirs.iter().map(|dir| dir.join(format!("python3.{minor}"))).find(|python| python.is_file()) {
            Some(python) => {
                found.insert(minor, python);
            }
            None => println!("CPython 3.{minor} was not found: not tested"),
        }
    }
    found
}

/// A loader that binds all functions at once, as Python's own does, refuses a library that asks for functions which are
/// not there; any other way there is a status.
#[test]
fn loaded_into_another_python() {
    let script = "
import ctypes, sys
try:
    library = ctypes.PyDLL(sys.argv[1])
except OSError as error:
    assert 'undefined symbol: ' in str(error) and 'Py' in str(error), error
    print('refused by the loader')
else:
    library.cp_error_message.restype = ctypes.c_char_p
    library.cp_error_message.argtypes = [ctypes.c_void_p]
    error, buffer = ctypes.c_void_p(), ctypes.create_string_buffer(40)
    status = library.cp_dumps(ctypes.py_object([]), None, buffer, ctypes.byref(error))
    assert status == -5, status
    assert b'built for CPython 3.' in library.cp_error_message(error)
    library.cp_dumps_bytes.restype = ctypes.py_object
    try:
        library.cp_dumps_bytes(ctypes.py_object([]), -1)
    except RuntimeError as error:
        assert 'built for CPython 3.' in str(error)
        print('refused by the library')
";
    for (minor, python) in others() {
        let output = succeed(Command::new(&python).arg("-c").arg(script).arg(library()));
        let said = said(&output);
        assert!(said.starts_with("refused"), "3.{minor}: {said}");
        print!("CPython 3.{minor}: {said}");
    }
}

#[test]
fn a_program_with_another_libpython() {
    for (minor, python) in others() {
        let ask = "import sysconfig as s; print(s.get_config_var('LIBDIR'), s.get_config_var('LDLIBRARY'), sep='\\n')";
        let answer = said(&succeed(Command::new(&python).args(["-c", ask])));
        let (dir, name) = answer.trim().split_once('\n').expect("two lines");
        if !name.ends_with(".so") || !Path::new(dir).join(name).is_file() {
            println!("CPython 3.{minor} has no shared libpython: not tested");
            continue;
        }
        let source = crate_dir().join("tests/c/wrong_version.c");
        let program = scratch("wrong-version").join(format!("with-{minor}"));
        succeed(
            compiler(&source)
                .arg(&source)
                .arg("-o")
                .arg(&program)
                .arg(format!("-I{}", crate_dir().join("include").display()))
                .arg(Path::new(dir).join(name))
                .arg(format!("-Wl,-rpath,{dir}"))
                .arg(format!("-L{}", library_dir().display()))
                .arg("-lcloudpickle")
                .arg(format!("-Wl,-rpath,{}", library_dir().display()))
                // The library asks for functions that this libpython may not have, and never calls them.
                .args(["-Wl,--allow-shlib-undefined", "-Wl,-z,lazy"]),
        );
        let output = succeed(Command::new(&program).env_remove("LD_BIND_NOW"));
        assert!(said(&output).ends_with("ok\n"), "3.{minor}: {}", said(&output));
    }
}
