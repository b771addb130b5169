//! Notes which compiler builds keysweep, for the metric `keysweep_build_info`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    // Cargo names the compiler it uses. What can't be asked is not worth a failed build.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output().ok().map(|output| output.stdout);
    let line = said.and_then(|said| String::from_utf8(said).ok()).unwrap_or_default();
    let version = line.split_whitespace().nth(1).unwrap_or("unknown");
    println!("cargo::rustc-env=KEYSWEEP_RUSTC={version}");
}
