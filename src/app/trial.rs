//! A test mail through the real mail server: what `keysweep mail test` does.

use super::AppError;
use super::build::{mailer, random};
use crate::config::{Env, Settings};
use crate::domain::record::Address;
use crate::domain::time::Timestamp;
use crate::mail::{Security, SmtpStep, test_mail};
use crate::ports::notify::{MailSession as _, SendError};

/// What became of a test mail, as the dialogue went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// the server as `host:port`
    pub server: String,
    /// how the session was to be secured
    pub security: Security,
    /// true where it logs in
    pub logs_in: bool,
    /// the server's last word, or the step at which it went wrong and what that means
    pub outcome: Result<String, (&'static str, SendError)>,
}

/// Sends one test mail. The ledger is not asked: nothing is counted, and a suppressed address is tried all the same.
///
/// # Errors
/// [`AppError::NoMail`], and all that the settings of the mail server can get wrong.
pub async fn test(settings: &Settings, env: &Env, to: &Address, now: Timestamp) -> Result<Trial, AppError> {
    let sending = settings.mail.sending.as_ref().ok_or(AppError::NoMail)?;
    let (mailer, from) = mailer(sending, settings.mail.timeout, env)?;
    let message = test_mail(&from, to, random()?, now).map_err(AppError::Render)?;
    let mut at = SmtpStep::Connect;
    let outcome = async {
        let mut session = mailer.session(&mut at).await.map_err(|error| (None, error))?;
        session.offer(None, to).await.map_err(|error| (Some("MAIL and RCPT"), error))?;
        let reply = session.transmit(&message).await.map_err(|error| (Some("DATA"), error))?;
        session.close().await;
        Ok(reply)
    };
    let outcome: Result<String, (Option<&'static str>, SendError)> = outcome.await;
    let outcome = outcome.map_err(|(step, error)| (step.unwrap_or_else(|| at.as_str()), error));
    Ok(Trial { server: mailer.server(), security: mailer.security(), logs_in: mailer.logs_in(), outcome })
}
