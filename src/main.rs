//! The thin binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One thread: the pool of connections and the wake-ups cost more across threads than they gain (NUMBERS.md 1).
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(keysweep::cli::main()),
        Err(error) => {
            eprintln!("keysweep: no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
