//! Links the libpython of PYO3_PYTHON, which the fuzz targets start.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PYO3_PYTHON");
    let python = std::env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = "import sys, sysconfig; print(sysconfig.get_config_var('LIBDIR'), '%d.%d' % sys.version_info[:2])";
    let output = Command::new(python).args(["-c", script]).output().expect("PYO3_PYTHON runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let (dir, version) = said.trim().split_once(' ').expect("a folder and a version");
    println!("cargo:rustc-link-arg=-L{dir}");
    println!("cargo:rustc-link-arg=-lpython{version}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{dir}");
}
