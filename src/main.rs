//! The thin binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One thread: the pool of connections and the wake-ups cost more across threads than they gain (NUMBERS.md 1).
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(keysweep::cli::main());
            // Threads that wait for a disk or a resolver hold nothing that matters, and may wait for long.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("keysweep: no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
