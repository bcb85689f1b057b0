//! Writes include/cloudpickle.h anew.

use std::fs;

fn main() {
    fs::write(cloudpickle_header::committed(), cloudpickle_header::header()).expect("include/ can be written");
}
