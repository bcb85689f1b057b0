//! The table of functions says what the header says, and the library exports it and asks for no Python.

use std::collections::BTreeMap;
use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use cloudpickle_embed::types::{cp_buffer, cp_init_options, cp_load_options};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the source")
}

/// One blank for every run of them, and none beside brackets.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(", )", ")").replace(",)", ")")
}

/// The functions of the header, by name, as they are declared.
fn declared() -> BTreeMap<String, String> {
    let header = read("../include/cloudpickle.h");
    let declarations = header.split("\nCP_API ").skip(1).map(|rest| {
        let end = rest.find(" CP_NOTHROW;").expect("the end of a declaration");
        squeeze(rest[..end].trim_start_matches("CP_CHECK "))
    });
    declarations.map(|text| (name(&text), text)).collect()
}

fn name(declaration: &str) -> String {
    let before = &declaration[..declaration.find('(').expect("a function")];
    before.rsplit([' ', '*']).next().expect("a name").to_owned()
}

/// The functions of the table, by name, as the header would declare them.
fn of_the_table() -> BTreeMap<String, String> {
    let table = read("src/table.rs");
    let table = &table[table.find("\nfunctions! {").expect("the table")..];
    let table = &table[..table.find("\n}\n").expect("the end of the table")];
    let mut found = BTreeMap::new();
    for text in table.split("        fn ").skip(1) {
        let end = text.find([';', '{']).expect("the end of a signature");
        let text = squeeze(&text[..end]);
        let (head, result) = text.split_once(" -> ").unwrap_or((&text, "()"));
        let (name, arguments) = head.trim_end().trim_end_matches(')').split_once('(').expect("a function");
        let arguments: Vec<String> = arguments
            .split(", ")
            .filter(|argument| !argument.is_empty())
            .map(|argument| {
                let (name, ty) = argument.split_once(": ").expect("a name and a type");
                declare(ty, name)
            })
            .collect();
        let arguments = if arguments.is_empty() { "void".into() } else { arguments.join(", ") };
        found.insert(name.to_owned(), format!("{}({arguments})", declare(result.trim(), name)));
    }
    found
}

/// A type of Rust's with a name, as C declares it.
fn declare(ty: &str, name: &str) -> String {
    if let Some(to) = ty.strip_prefix("*mut ") {
        return declare(to, &format!("*{name}"));
    }
    if let Some(to) = ty.strip_prefix("*const ") {
        return match to.starts_with('*') {
            true => declare(to, &format!("const *{name}")),
            false => format!("const {}", declare(to, &format!("*{name}"))),
        };
    }
    let ty = match ty {
        "()" | "c_void" => "void",
        "PyObject" => "struct _object",
        "c_char" => "char",
        "c_int" => "int",
        "usize" => "size_t",
        "i64" => "int64_t",
        "u32" => "uint32_t",
        "f64" => "double",
        own if own.starts_with("cp_") => own,
        other => panic!("what is {other} in C?"),
    };
    format!("{ty} {name}")
}

#[test]
fn the_table_is_the_header() {
    let mut declared = declared();
    // The one is the core's own source, the other says the version of this library.
    for own in ["cp_status_name", "cp_version"] {
        assert!(declared.remove(own).is_some(), "{own} is not in the header");
    }
    let table = of_the_table();
    assert!(table.len() > 40, "{table:?}");
    assert_eq!(table, declared);
}

fn library() -> PathBuf {
    let library = std::env::current_exe().expect("a test has a path").with_file_name("libcloudpickle_embed.so");
    assert!(library.is_file(), "{} was not built", library.display());
    library
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn exports_the_header_and_nothing_else() {
    let said = said(Command::new("nm").args(["-D", "--defined-only", "--format=just-symbols"]).arg(library()));
    let mut found: Vec<&str> = said.lines().map(|line| line.split('@').next().unwrap_or(line)).collect();
    found.sort_unstable();
    let declared = declared();
    assert_eq!(found, declared.keys().collect::<Vec<_>>());
}

#[test]
fn asks_for_no_python() {
    let undefined = said(Command::new("nm").args(["-D", "--undefined-only"]).arg(library()));
    assert!(undefined.contains("dlopen"), "{undefined}");
    assert!(!undefined.contains("Py"), "{undefined}");
    let dynamic = said(Command::new("readelf").args(["-d", "-W"]).arg(library()));
    assert!(dynamic.contains("soname: [libcloudpickle-embed.so.0]") && dynamic.contains("NODELETE"), "{dynamic}");
    assert!(!dynamic.contains("python"), "{dynamic}");
}

/// The layouts that are known here, as the compiler of the header sees them.
#[test]
fn layouts_are_the_header_s() {
    macro_rules! layout {
        ($ty:ident: $($field:ident)*) => {{
            let fields = [$((stringify!($field), offset_of!($ty, $field))),*];
            let fields: String =
                fields.iter().map(|(field, at)| format!(" && offsetof({}, {field}) == {at}", stringify!($ty))).collect();
            format!("_Static_assert(sizeof({0}) == {1}{fields}, \"{0}\");\n", stringify!($ty), size_of::<$ty>())
        }};
    }
    let asserts = [
        layout!(cp_buffer: data len flags reserved release private_data),
        layout!(cp_init_options: struct_size flags reserved program libpython home),
        layout!(cp_load_options: struct_size flags reserved buffers n_buffers find_global find_global_ctx max_bytes),
    ];
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layouts.c");
    let check = |asserts: &str| {
        fs::write(&source, format!("#include <cloudpickle.h>\n{asserts}")).expect("the target folder can be written");
        let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include");
        let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler.args(["-std=c11", "-fsyntax-only", "-I"]).arg(include).arg(&source).output().expect("a compiler")
    };
    let output = check(&asserts.concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!check(&asserts.concat().replace("== 8", "== 9")).status.success());
}
