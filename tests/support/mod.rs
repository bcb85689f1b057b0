//! What the tests of the C API share: the library as it was just built, and C programs compiled against it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

pub fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python that the library was built for.
pub fn python() -> &'static Path {
    let python = Path::new(env!("CP_TEST_PYTHON"));
    assert!(python.is_file(), "the build knows no Python executable: set PYO3_PYTHON");
    python
}

/// The shared library, which cargo builds beside the tests, where it does not refresh any other copy of it.
pub fn library() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let library = tests.with_file_name("libcloudpickle.so");
    let built = modified(&library);
    let mut sources = vec![crate_dir().join("build.rs"), crate_dir().join("Cargo.toml")];
    rust_files(&crate_dir().join("src"), &mut sources);
    for source in sources {
        assert!(modified(&source) <= built, "{} is older than {}", library.display(), source.display());
    }
    library
}

fn modified(path: &Path) -> std::time::SystemTime {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.modified().expect("files have times")
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of the source") {
        let path = entry.expect("a file of the source").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A folder for what a test executable makes.
pub fn scratch(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let tests = tests.file_name().expect("a name").to_string_lossy().into_owned();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(tests).join(name);
    fs::create_dir_all(&dir).expect("the target folder can be written");
    dir
}

/// The library under the names that linkers and loaders look for.
pub fn library_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = scratch("lib");
        for name in ["libcloudpickle.so", "libcloudpickle.so.0"] {
            let link = dir.join(name);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(library(), link).expect("the target folder can be written");
        }
        dir
    })
}

/// libcloudpickle-embed under the names that linkers and loaders look for, with the library as its core. Its own tests
/// are what holds its source; here it is only as new as the tests are.
pub fn embed_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = scratch("embed");
        let embed = library().with_file_name("libcloudpickle_embed.so");
        let mut sources = vec![crate_dir().join("embed/build.rs"), crate_dir().join("embed/Cargo.toml")];
        rust_files(&crate_dir().join("embed/src"), &mut sources);
        for source in sources {
            assert!(modified(&source) <= modified(&embed), "{} is older than {}", embed.display(), source.display());
        }
        let core = dir.join(format!("cloudpickle/{}/libcloudpickle.so.0", core_folder()));
        fs::create_dir_all(core.parent().expect("a folder")).expect("the target folder can be written");
        let links = [
            (dir.join("libcloudpickle-embed.so"), embed.clone()),
            (dir.join("libcloudpickle-embed.so.0"), embed),
            (core, library()),
        ];
        for (link, file) in links {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(file, link).expect("the target folder can be written");
        }
        dir
    })
}

/// The name of the folder of this Python's core.
pub fn core_folder() -> String {
    let threaded = if cfg!(Py_GIL_DISABLED) { "t" } else { "" };
    format!("cpython-3{}{threaded}", env!("CP_PYTHON_MINOR"))
}

/// Compiles a program that has no Python.
pub fn compile_without_python(source: &Path) -> PathBuf {
    let name = source.file_name().expect("a name").to_string_lossy().replace('.', "_");
    let program = scratch("programs-without-python").join(name);
    succeed(
        compiler(source)
            .arg(source)
            .arg("-o")
            .arg(&program)
            .arg(format!("-I{}", crate_dir().join("include").display()))
            .arg(format!("-L{}", embed_dir().display()))
            .arg("-lcloudpickle-embed")
            .arg(format!("-Wl,-rpath,{}", embed_dir().display()))
            .args(["-pthread", "-ldl"]),
    );
    program
}

/// What Python's sysconfig says.
pub struct Build {
    pub include: String,
    pub lib_dir: String,
    pub version: String,
    pub suffix: String,
    pub shared: bool,
}

pub fn build() -> &'static Build {
    static BUILD: OnceLock<Build> = OnceLock::new();
    BUILD.get_or_init(|| {
        let script = "import sysconfig as s; v = s.get_config_var
print(s.get_path('include'), v('LIBDIR'), v('LDVERSION'), v('EXT_SUFFIX'), v('Py_ENABLE_SHARED'), sep='\\n')";
        let said = said(&succeed(Command::new(python()).args(["-c", script])));
        let [include, lib_dir, version, suffix, shared] = *said.lines().collect::<Vec<_>>() else {
            panic!("unexpected answer: {said}");
        };
        Build {
            include: include.into(),
            lib_dir: lib_dir.into(),
            version: version.into(),
            suffix: suffix.into(),
            shared: shared == "1",
        }
    })
}

/// The compiler of the language that a file's ending says.
pub fn compiler(source: &Path) -> Command {
    let cpp = source.extension().is_some_and(|ending| ending == "cpp");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut build = cc::Build::new();
    build.cpp(cpp).target(&target).host(&target).opt_level(1).cargo_metadata(false);
    // Its own flags are for objects that go into a crate.
    let mut command = Command::new(build.get_compiler().path());
    command.arg(if cpp { "-std=c++17" } else { "-std=gnu11" }).args(["-O1", "-g", "-Wall", "-Wextra", "-Werror"]);
    if cfg!(sanitized) {
        command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]);
    }
    command
}

/// Compiles a program that embeds Python.
pub fn compile(source: &Path) -> PathBuf {
    assert!(build().shared, "embedding needs a shared libpython: {} has none", python().display());
    let name = source.file_name().expect("a name").to_string_lossy().replace('.', "_");
    let program = scratch("programs").join(name);
    let build = build();
    succeed(
        compiler(source)
            .arg(source)
            .arg("-o")
            .arg(&program)
            .arg(format!("-I{}", crate_dir().join("include").display()))
            .arg(format!("-isystem{}", build.include))
            .arg(format!("-L{}", library_dir().display()))
            .arg("-lcloudpickle")
            .arg(format!("-Wl,-rpath,{}", library_dir().display()))
            .arg(format!("-L{}", build.lib_dir))
            .arg(format!("-lpython{}", build.version))
            .arg(format!("-Wl,-rpath,{}", build.lib_dir))
            .args(["-pthread", "-ldl"]),
    );
    program
}

/// Compiles an extension module into a folder.
pub fn compile_extension(source: &Path, dir: &Path) -> PathBuf {
    let module = dir.join(format!("{}{}", source.file_stem().expect("a name").to_string_lossy(), build().suffix));
    succeed(
        compiler(source)
            .args(["-shared", "-fPIC"])
            .arg(source)
            .arg("-o")
            .arg(&module)
            .arg(format!("-I{}", crate_dir().join("include").display()))
            .arg(format!("-isystem{}", build().include))
            .arg(format!("-L{}", library_dir().display()))
            .arg("-lcloudpickle")
            .arg(format!("-Wl,-rpath,{}", library_dir().display())),
    );
    module
}

/// A program with the environment that it needs to find this Python.
pub fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env("CP_PYTHON", python());
    for name in ["PYTHONHOME", "PYTHONPATH", "CP_LIBPYTHON", "VIRTUAL_ENV"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// What a command wrote to its standard output.
pub fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}
