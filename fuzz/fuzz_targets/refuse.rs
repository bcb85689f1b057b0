//! Loads with a policy that refuses every global: what is left is the stack machine and plain data.
#![no_main]

mod host;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| host::load(data, |_, _| false));
