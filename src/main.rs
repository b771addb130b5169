//! The thin binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One thread: the pool of connections and the wake-ups cost more across threads than they gain (NUMBERS.md 1).
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(keysweep::cli::main());
            runtime.shutdown_background(); // a look-up of a name that hangs must not hold up the end
            code
        }
        Err(error) => {
            eprintln!("keysweep: no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
