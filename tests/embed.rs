//! libcloudpickle-embed: the programs that need no Python.h run with it as they run with the library, and it finds the
//! libpython that is meant, or says where it looked.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::{
    build, compile_without_python, compiler, core_folder, crate_dir, embed_dir, library, library_dir, program, python,
    said, scratch, succeed,
};

const PROGRAMS: &[&str] = &[
    "arguments.c",
    "buffers.c",
    "host.c",
    "host_threads.c",
    "interpreter.c",
    "lifecycle.c",
    "no_memory.c",
    "no_python.c",
    "streams.c",
];
const EXAMPLES: &[&str] = &["buffers.c", "errors.c", "pipeline.cpp", "stream.c", "threads.c"];

fn none_needs_python_h(source: &Path) {
    let text = fs::read_to_string(source).expect("a program");
    assert!(!text.contains("Python.h"), "{} asks for Python.h", source.display());
}

#[test]
fn the_programs() {
    for name in PROGRAMS {
        let source = crate_dir().join("tests/c").join(name);
        none_needs_python_h(&source);
        let output = succeed(&mut program(&compile_without_python(&source)));
        assert!(said(&output).ends_with("ok\n"), "{name} did not come to its end: {}", said(&output));
    }
}

#[test]
fn the_examples() {
    for name in EXAMPLES {
        let source = crate_dir().join("examples_c").join(name);
        none_needs_python_h(&source);
        let output = succeed(&mut program(&compile_without_python(&source)));
        assert!(!output.stdout.is_empty(), "{name}");
    }
}

/// What tests/c/embed.c says in an environment without any Python but what is set here.
fn embed(set: &[(&str, &Path)], arguments: &[&str]) -> (bool, String) {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| compile_without_python(&crate_dir().join("tests/c/embed.c")));
    let mut command = program(compiled);
    command.env_remove("CP_PYTHON").env("PATH", "/nonexistent").args(arguments);
    for (name, value) in set {
        command.env(name, value);
    }
    let output = command.output().expect("the program runs");
    let text = said(&output);
    assert!(
        output.status.success() || output.status.code() == Some(3),
        "{command:?}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.success(), text)
}

/// The version, prefix and executable of the Python that was found.
fn found(set: &[(&str, &Path)], arguments: &[&str]) -> [String; 3] {
    let (good, text) = embed(set, arguments);
    assert!(good, "{set:?} {arguments:?}: {text}");
    let parts: Vec<String> = text.trim().split('|').skip(1).map(Into::into).collect();
    parts.try_into().unwrap_or_else(|_| panic!("unexpected: {text}"))
}

/// Its words about why none is, under this status.
fn refused(status: &str, set: &[(&str, &Path)], arguments: &[&str]) -> String {
    let (good, text) = embed(set, arguments);
    assert!(!good, "{set:?} {arguments:?}: {text}");
    let words = text.strip_prefix(&format!("{status}: ")).unwrap_or_else(|| panic!("not {status}: {text}"));
    println!("{words}");
    words.trim().to_owned()
}

/// What python says of itself.
fn ask(python: &Path, what: &str) -> String {
    said(&succeed(Command::new(python).args(["-c", &format!("import sys, sysconfig; print({what})")]))).trim().into()
}

fn libpython() -> PathBuf {
    let file = Path::new(&build().lib_dir).join(ask(python(), "sysconfig.get_config_var('INSTSONAME')"));
    assert!(file.is_file(), "{} is not there", file.display());
    file
}

/// A virtual environment, without pip.
fn environment() -> PathBuf {
    let dir = scratch("environment").join("venv");
    succeed(Command::new(python()).args(["-m", "venv", "--without-pip", "--clear"]).arg(&dir));
    dir
}

