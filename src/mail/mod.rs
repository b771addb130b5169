//! Mails: what they say (pure) and how they leave.
//!
//! [`render`] turns a claimed mail into a message: `group` and `digest` join and order, `item`, `words`, `former` and
//! `others` choose the sentences, which `texts` has for every language and `voice` speaks by the reader's clocks; two
//! templates lay them out, `wrap` breaks the lines of the text part, `message` adds the headers. `clean` takes the harm out
//! of other people's names. `own` reads the operator's templates and tries them on `samples`. [`transport`] hands the
//! message to a mail server, over the stream of `stream`. What comes back is taken from a [`mailbox`], and [`report`] reads it.

mod clean;
mod digest;
mod former;
mod group;
mod item;
pub mod mailbox;
mod message;
mod others;
mod own;
pub mod render;
mod reply;
pub mod report;
pub mod samples;
pub mod settings;
mod stream;
mod texts;
mod tls;
pub mod transport;
mod trial;
mod voice;
mod words;
mod wrap;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod remedy_tests;
#[cfg(test)]
mod reminder_tests;
#[cfg(test)]
mod render_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod transport_tests;

pub use own::OwnTemplates;
pub use render::{MailSettings, ProviderTexts, Reversal, Sender, Templates};
pub use settings::{Security, SmtpSettings};
pub use texts::TextProblem;
pub use transport::{SmtpMailer, SmtpSession, SmtpStep};
pub use trial::{plain_mail, test_mail};
