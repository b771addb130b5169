//! `encrypted:TEXT`: a command of the operator's decrypts it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{LONGEST, secret};
use crate::domain::secret::Secret;
use crate::ports::refs::RefError;

/// The operator's command. It gets one encrypted text on its standard input and answers with the secret on its standard
/// output; what it writes to standard error is dropped, for it could quote either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decryptor {
    /// the program, by its absolute path
    pub program: PathBuf,
    /// its arguments
    pub arguments: Vec<String>,
    /// its environment
    pub environment: Vec<(String, String)>,
    /// after so long it is ended
    pub limit: Duration,
}

impl Decryptor {
    /// The environment that a command gets: ours, without what is keysweep's own.
    pub fn environment_of(env: &[(String, String)]) -> Vec<(String, String)> {
        let is_ours = |name: &str| name.starts_with("KEYSWEEP") || name == "CREDENTIALS_DIRECTORY";
        env.iter().filter(|(name, _)| !is_ours(name)).cloned().collect()
    }

    /// The secret behind an encrypted text.
    pub(super) async fn decrypt(&self, text: &str) -> Result<Secret, RefError> {
        let unstarted = |error| RefError::Unreachable(format!("the command can't be started: {error}"));
        let mut child = self.start().map_err(unstarted)?;
        let answer = match timeout(self.limit, converse(&mut child, text)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(RefError::Missing(format!("the command can't be talked to: {error}"))),
            Err(_) => {
                let ended = child.kill().await;
                let what = if ended.is_ok() { "and was ended" } else { "and can't be ended" };
                return Err(RefError::Slow(format!("the command took longer than {:?} {what}", self.limit)));
            }
        };
        if !answer.status.success() {
            return Err(RefError::Missing(format!("the command ended with {}", answer.status)));
        }
        secret(&answer.out)
    }

    /// Whether the program is there and may be run.
    pub(super) fn check(&self) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt as _;
        let shown = self.program.display();
        let found = std::fs::metadata(&self.program).map_err(|error| format!("{shown} can't be found: {error}"))?;
        match found.is_file() && found.permissions().mode() & 0o111 != 0 {
            true => Ok(()),
            false => Err(format!("{shown} is no program that may be run")),
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
            .current_dir(Path::new("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

struct Answer {
    out: Zeroizing<Vec<u8>>,
    status: std::process::ExitStatus,
}

/// Hands the text over while the answer is read: neither waits for the other.
async fn converse(child: &mut Child, text: &str) -> std::io::Result<Answer> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut out = Zeroizing::new(Vec::with_capacity(1024));
    let say = async {
        let Some(mut stdin) = stdin else { return };
        // A command that doesn't read to the end may be right to: its answer tells.
        if stdin.write_all(text.as_bytes()).await.is_ok() {
            _ = stdin.shutdown().await;
        }
    };
    let hear = async {
        let Some(stdout) = stdout else { return Ok(0) };
        stdout.take(LONGEST as u64 + 1).read_to_end(&mut out).await
    };
    let ((), heard) = tokio::join!(say, hear);
    heard?;
    let status = child.wait().await?;
    Ok(Answer { out, status })
}
