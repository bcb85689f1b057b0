//! Makes docs/reference.md of the header: its first page, and each section with its items, in its order and its words.

/// What stands at the top.
const TITLE: &str = "# Reference of the C API

Every function, type and value of `include/cloudpickle.h` in the header's own words, from which `make docs` writes this
page. Declarations are shown without the macros that are for compilers only.
";

/// The text of the page. Panics where the header declares something and says nothing about it.
pub fn reference(header: &str) -> String {
    let (first, rest) = header.split_once("*/").expect("the header begins with a comment");
    let start = rest.find("/* ----").expect("the header has sections");
    let end = rest.find("#if defined(__cplusplus)\n} /* extern").expect("the header ends its extern block");
    let version = rest.split("\n\n").find(|block| block.contains("#define CP_VERSION")).expect("CP_VERSION");
    let mut page = TITLE.to_owned() + &first_page(first);
    for (number, block) in rest[start..end].trim().split("\n\n").enumerate() {
        page.push_str(&item(block));
        // After the heading and the introduction.
        if number == 1 {
            page.push_str(&item(version));
        }
    }
    page
}

/// The header's first comment: headings in capitals, under them labels with texts.
fn first_page(comment: &str) -> String {
    let mut page = String::new();
    for line in comment.lines().skip(1) {
        let line = line.strip_prefix(" *").unwrap_or(line);
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        let capitals = text.split([' ', ',']).next().unwrap_or_default();
        if text.is_empty() {
            page.push_str(if page.ends_with("\n\n") { "" } else { "\n" });
        } else if indent == 1 && capitals.len() > 2 && capitals.chars().all(|c| c.is_ascii_uppercase()) {
            let more = text[capitals.len()..].trim_start_matches([' ', ',']);
            let more = if more.is_empty() { String::new() } else { capital(more) + "\n" };
            let heading = if capitals == "ABI" { capitals.to_owned() } else { capital(&capitals.to_lowercase()) };
            page.push_str(&format!(
                "{}## {heading}\n\n{}",
                if page.ends_with("\n\n") { "" } else { "\n" },
                escaped(&more)
            ));
        } else if let (3, Some((label, said))) = (indent, text.split_once("  ")) {
            page.push_str(&format!("- **{}**: {}\n", escaped(label), escaped(said.trim_start())));
        } else {
            let inside = if indent > 3 { "  " } else { "" };
            page.push_str(&format!("{inside}{}\n", escaped(text)));
        }
    }
    page
}

fn capital(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}

/// A run of lines without an empty one between them: the heading of a section, its introduction, or a comment and what
/// it is about.
fn item(block: &str) -> String {
    if let Some(title) = block.strip_prefix("/* ---") {
        return format!("\n## {}\n", capital(title.trim_start_matches('-').trim_end_matches(" */").trim()));
    }
    let (comment, code) = match block.strip_prefix("/*").and_then(|rest| rest.split_once("*/")) {
        Some((comment, code)) => (words(comment), code.trim_start()),
        None => (Vec::new(), block),
    };
    let code = code.replace("CP_API ", "").replace("CP_CHECK ", "").replace(" CP_NOTHROW", "");
    if code.is_empty() {
        return format!("\n{}", paragraphs(&comment));
    }
    let declared = name(&code);
    // An initialiser belongs to the struct above it, which names it.
    let initialiser = declared.ends_with("_INIT");
    assert!(!comment.is_empty() || initialiser, "the header says nothing about {declared}");
    let heading = if initialiser { String::new() } else { format!("\n### {declared}\n") };
    format!(
        "{heading}\n```c\n{}\n```\n{}",
        code.trim_end(),
        if initialiser { String::new() } else { format!("\n{}", paragraphs(&comment)) }
    )
}

/// The lines of a comment.
fn words(comment: &str) -> Vec<String> {
    comment.lines().map(|line| line.trim().trim_start_matches('*').trim().to_owned()).collect()
}

/// Text, in which parameters, further statuses and the tail about GIL and version each begin a line of their own.
fn paragraphs(lines: &[String]) -> String {
    let mut text = lines.join("\n").replace(" [GIL", "\n[GIL");
    for parameter in text.clone().split_whitespace().filter(|word| word.len() > 2 && word.ends_with(':')) {
        let name = parameter.trim_start_matches('*').trim_end_matches(':');
        if name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            text = text.replace(&format!(". {parameter} "), &format!(".\n{parameter} "));
        }
    }
    let begins = |line: &str| {
        let first = line.split(' ').next().unwrap_or_default();
        let parameter = first
            .strip_suffix(':')
            .is_some_and(|name| name.trim_start_matches('*').chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        parameter || first == "Also" || first == "Statuses" || first.starts_with("CP_ERR_") && first.ends_with(':')
    };
    let mut page = String::new();
    for line in text.lines() {
        if let Some(tail) = line.strip_prefix('[') {
            let tail = tail.replacen(']', "", 1).replace(". Since", ", since").replace(" Since", ", since");
            page.push_str(&format!("\n*{}*\n", escaped(&tail)));
        } else if begins(line) {
            page.push_str(&format!("- {}\n", escaped(line)));
        } else {
            page.push_str(&format!("{}\n", escaped(line)));
        }
    }
    page
}

/// What a declaration declares.
fn name(code: &str) -> String {
    let first = code.lines().find(|line| !line.starts_with("#if") && !line.starts_with("#include")).unwrap_or_default();
    if let Some(define) = first.strip_prefix("#define ") {
        return define.split([' ', '(']).next().unwrap_or_default().to_owned();
    }
    if first.starts_with("enum") {
        let values: Vec<&str> = code.lines().filter_map(|line| Some(line.trim().split_once(" = ")?.0)).collect();
        let mut shared = values[0];
        while !values.iter().all(|value| value.starts_with(shared)) {
            shared = &shared[..shared[..shared.len() - 1].rfind('_').expect("values begin with CP_") + 1];
        }
        return match values.len() {
            1 | 2 => values.join(", "),
            _ if shared == "CP_" => format!("{} …", values[0]),
            _ => format!("{shared}…"),
        };
    }
    let callback = first.split_once("(*").map(|(_, rest)| rest.split(')').next().unwrap_or_default());
    let before = first.split(['(', ';', '{']).next().unwrap_or_default().trim();
    callback.unwrap_or_else(|| before.rsplit([' ', '*']).next().unwrap_or_default()).to_owned()
}

/// Text that is to be read as it stands; what is in backticks is code already.
fn escaped(text: &str) -> String {
    let plain = |part: &str| part.replace('<', "&lt;").replace('*', "\\*").replace("__", "\\_\\_");
    let parts = text.split('`').enumerate();
    parts.map(|(i, part)| if i % 2 == 0 { plain(part) } else { part.to_owned() }).collect::<Vec<_>>().join("`")
}
