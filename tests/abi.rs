//! The ABI is held: what the header says of layouts, values and functions is in tests/golden/abi.txt, and all of it that
//! the header of the last release said still holds, for the words and for programs that were built with it.

mod support;

#[path = "../src/capi/failure.rs"]
#[allow(dead_code)]
mod failure;
#[path = "../src/capi/guard.rs"]
mod guard;
#[path = "../src/capi/options.rs"]
#[allow(dead_code)]
mod options;
/// What the files know as `py`.
#[path = "../src/py"]
mod py {
    #[path = "message.rs"]
    #[allow(dead_code)]
    pub mod message;
}
#[path = "../src/capi/status.rs"]
#[allow(dead_code, non_camel_case_types)]
mod status;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use support::{compile, compiler, crate_dir, program, said, scratch, succeed};

/// The header of the last release, whose programs this library must run.
const RELEASED: &str = "tests/golden/released/cloudpickle.h";

/// One line for each thing that a program can depend on: its name, and what is true of it.
type Abi = BTreeMap<String, String>;

/// The text of a header without its comments, a declaration a line.
fn declarations(header: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        rest = comment.split_once("*/").expect("the end of a comment").1;
    }
    text.push_str(rest);
    let mut lines = Vec::new();
    let mut depth = 0;
    let mut current = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "extern \"C\" {") {
        if line.starts_with('#') && current.is_empty() {
            lines.push(line.to_owned());
            continue;
        }
        let _ = write!(current, "{}{line}", if current.is_empty() { "" } else { " " });
        depth += line.matches('{').count() as i64 - line.matches('}').count() as i64;
        if depth <= 0 && (line.ends_with(';') || line.ends_with('}') || line.ends_with('{')) {
            lines.push(std::mem::take(&mut current));
            depth = 0;
        }
    }
    lines
}

/// The fields of a struct and the names of an enum's values.
fn inside(declaration: &str) -> (&str, &str) {
    let open = declaration.find('{').expect("a body");
    let close = declaration.rfind('}').expect("a body");
    (&declaration[open + 1..close], declaration[close + 1..].trim().trim_end_matches(';'))
}

/// The name that a field or a callback declares.
fn declared(declaration: &str) -> &str {
    let name = match declaration.split_once("(*") {
        Some((_, rest)) => rest.split(')').next(),
        None => declaration.rsplit([' ', '*']).next(),
    };
    name.expect("a name").trim()
}

/// What a header says, its numbers by a compiler.
fn abi(header: &Path) -> Abi {
    let text = fs::read_to_string(header).expect("a header");
    let mut abi = Abi::new();
    let mut numbers = String::new();
    for line in declarations(&text) {
        if let Some(function) = line.strip_prefix("CP_API ") {
            let function = function.trim_start_matches("CP_CHECK ").trim_end_matches(" CP_NOTHROW;");
            let name = declared(&function[..function.find('(').expect("a function")]);
            abi.insert(format!("function {name}"), function.into());
        } else if line.starts_with("enum {") {
            for value in inside(&line).0.split(',').filter_map(|value| value.split_once('=')) {
                let name = value.0.trim();
                let _ = writeln!(numbers, "printf(\"value {name}\\t%lld\\n\", (long long){name});");
            }
        } else if line.starts_with("typedef struct") && line.contains('{') {
            let (fields, name) = inside(&line);
            let _ = writeln!(numbers, "printf(\"struct {name}\\t%zu bytes\\n\", sizeof({name}));");
            for field in fields.split(';').map(str::trim).filter(|field| !field.is_empty()) {
                let (kind, field) = (field, declared(field));
                let _ = writeln!(
                    numbers,
                    "printf(\"field {name}.{field}\\t%s, %zu bytes at %zu\\n\", \"{kind}\", sizeof((({name} *)0)->{field}), \
                     offsetof({name}, {field}));"
                );
            }
        } else if let Some(declaration) = line.strip_prefix("typedef ") {
            let declaration = declaration.trim_end_matches(';');
            abi.insert(format!("type {}", declared(declaration)), declaration.into());
        } else if let Some((name, value)) = line.strip_prefix("#define CP_").and_then(|rest| rest.split_once(' ')) {
            // What says the version, and how to declare, is no promise.
            if !matches!(name, "VERSION" | "ABI_MINOR" | "API" | "CHECK" | "NOTHROW") && !name.starts_with("ASSERT_") {
                abi.insert(format!("macro CP_{name}"), value.trim().into());
            }
        }
    }
    // Tests that run at the same time ask about the same header.
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let dir = scratch(&format!("numbers-{}", ASKED.fetch_add(1, Relaxed)));
    let source = dir.join(format!("{}.c", header.to_string_lossy().replace(['/', '.'], "_")));
    fs::write(
        &source,
        format!("#include \"{}\"\n#include <stdio.h>\nint main(void) {{\n{numbers}}}\n", header.display()),
    )
    .expect("the target folder can be written");
    let asking = source.with_extension("");
    succeed(compiler(&source).arg(&source).arg("-o").arg(&asking));
    for line in said(&succeed(&mut program(&asking))).lines() {
        let (name, value) = line.split_once('\t').expect("a name and a value");
        abi.insert(name.into(), value.into());
    }
    abi
}

fn text(abi: &Abi) -> String {
    abi.iter().fold(String::new(), |text, (name, value)| text + &format!("{name}: {value}\n"))
}

fn header() -> PathBuf {
    crate_dir().join("include/cloudpickle.h")
}

