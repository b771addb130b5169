//! Notices that make one item: those of one account about the same credential under the same rule. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::render::MailSettings;
use super::voice::Voice;
use crate::domain::belief::Liveness;
use crate::domain::policy::RulePolicy;
use crate::domain::record::{Auth, UsedFor};
use crate::domain::time::Timestamp;
use crate::ports::notify::{ClaimedMail, MailNotice};

/// Notices of one item, and all that its sentences need to know beside them.
pub(super) struct Group<'a> {
    /// the first by order of the mail; the others differ in connection only
    pub(super) first: &'a MailNotice,
    pub(super) all: Vec<&'a MailNotice>,
    /// the provider's title
    pub(super) title: &'a str,
    /// what the reader calls the platform; clean
    pub(super) platform: &'a str,
    pub(super) max_age: Duration,
    pub(super) now: Timestamp,
    pub(super) voice: Voice<'a>,
}

/// What all groups of a mail share.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) settings: &'a MailSettings,
    /// what the reader calls the platform; clean
    pub(super) platform: &'a str,
    pub(super) voice: Voice<'a>,
    pub(super) now: Timestamp,
}

impl Group<'_> {
    /// True where it is about a permission (OAuth), which has no secret. What a connection is made with by now says nothing of
    /// a key that it had before; and of a permission nobody was ever asked.
    pub(super) fn is_grant(&self) -> bool {
        let first = self.first;
        let had_key = first.held || first.belief.liveness != Liveness::Unverified;
        first.auth == Auth::Oauth && !(first.ended_by.is_some() && had_key)
    }

    /// True where one of its connections uses the key for this.
    pub(super) fn serves(&self, what: UsedFor) -> bool {
        self.all.iter().any(|notice| notice.used_for.contains(&what))
    }
}

/// What is still current of a mail in groups, the worst first: what is to be done, or with `closing` what is settled.
pub(super) fn groups<'a>(mail: &'a ClaimedMail, scene: &Scene<'a>, closing: bool) -> Vec<Group<'a>> {
    let mut by_subject: BTreeMap<_, Vec<&MailNotice>> = BTreeMap::new();
    for notice in mail.notices.iter().filter(|notice| notice.current && notice.closing == closing) {
        by_subject.entry((&notice.account, notice.credential, notice.rule)).or_default().push(notice);
    }
    let mut groups: Vec<Group<'_>> = by_subject.into_values().filter_map(|all| group(all, scene)).collect();
    groups.sort_by_key(|group| {
        let first = group.first;
        (Reverse(first.severity), first.rule, first.since, first.finding)
    });
    groups
}

fn group<'a>(mut all: Vec<&'a MailNotice>, scene: &Scene<'a>) -> Option<Group<'a>> {
    // A group is as bad as its worst, and named by its oldest.
    all.sort_by_key(|notice| (Reverse(notice.severity), notice.since, notice.finding));
    let first = *all.first()?;
    let provider = scene.settings.providers.get(&first.provider);
    Some(Group {
        first,
        all,
        title: provider.map_or(first.provider.as_str(), |texts| texts.title.as_str()),
        platform: scene.platform,
        max_age: max_age(first, scene.settings),
        now: scene.now,
        voice: scene.voice,
    })
}

/// The limit that the finding rests on: an override's, as the evidence has it, else its provider's.
fn max_age(notice: &MailNotice, settings: &MailSettings) -> Duration {
    let its_own = notice.evidence.get("max_age_seconds").and_then(Value::as_u64).map(Duration::from_secs);
    let providers = || settings.max_age.get(&notice.provider).copied();
    its_own.or_else(providers).unwrap_or(RulePolicy::default().max_age)
}
