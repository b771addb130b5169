//! A file's own examples, tried.

use std::collections::BTreeSet;

use super::exchange::{classify, verdict};
use super::reply::classify_reply;
use super::{Protocol, Provider};
use crate::domain::outcome::Verdict;

/// One example and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// where it stands: `protocol[0].probe[1].example[2]`
    pub at: String,
    /// what it shows
    pub name: String,
    /// the status, or over SMTP the reply's code
    pub status: u16,
    /// the content type; none over SMTP
    pub content_type: Option<String>,
    /// what the file says of it
    pub expected: Verdict,
    /// what its rows make of it
    pub found: Verdict,
}

impl Tried {
    /// Whether the rows do what the example says.
    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// All examples of a file, and the rows that none of them shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// in the file's order
    pub tried: Vec<Tried>,
    /// where a row stands that no example meets: `protocol[0].probe[1].answer[2]`
    pub unshown: Vec<String>,
}

/// Has the rows of a file judge its examples.
pub fn try_out(provider: &Provider) -> Trial {
    let mut trial = Trial::default();
    for (index, protocol) in provider.protocols.iter().enumerate() {
        let at = format!("protocol[{index}]");
        exchanges(protocol, &at, &mut trial);
        replies(protocol, &at, &mut trial);
    }
    trial
}

fn exchanges(protocol: &Protocol, at: &str, trial: &mut Trial) {
    for (index, probe) in protocol.probes.iter().enumerate() {
        let at = format!("{at}.probe[{index}]");
        let mut shown = BTreeSet::new();
        for (index, example) in probe.examples.iter().enumerate() {
            let content_type = example.content_type.as_deref();
            let (found, row) = classify(&probe.answers, example.status, content_type, example.body.as_bytes());
            shown.extend(row);
            trial.tried.push(Tried {
                at: format!("{at}.example[{index}]"),
                name: example.name.clone(),
                status: example.status,
                content_type: example.content_type.clone(),
                expected: verdict(example.verdict, example.reason),
                found,
            });
        }
        trial.unshown(probe.answers.len(), &shown, |row| format!("{at}.answer[{row}]"));
    }
}

fn replies(protocol: &Protocol, at: &str, trial: &mut Trial) {
    let mut shown = BTreeSet::new();
    for (index, example) in protocol.reply_examples.iter().enumerate() {
        let (found, row) = classify_reply(&protocol.replies, example.code, &example.text);
        shown.extend(row);
        trial.tried.push(Tried {
            at: format!("{at}.example[{index}]"),
            name: example.name.clone(),
            status: example.code,
            content_type: None,
            expected: verdict(example.verdict, example.reason),
            found,
        });
    }
    trial.unshown(protocol.replies.len(), &shown, |row| format!("{at}.reply[{row}]"));
}

impl Trial {
    fn unshown(&mut self, rows: usize, shown: &BTreeSet<usize>, at: impl Fn(usize) -> String) {
        self.unshown.extend((0..rows).filter(|row| !shown.contains(row)).map(at));
    }
}
