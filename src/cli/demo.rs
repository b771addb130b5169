//! `demo`: the story, then what is left of it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{DemoArgs, Format};
use super::{CliError, Done};
use crate::app::SystemClock;
use crate::demo::DemoError;
use crate::demo::page::Page;
use crate::demo::story::Stage;
use crate::ports::Clock as _;

/// How often the inbox is looked into after the story.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl From<DemoError> for CliError {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::App(error) => Self::App(error),
            DemoError::Ledger(error) => error.into(),
            DemoError::Config(problems) => Self::Config(problems),
            DemoError::Output(error) => Self::Output(error),
            error => Self::Other(error.to_string()),
        }
    }
}

/// Lives through the demo's days, prints them, and with `--once` ends there. Nothing in the environment is read: no
/// setting that is meant for another keysweep gets in.
pub async fn run(args: DemoArgs) -> Result<Done, CliError> {
    let folder = match args.keep {
        Some(folder) => folder,
        None => tempfile::Builder::new().prefix("keysweep-demo-").tempdir()?.keep(),
    };
    let mut stage = Stage::set(&folder, SystemClock.now()).await?;
    stage.play(anstream::stdout()).await?;
    let mut page = Page::new(anstream::stdout());
    page.heading("What is open at the end")?;
    super::scan::findings(stage.ledger(), Format::Table, anstream::stdout()).await?;
    let (letter, html) = stage.letter()?;
    page.heading("One mail in full: the one about the key that was left behind")?;
    page.text(&letter.headers)?;
    page.text("\n")?;
    page.text(letter.text.trim_end())?;
    leftovers(&mut page, &stage, &html, args.once)?;
    if !args.once {
        let deed = stage.leave_something()?;
        page.text(&format!("\nMeanwhile {deed}. The next scan sees it."))?;
    }
    let mut after = stage.after().await;
    if args.once {
        return Ok(Done::Ok);
    }
    let ended = crate::lifecycle::interrupted();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            () = &mut ended => return Ok(Done::Ok),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        for mail in after.new_mails()? {
            page.text(&format!("a mail arrives {mail}"))?;
        }
    }
}

/// Where everything lies, and what to try with it.
fn leftovers(page: &mut Page<impl Write>, stage: &Stage, html: &Path, once: bool) -> io::Result<()> {
    let home = &stage.home;
    page.heading("Where the rest lies")?;
    let mails = format!("{} mails as they arrived", stage.inbox.mails().len());
    let rows = [
        (home.config(), "the configuration, such as an operator's"),
        (home.folder().join("connections.csv"), "the platform's inventory; people.csv is beside it"),
        (home.folder().join("ledger.db"), "keysweep's own database"),
        (home.mails(), mails.as_str()),
        (html.to_owned(), "the mail above as its reader sees it"),
    ];
    for (path, what) in rows {
        page.text(&format!("{}\n    {what}", path.display()))?;
    }
    page.heading("To try")?;
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("keysweep"));
    let line = format!("{} --config {}", shell(&program), shell(&home.config()));
    let verbs: &[&str] = if once {
        &["findings list --all", "explain c-01", "explain c-02", "credentials list", "mails list", "scans list"]
    } else {
        &["scan", "scan --notify", "findings list --all", "explain c-01", "explain c-02", "mails list"]
    };
    for verb in verbs {
        page.text(&format!("{line} {verb}"))?;
    }
    let end = format!("rm -r {}", shell(home.folder()));
    if once {
        page.text(&format!("\nThe simulated providers end here; without --once they run on. To clean up: {end}"))
    } else {
        page.text(&format!(
            "\nThe simulated providers and the inbox run on until Ctrl-C. To clean up after that: {end}"
        ))
    }
}

/// A path as a shell takes it for one word.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_to_a_shell() {
        assert_eq!(shell(Path::new("/tmp/a-b/c.toml")), "/tmp/a-b/c.toml");
        assert_eq!(shell(Path::new("/tmp/it's mine")), r"'/tmp/it'\''s mine'");
    }
}
