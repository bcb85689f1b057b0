//! Writes include/cloudpickle.h and docs/reference.md anew.

use std::fs;

fn main() {
    let header = cloudpickle_header::header();
    fs::write(cloudpickle_header::committed(), &header).expect("include/ can be written");
    let reference = cloudpickle_header::reference(&header);
    fs::write(cloudpickle_header::committed_reference(), reference).expect("docs/ can be written");
}
