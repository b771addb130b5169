//! `completions` and `man`: what a package installs beside the program.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Cli;
use super::{CliError, Done};

/// Prints the completions for one shell.
pub fn completions(shell: Shell) -> Result<Done, CliError> {
    // Into memory first: a reader that has gone away makes the generator panic.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keysweep", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Done::Ok)
}

/// Prints the manual's first page, or writes all of them, one a verb, into `folder`.
pub fn man(folder: Option<&Path>) -> Result<Done, CliError> {
    let command = Cli::command().disable_help_subcommand(true);
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(command, folder)?;
        }
        None => Man::new(command).render(&mut io::stdout())?,
    }
    Ok(Done::Ok)
}
