//! The compile error in the README is the one that the compiler prints.

use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn the_readme_shows_the_compile_error_as_it_prints() {
    let printed = read("ui/policy/missing_dead_letter.stderr");
    assert!(read("../README.md").contains(printed.trim_end()), "the README should show:\n{printed}");
}
