//! Passes on which CPython this is built for, names the library, and gives the integration tests their libpython.

use std::collections::HashMap;
use std::env;

/// The interpreter that pyo3-ffi was configured for, as `key=value` lines.
fn interpreter_config() -> HashMap<String, String> {
    let hex = env::var("DEP_PYTHON_PYO3_CONFIG").expect("pyo3-ffi's build script hands its configuration on");
    let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).expect("pyo3-ffi writes its configuration in hexadecimal");
    let text = String::from_utf8((0..hex.len()).step_by(2).map(byte).collect()).expect("UTF-8");
    text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PYO3_PYTHON");

    let config = interpreter_config();
    let version = &config["version"];
    let minor: u32 = version.strip_prefix("3.").and_then(|m| m.parse().ok()).expect("a version such as 3.12");
    assert!((9..=15).contains(&minor), "CPython 3.9 to 3.15 is supported, not {version}");
    for n in 9..=minor {
        println!("cargo:rustc-cfg=Py_3_{n}");
    }
    let flags = config.get("build_flags").map(String::as_str).unwrap_or_default();
    let free_threaded = flags.contains("Py_GIL_DISABLED");
    if free_threaded {
        println!("cargo:rustc-cfg=Py_GIL_DISABLED");
    }
    if flags.split(',').any(|flag| flag == "Py_REF_DEBUG") {
        println!("cargo:rustc-cfg=Py_REF_DEBUG");
    }
    println!("cargo:rustc-env=CP_PYTHON_MINOR={minor}");

    // For the tests, which compile C programs against this Python and start it.
    println!("cargo:rustc-env=CP_TEST_PYTHON={}", config.get("executable").map(String::as_str).unwrap_or_default());

    // The number in the soname is CP_ABI_MAJOR. dlclose does nothing: Python may hold pointers into the library.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcloudpickle.so.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Loads also where functions are missing: see .cargo/config.toml.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,lazy");

    if let Some(dir) = config.get("lib_dir").filter(|_| config.get("shared").is_some_and(|s| s == "true")) {
        let suffix = if free_threaded { "t" } else { "" };
        println!("cargo:rustc-link-arg-tests=-L{dir}");
        println!("cargo:rustc-link-arg-tests=-lpython3.{minor}{suffix}");
        println!("cargo:rustc-link-arg-tests=-Wl,-rpath,{dir}");
    }
}
