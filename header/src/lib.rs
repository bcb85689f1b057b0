//! Makes include/cloudpickle.h, and docs/reference.md of it. The header is a frame, in which each section of the C API is
//! filled in from its file in src/capi.
//!
//! cbindgen writes all types of a crate first and all functions last. The header is read in sections, so cbindgen is run
//! once for each, on one file; what is left to do here is form: comments, line breaks, headings.

use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Builder, Config, ItemType};

mod reference;

pub use reference::reference;

/// Lines of the header are no longer than this.
const WIDTH: usize = 120;

/// The header as it is committed.
pub fn committed() -> PathBuf {
    root().join("include/cloudpickle.h")
}

/// The reference as it is committed.
pub fn committed_reference() -> PathBuf {
    root().join("docs/reference.md")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the library's folder")
}

/// The text of the header.
///
/// In the frame a line `@section FILE@` opens the section of src/capi/FILE; what follows up to `@end@` stands between
/// its types and its functions. `@version@` is the version of the library.
pub fn header() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::from_file(here.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let frame = fs::read_to_string(here.join("cloudpickle.h.in")).expect("the frame of the header is readable");
    let mut header = String::new();
    let mut section = None;
    for line in frame.lines() {
        if let Some(file) = line.strip_prefix("@section ").and_then(|rest| rest.strip_suffix('@')) {
            let file = root().join("src/capi").join(file);
            header.push_str(&heading(&fs::read_to_string(&file).expect("a file of src/capi")));
            for (item, others) in types(&fs::read_to_string(&file).expect("a file of src/capi")) {
                push_block(&mut header, &declaration(&config, &file, item, others));
            }
            section = Some(file);
        } else if line == "@end@" {
            let file = section.take().expect("@end@ follows @section@");
            push_block(&mut header, &functions(&config, &file));
        } else {
            header.push_str(&line.replace("@version@", env!("CARGO_PKG_VERSION")));
            header.push('\n');
        }
    }
    assert!(section.is_none(), "the last section has its @end@");
    header
}

/// The heading and the introduction of a section, from the comment at the top of its file.
fn heading(source: &str) -> String {
    let mut lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let title = lines.next().expect("a file of src/capi begins with its title");
    let intro: Vec<&str> = lines.skip_while(|line| line.is_empty()).collect();
    let rule = "-".repeat(WIDTH - "/* ".len() - " ".len() - title.len() - " */".len());
    let mut heading = format!("/* {rule} {title} */\n\n");
    if !intro.is_empty() {
        heading.push_str(&comment("", &intro));
        heading.push('\n');
    }
    heading
}

fn push_block(header: &mut String, block: &str) {
    if !block.is_empty() {
        header.push_str(block);
        header.push('\n');
    }
}

/// The names of the types and constants of a file, in its order, each with the names of all others.
fn types(source: &str) -> Vec<(String, Vec<String>)> {
    let kinds = ["pub const ", "pub enum ", "pub struct ", "pub type "];
    let name = |line: &str| {
        let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
        Some(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned())
    };
    let names: Vec<String> =
        source.lines().filter_map(name).filter(|name| name.to_lowercase().starts_with("cp_")).collect();
    let others = |at: usize| names.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, name)| name.clone()).collect();
    (0..names.len()).map(|at| (names[at].clone(), others(at))).collect()
}

/// The declaration of one type or constant.
fn declaration(config: &Config, file: &Path, item: String, others: Vec<String>) -> String {
    let mut config = config.clone();
    config.export.item_types =
        vec![ItemType::Constants, ItemType::Enums, ItemType::Structs, ItemType::OpaqueItems, ItemType::Typedefs];
    config.export.include = vec![item];
    config.export.exclude = others;
    rewrite(&generate(config, file), |line| {
        if line.starts_with("typedef enum ") {
            // The values are used as numbers of a fixed size, so the enum itself has no name.
            return "enum {".into();
        }
        if line.starts_with("} cp_") && (line.ends_with("_flag;") || line.ends_with("_value;")) {
            return "};".into();
        }
        match line.rsplit_once(' ') {
            Some((define, number)) if define.starts_with("#define") && number.starts_with('-') => {
                format!("{define} ({number})")
            }
            _ => line.into(),
        }
    })
}

/// The declarations of the functions of one file.
fn functions(config: &Config, file: &Path) -> String {
    let mut config = config.clone();
    config.export.item_types = vec![ItemType::Functions];
    rewrite(&generate(config, file), |line| wrap(&line.replace("struct cp_", "cp_")))
}

fn generate(config: Config, file: &Path) -> String {
    let mut raw = Vec::new();
    Builder::new().with_config(config).with_src(file).generate().expect("cbindgen reads src/capi").write(&mut raw);
    String::from_utf8(raw).expect("cbindgen writes UTF-8")
}

/// Gives comments their form, and each line that is none.
fn rewrite(raw: &str, form: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut notes: Vec<&str> = Vec::new();
    for line in raw.trim().lines() {
        let bare = line.trim_start();
        if let Some(note) = bare.strip_prefix("//") {
            notes.push(note.trim());
            continue;
        }
        if !notes.is_empty() {
            text.push_str(&comment(&line[..line.len() - bare.len()], &notes));
            notes.clear();
        }
        text.push_str(&form(line));
        text.push('\n');
    }
    text
}

/// A C comment.
fn comment(indent: &str, lines: &[&str]) -> String {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let open = if number == 0 { "/*" } else { " *" };
        let space = if line.is_empty() { "" } else { " " };
        let line = format!("{indent}{open}{space}{line}");
        let close = match number + 1 == lines.len() {
            true if line.len() + " */".len() > WIDTH => format!("\n{indent} */"),
            true => " */".into(),
            false => String::new(),
        };
        text.push_str(&format!("{line}{close}\n"));
    }
    assert!(text.lines().all(|line| line.len() <= WIDTH), "a comment of the header is wider than {WIDTH}:\n{text}");
    text
}

/// A function on as few lines as it needs, broken between arguments.
fn wrap(declaration: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for (number, argument) in declaration.split_inclusive(", ").enumerate() {
        if number > 0 && width + argument.trim_end().len() > WIDTH {
            text.truncate(text.trim_end().len());
            text.push_str("\n        ");
            width = 8;
        }
        text.push_str(argument);
        width += argument.len();
    }
    text
}
