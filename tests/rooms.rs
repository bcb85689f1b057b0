//! Holds the arrows between the rooms: calls go down only.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("capi", &["module", "pickler", "unpickler", "reconstruct", "decide", "protocol", "state", "py"]),
    ("module", &["pickler", "unpickler", "reducers", "reconstruct", "decide", "analyzer", "protocol", "state", "py"]),
    ("pickler", &["reducers", "reconstruct", "decide", "analyzer", "protocol", "state", "py"]),
    ("unpickler", &["reconstruct", "protocol", "state", "py"]),
    // A reducer describes in the engine's words, which stand in pickler/plan.rs.
    ("reducers", &["pickler", "reconstruct", "decide", "analyzer", "protocol", "state", "py"]),
    ("reconstruct", &["decide", "protocol", "state", "py"]),
    ("decide", &["analyzer", "state", "py"]),
    ("analyzer", &["state", "py"]),
    ("state", &["protocol", "py"]),
    ("protocol", &[]),
    ("py", &[]),
];

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of the source") {
        let path = entry.expect("a file of the source").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn calls_go_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in files.iter().filter(|f| !f.ends_with("src/lib.rs")) {
        let inside = file.strip_prefix(&src).expect("below src");
        let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
        let room = first.trim_end_matches(".rs");
        let (_, allowed) =
            MAY_USE.iter().find(|(r, _)| *r == room).unwrap_or_else(|| panic!("{room} is not in the list"));
        for (number, line) in fs::read_to_string(file).expect("UTF-8").lines().enumerate() {
            let mut rest = line;
            while let Some(at) = rest.find("crate::") {
                rest = &rest[at + "crate::".len()..];
                let used: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                seen += 1;
                if used != room && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{}:{}: {room} uses {used}", inside.display(), number + 1));
                }
            }
        }
    }
    assert!(seen > 5, "no `crate::` path was found: the test reads the wrong folder");
    assert!(wrong.is_empty(), "arrows that go up:\n{}", wrong.join("\n"));
}
