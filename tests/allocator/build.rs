//! All that the library asks of the system's allocator comes to the functions of this crate.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for function in ["malloc", "calloc", "realloc", "posix_memalign", "free"] {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap={function}");
    }
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