#[test]
fn is_the_golden_one() {
    let golden = crate_dir().join("tests/golden/abi.txt");
    let now = abi(&header());
    let count = |kind: &str| now.keys().filter(|name| name.starts_with(kind)).count();
    assert!(count("function ") > 50 && count("field ") > 20 && count("value ") > 15 && count("type ") > 5, "{now:#?}");
    if std::env::var_os("WRITE_GOLDEN").is_some() {
        fs::write(&golden, text(&now)).expect("tests/golden can be written");
    }
    let golden = fs::read_to_string(&golden).unwrap_or_default();
    let now = text(&now);
    let changed: Vec<String> = diff(&golden, &now);
    assert!(
        changed.is_empty(),
        "the ABI is not that of tests/golden/abi.txt: see docs/abi.md; if all of this is meant, \
         WRITE_GOLDEN=1 cargo test --test abi\n{}",
        changed.join("\n")
    );
}

/// Lines that only one of two texts has.
fn diff(before: &str, after: &str) -> Vec<String> {
    let gone = before.lines().filter(|line| !after.lines().any(|other| other == *line)).map(|line| format!("-{line}"));
    let new = after.lines().filter(|line| !before.lines().any(|other| other == *line)).map(|line| format!("+{line}"));
    gone.chain(new).collect()
}

/// What an ABI breaks of an older one.
fn broken(old: &Abi, new: &Abi) -> Vec<String> {
    let size = |value: &str| value.split(' ').next().and_then(|size| size.parse::<usize>().ok());
    let holds = |name: &str, was: &str, is: &str| {
        // A program that was built with the older header has its own *_INIT, and its structs say how long they are.
        let grows = name.ends_with("_options") && name.starts_with("struct ") && size(is) >= size(was);
        was == is || grows || (name.starts_with("macro ") && name.ends_with("_OPTIONS_INIT"))
    };
    let differs = |(name, was): (&String, &String)| match new.get(name) {
        Some(is) if holds(name, was, is) => None,
        Some(is) => Some(format!("{name}: {is}, was {was}")),
        None => Some(format!("{name} is gone")),
    };
    old.iter().filter_map(differs).collect()
}

#[test]
fn keeps_what_was_released() {
    let released = abi(&crate_dir().join(RELEASED));
    assert_eq!(broken(&released, &abi(&header())), Vec::<String>::new());

    // It would find what breaks a program.
    let mut other = released.clone();
    other.insert("value CP_ERR_IO".into(), "-14".into());
    other.insert("struct cp_buffer".into(), "48 bytes".into());
    other.insert("struct cp_dump_options".into(), "48 bytes".into());
    other.insert("field cp_dump_options.protocol".into(), "int32_t protocol, 4 bytes at 16".into());
    other.remove("function cp_dumps");
    other.insert("function cp_loads".into(), "cp_status cp_loads(void)".into());
    assert_eq!(broken(&released, &other).len(), 6, "{:?}", broken(&released, &other));
    let mut larger = released.clone();
    larger.insert("struct cp_dump_options".into(), "72 bytes".into());
    larger.insert("field cp_dump_options.added".into(), "int added, 4 bytes at 64".into());
    larger.insert("value CP_ERR_NEW".into(), "-20".into());
    assert_eq!(broken(&released, &larger), Vec::<String>::new());
}

/// Programs as they were built with the header of the last release.
#[test]
fn runs_programs_that_were_built_with_the_released_header() {
    let dir = scratch("released");
    fs::copy(crate_dir().join(RELEASED), dir.join("cloudpickle.h")).expect("the target folder can be written");
    for name in ["check.h", "lost.h"] {
        fs::copy(crate_dir().join("tests/c").join(name), dir.join(name)).expect("the target folder can be written");
    }
    for name in ["buffers.c", "host.c", "loads.c", "streams.c"] {
        let source = dir.join(format!("released_{name}"));
        let text = fs::read_to_string(crate_dir().join("tests/c").join(name)).expect("a program");
        // The header beside the program, not the one on the compiler's path.
        let text = format!("#include \"cloudpickle.h\"\n{text}");
        let text = match text.split_once("#include <Python.h>\n") {
            Some((before, after)) => format!(
                "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n{}{after}",
                before.replace("#define PY_SSIZE_T_CLEAN\n", "")
            ),
            None => text,
        };
        fs::write(&source, text).expect("the target folder can be written");
        let output = succeed(&mut program(&compile(&source)));
        assert!(said(&output).ends_with("ok\n"), "{name}: {}", said(&output));
    }
}

/// Options that have grown since a program was built.
#[repr(C)]
struct Grown {
    struct_size: usize,
    flags: u32,
    reserved: u32,
    added: u64,
}

// SAFETY: begins with its size; zeroes are 0; `reserved` was the last field of the first version.
unsafe impl options::Options for Grown {
    const FIRST: usize = offset_of!(Grown, added);
}

#[test]
fn options_of_an_older_program_are_read_as_far_as_they_go() {
    // What lies behind them is not theirs.
    let older = Grown { struct_size: offset_of!(Grown, added), flags: 3, reserved: 0, added: u64::MAX };
    // SAFETY: as long as its size says.
    let read = unsafe { options::read(&older) }.ok().flatten().expect("they are options");
    assert_eq!((read.struct_size, read.flags, read.added), (16, 3, 0));
    let newer = Grown { struct_size: size_of::<Grown>(), ..older };
    // SAFETY: as above.
    let read = unsafe { options::read(&newer) }.ok().flatten().expect("they are options");
    assert_eq!(read.added, u64::MAX);
    let wrong = Grown { struct_size: 15, ..older };
    // SAFETY: as above.
    let refused = unsafe { options::read(&wrong) };
    assert!(refused.is_err_and(|failure| failure.status == status::cp_status_value::CP_ERR_INVALID_ARGUMENT));
}
