//! The compile-fail suite: what the macros say to a wrong program, in the compiler's own words.
//!
//! `cargo xtask bless` writes the expected texts anew. What holds of the texts is in `gallery.rs`.

use etl_tests::gallery;

#[test]
fn each_mistake_gets_its_message() {
    let tests = trybuild::TestCases::new();
    for class in gallery::classes().unwrap() {
        tests.compile_fail(format!("ui/{class}/*.rs"));
    }
}
