//! Names the library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The number in the soname is CP_ABI_MAJOR. dlclose does nothing: Python may hold pointers into what this loads.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcloudpickle-embed.so.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