#[test]
fn finds_what_is_named() {
    let version = ask(python(), "sys.version.split()[0]");
    let [base, prefix] = ["sys.base_prefix", "sys.prefix"].map(|what| ask(python(), what));
    let venv = environment();
    let is_venv = |[number, prefix, executable]: [String; 3], how: &str| {
        assert_eq!((number.as_str(), Path::new(&prefix)), (version.as_str(), venv.as_path()), "{how}");
        assert!(Path::new(&executable).starts_with(&venv), "{how}: {executable}");
    };
    let option = |name: &str, value: &Path| format!("{name}={}", value.display());

    for python in [venv.clone(), venv.join("bin/python"), venv.join("bin/python3")] {
        is_venv(found(&[], &[&option("program", &python)]), "the option program");
        is_venv(found(&[("CP_PYTHON", &python)], &[]), "$CP_PYTHON");
    }
    is_venv(found(&[("VIRTUAL_ENV", &venv)], &[]), "$VIRTUAL_ENV");
    is_venv(found(&[("PATH", &venv.join("bin"))], &[]), "PATH");
    // Options come before the environment.
    is_venv(found(&[("CP_PYTHON", Path::new("/nonexistent"))], &[&option("program", &venv)]), "both");
    let libpython = libpython();
    is_venv(found(&[], &[&option("libpython", &libpython), &option("program", &venv.join("bin/python"))]), "libpython");
    is_venv(found(&[("CP_PYTHON", &venv.join("bin/python"))], &[&option("libpython", &libpython)]), "libpython");

    let argument = option("libpython", &libpython);
    let folder = libpython.parent().expect("a folder");
    for [number, found, _] in [
        found(&[("CP_LIBPYTHON", &libpython)], &[]),
        found(&[], &[&argument]),
        found(&[("LD_LIBRARY_PATH", folder)], &[]),
    ] {
        assert_eq!(number, version);
        assert!(found == base || prefix != base, "{found}");
    }
}

#[test]
fn says_what_was_looked_for() {
    let nowhere = Path::new("/nonexistent/python");
    let mut words = refused("libpython", &[], &["libpython=/nonexistent/libpython.so"]);
    assert!(words.contains("the option libpython") && words.contains("/nonexistent/libpython.so"), "{words}");
    words = refused("libpython", &[], &["libpython=libc.so.6"]);
    assert!(words.contains("libc.so.6: is not a libpython"), "{words}");
    words = refused("libpython", &[("CP_LIBPYTHON", nowhere)], &[]);
    assert!(words.contains("$CP_LIBPYTHON") && words.contains("/nonexistent/python"), "{words}");
    words = refused("libpython", &[], &["program=/nonexistent/python"]);
    assert!(words.contains("the option program") && words.contains("/nonexistent/python: is not an exec"), "{words}");
    words = refused("libpython", &[("CP_PYTHON", nowhere)], &[]);
    assert!(words.contains("$CP_PYTHON") && words.contains("/nonexistent/python"), "{words}");
    words = refused("libpython", &[("CP_PYTHON", Path::new("no-such-python"))], &[]);
    assert!(words.contains("no-such-python: is not on PATH"), "{words}");
    words = refused("libpython", &[("VIRTUAL_ENV", Path::new("/usr/include"))], &[]);
    assert!(words.contains("$VIRTUAL_ENV") && words.contains("/usr/include: is a folder without"), "{words}");
    words = refused("libpython", &[("CP_PYTHON", Path::new("/bin/true"))], &[]);
    assert!(words.contains("/bin/true: does not answer as a python 3 does"), "{words}");

    // A python that is linked statically and has no libpython beside it.
    let minor = env!("CP_PYTHON_MINOR");
    let dir = scratch("static");
    let fake = |name: &str, answer: &str| {
        let python = dir.join(name);
        fs::write(&python, format!("#!/bin/sh\nprintf '{answer}'\n")).expect("the target folder can be written");
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        python
    };
    let lonely =
        fake("lonely", &format!("cpython\\0003.{minor}\\000\\000/lonely\\000/nowhere/libpython3.{minor}.so.1.0\\000"));
    words = refused("libpython", &[("CP_PYTHON", &lonely)], &[]);
    assert!(
        words.contains(&format!("/lonely is CPython 3.{minor}, but its shared libpython was not found")),
        "{words}"
    );
    assert!(words.contains(&format!("/nowhere/libpython3.{minor}.so.1.0")), "{words}");
    let pypy = fake("pypy", "pypy\\0003.10\\000\\000/pypy\\000");
    words = refused("libpython", &[("CP_PYTHON", &pypy)], &[]);
    assert!(words.contains("pypy: is pypy, not CPython"), "{words}");

    // Another version than there is a core for.
    let other = fake("other", "cpython\\0003.8\\000\\000/other\\000/nowhere/libpython3.8.so.1.0\\000");
    words = refused("incompatible python", &[("CP_PYTHON", &other)], &[]);
    assert!(words.contains("there is no libcloudpickle for CPython 3.8: looked for "), "{words}");
    assert!(words.ends_with(&format!("cpython-38/libcloudpickle.so.0; there is: CPython 3.{minor}")), "{words}");

    // Nothing is named and nothing is there. (Where the system's loader knows this version, that one is found.)
    let (good, text) = embed(&[], &[]);
    if good {
        println!("the loader knows a libpython3.{minor}: what is said without one is not tested");
    } else {
        for part in ["$CP_LIBPYTHON, $CP_PYTHON and $VIRTUAL_ENV name none", "python3: is not on PATH", "libpython3."] {
            assert!(text.starts_with("libpython: no libpython was found. ") && text.contains(part), "{text}");
        }
    }
}

