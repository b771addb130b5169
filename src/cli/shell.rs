//! `completions` and `man`: what a package installs beside the program.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory as _};
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

/// The day of this version's manual, as the foot of each page has it: the same wherever and whenever it is built.
const DATE: &str = "2026-11-22";

/// Prints the manual's first page, or writes all of them, one a verb, into `folder`.
pub fn man(folder: Option<&Path>) -> Result<Done, CliError> {
    let mut command = Cli::command().disable_help_subcommand(true);
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            command.build();
            pages(command, folder)?;
        }
        None => io::stdout().write_all(page(Man::new(command))?.as_bytes())?,
    }
    Ok(Done::Ok)
}

/// A command's page, and those of all below it.
fn pages(command: Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below.clone(), folder)?;
    }
    let man = Man::new(command);
    let path = folder.join(man.get_filename());
    std::fs::write(path, page(man)?)
}

/// A page with a date, and without the line breaks that its maker sets beside blank lines, where they break nothing.
fn page(man: Man) -> io::Result<String> {
    let mut roff = Vec::new();
    man.date(DATE).source(concat!("keysweep ", env!("CARGO_PKG_VERSION"))).render(&mut roff)?;
    let roff = String::from_utf8(roff).map_err(io::Error::other)?;
    let lines: Vec<&str> = roff.lines().collect();
    let is_blank = |at: Option<usize>| at.and_then(|at| lines.get(at)).is_some_and(|line| line.is_empty());
    let breaks_nothing = |at: usize| lines[at] == ".br" && (is_blank(at.checked_sub(1)) || is_blank(at.checked_add(1)));
    let kept = (0..lines.len()).filter(|at| !breaks_nothing(*at));
    Ok(kept.map(|at| format!("{}\n", lines[at])).collect())
}
