//! include/cloudpickle.h is what the source says.

use std::fs;

#[test]
fn is_what_the_source_says() {
    let committed = fs::read_to_string(cloudpickle_header::committed()).expect("the header is there");
    assert!(
        committed == cloudpickle_header::header(),
        "include/cloudpickle.h differs from the source: write it anew by `make header`"
    );
}