#[test]
fn without_cores() {
    let dir = scratch("alone");
    let embed = "libcloudpickle-embed.so.0";
    fs::copy(embed_dir().join(embed), dir.join(embed)).expect("the target folder can be written");
    let words = refused("incompatible python", &[("LD_LIBRARY_PATH", &dir), ("CP_PYTHON", python())], &[]);
    assert!(words.contains(&format!("{}/cloudpickle/{}/", dir.display(), core_folder())), "{words}");
    assert!(words.ends_with("there is: none at all"), "{words}");
    // A core that is none.
    let core = dir.join("cloudpickle").join(core_folder());
    fs::create_dir_all(&core).expect("the target folder can be written");
    let core = core.join("libcloudpickle.so.0");
    let _ = fs::remove_file(&core);
    fs::write(&core, "nonsense").expect("the target folder can be written");
    let words = refused("incompatible python", &[("LD_LIBRARY_PATH", &dir), ("CP_PYTHON", python())], &[]);
    assert!(words.contains("libcloudpickle.so.0: ") && words.contains("too short"), "{words}");
    fs::remove_dir_all(dir.join("cloudpickle")).expect("it was just made");
}

/// A failure of CPython's own start is told in its words, by a process that goes on.
#[test]
fn python_that_does_not_start() {
    let words = refused("python", &[("CP_PYTHON", python())], &["home=/nonexistent"]);
    assert!(words.starts_with("Python could not start: ") && words.contains("encoding"), "{words}");
}

/// Hosts that load libraries for themselves alone, with this library and with the one that is linked to its libpython.
#[test]
fn in_a_host_that_loads_locally() {
    // It is linked to neither.
    let source = crate_dir().join("tests/c/local.c");
    let host = scratch("local").join("host");
    let include = format!("-I{}", crate_dir().join("include").display());
    succeed(compiler(&source).arg(&source).arg("-o").arg(&host).arg(include).arg("-ldl"));
    let empty = scratch("local").join("empty.c");
    fs::write(&empty, "").expect("the target folder can be written");
    let linked = empty.with_file_name("libhost.so");
    let file = libpython();
    succeed(
        compiler(&empty)
            .args(["-shared", "-fPIC", "-Wl,--no-as-needed"])
            .arg(&empty)
            .arg("-o")
            .arg(&linked)
            .arg(format!("-L{}", library_dir().display()))
            .arg("-lcloudpickle")
            .arg(format!("-Wl,-rpath,{}", library_dir().display()))
            .arg(&file)
            .arg(format!("-Wl,-rpath,{}", file.parent().expect("a folder").display())),
    );
    for library in [embed_dir().join("libcloudpickle-embed.so.0"), linked] {
        let output = succeed(program(&host).arg(library));
        assert_eq!(said(&output), "ok\n");
    }
}

#[test]
fn threads_that_do_not_wait() {
    for _ in 0..2 {
        let (good, text) = embed(&[("CP_PYTHON", python())], &["before"]);
        assert!(good, "{text}");
    }
}

/// In a process with a Python, it is that one which is used, whatever is named.
#[test]
fn in_a_python_process() {
    let script = "
import ctypes, pickle, sys
embed = ctypes.PyDLL(sys.argv[1])
assert embed.cp_state() == 0
assert embed.cp_initialize(None, None) == 0
assert embed.cp_state() == 2
embed.cp_dumps_bytes.restype = ctypes.py_object
assert embed.cp_dumps_bytes(ctypes.py_object([1, 'a']), -1) == pickle.dumps([1, 'a'], 5)
with open('/proc/self/maps') as maps:
    assert len({line.split(None, 5)[5] for line in maps if '/libpython3.' in line}) <= 1
print('ok')
";
    let mut command = program(python());
    command
        .env("CP_LIBPYTHON", "/nonexistent")
        .arg("-c")
        .arg(script)
        .arg(embed_dir().join("libcloudpickle-embed.so.0"));
    assert_eq!(said(&succeed(&mut command)), "ok\n");
    assert!(library().is_file());
}
