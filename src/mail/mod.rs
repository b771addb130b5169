//! Mails: what they say (pure) and how they leave.
//!
//! [`render`] turns a claimed mail into a message: `digest` groups and orders, `words` finds the sentences,
//! two templates lay them out. [`transport`] hands the message to a mail server, over the stream of `stream`.

mod clean;
mod digest;
mod others;
mod reasons;
pub mod render;
mod reply;
pub mod settings;
mod stream;
mod tls;
pub mod transport;
mod trial;
mod words;

#[cfg(test)]
mod render_tests;
#[cfg(test)]
mod transport_tests;

pub use render::{MailSettings, ProviderTexts, Sender, Templates};
pub use settings::{Security, SmtpSettings};
pub use transport::{SmtpMailer, SmtpSession, SmtpStep};
pub use trial::{plain_mail, test_mail};
