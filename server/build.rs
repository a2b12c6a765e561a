//! Builds the binary anew when the site that a release carries has changed.

fn main() {
    println!("cargo::rerun-if-changed=../target/site");
    println!("cargo::rerun-if-changed=../migrations");
}
