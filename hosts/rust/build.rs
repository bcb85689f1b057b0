//! CLOUDPICKLE_LIB says where the library lies, if the linker does not find it by itself.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CLOUDPICKLE_LIB");
    if let Ok(folder) = std::env::var("CLOUDPICKLE_LIB") {
        println!("cargo:rustc-link-search=native={folder}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
