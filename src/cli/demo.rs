//! `demo`: the story, then what is left of it.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{DemoArgs, Format};
use super::{CliError, Done};
use crate::app::SystemClock;
use crate::app::daemon::Exit;
use crate::demo::DemoError;
use crate::demo::history::History;
use crate::demo::mailbox::Mailbox;
use crate::demo::page::Page;
use crate::demo::story::{After, Stage};
use crate::lifecycle::{Signals, Systemd};
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

/// Lives through the demo's days and prints them; with `--once` it ends there, else the daemon goes on with them, seen by
/// page, metrics and inbox. Nothing in the environment is read: no setting that is meant for another keysweep gets in.
pub async fn run(args: DemoArgs) -> Result<Done, CliError> {
    let orders = Signals::take()?;
    let once = args.once;
    let stage = tokio::select! {
        told = tell(args) => told?,
        () = crate::lifecycle::interrupted() => return Ok(Done::Interrupted),
    };
    if once {
        return Ok(Done::Ok);
    }
    let (mut after, keysweep) = stage.after().await?;
    let mailbox = Mailbox::open(after.inbox.clone()).await.map_err(DemoError::NoPort)?;
    let mut page = Page::new(anstream::stdout());
    addresses(&mut page, &after, mailbox.address())?;
    tokio::select! {
        exit = keysweep.run(orders, Systemd::from_env()) => {
            Ok(if exit? == Exit::Stopped { Done::Ok } else { Done::Interrupted })
        }
        failed = arrivals(&mut page, &mut after) => Err(failed),
    }
}

/// The story, and what is left of it.
async fn tell(args: DemoArgs) -> Result<Stage, CliError> {
    let folder = match args.keep {
        Some(folder) => folder,
        None => tempfile::Builder::new().prefix("keysweep-demo-").tempdir()?.keep(),
    };
    let mut stage = Stage::set(&folder, SystemClock.now()).await?;
    if let Some(file) = &args.history {
        let created = File::create(file).map_err(|source| DemoError::File { path: file.clone(), source })?;
        stage = stage.noted_in(History::into(io::BufWriter::new(created)));
    }
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
    Ok(stage)
}

/// Prints mails as they arrive, until something fails.
async fn arrivals(page: &mut Page<impl Write>, after: &mut After) -> CliError {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let printed = after
            .new_mails()
            .map_err(CliError::from)
            .and_then(|mails| mails.iter().try_for_each(|mail| Ok(page.text(&format!("a mail arrives {mail}"))?)));
        if let Err(error) = printed {
            return error;
        }
    }
}

/// Where it can be seen, and how Prometheus gets at it.
fn addresses(page: &mut Page<impl Write>, after: &After, mailbox: SocketAddr) -> Result<(), CliError> {
    let home = &after.home;
    let token = home.read_token()?;
    page.heading("To look at, until Ctrl-C")?;
    page.text(&format!("page      http://{}/\n          user: any, password: {token}", after.ops))?;
    page.text(&format!("metrics   http://{}/metrics, with the same token as a bearer", after.ops))?;
    page.text(&format!("inbox     http://{mailbox}/"))?;
    page.text("\nkeysweep runs on, and scans and mails every minute. To scan now:")?;
    page.text(&format!(
        "curl -X POST -H \"Authorization: Bearer $(cat {})\" \\\n    http://{}/api/v1/scan",
        shell(&home.token()),
        after.ops
    ))?;
    page.text("\nTo let Prometheus scrape it:")?;
    page.text(&format!(
        "prometheus --config.file={} \\\n    --storage.tsdb.path={} \\\n    --web.listen-address=127.0.0.1:9090",
        shell(&home.prometheus()),
        shell(&home.folder().join("prometheus"))
    ))?;
    Ok(())
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
    page.command(&format!("export KEYSWEEP_CONFIG={}", shell(&home.config())))?;
    let verbs = ["findings list --all", "explain c-01", "explain c-02", "credentials list", "mails list", "scans list"];
    for verb in verbs {
        page.command(&format!("{} {verb}", shell(&program)))?;
    }
    let end = format!("rm -r {}", shell(home.folder()));
    if once {
        page.text(&format!("\nThe simulated providers end here; without --once they run on. To clean up: {end}"))
    } else {
        page.text(&format!("\nThe simulated providers and keysweep run on until Ctrl-C. To clean up after that: {end}"))
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
