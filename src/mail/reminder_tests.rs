//! What a reminder says of itself, and what it lists.

use super::render_tests::{another, numbered, parts, sample};
use crate::domain::finding::Severity;
use crate::domain::time::hours;
use crate::ports::notify::{ClaimedMail, MailNotice};

#[test]
fn a_reminder_says_which_but_only_if_nothing_is_new() {
    let mut mail = sample("reminder");
    assert_eq!(parts(&mail).subject, "Reminder 2: Reset the Mailjet secret of \"Shop EU\" (97 days old)");
    mail.earlier = 1;
    assert!(parts(&mail).subject.starts_with("Reminder 1: "), "a step that was told to others only is none to them");
    mail.earlier = 0;
    assert!(parts(&mail).subject.starts_with("Reset "), "nor is one that was told to nobody");
    mail.earlier = 11;
    mail.notices[0].step = 14;
    assert!(parts(&mail).subject.starts_with("Reminder 11: "), "there were eleven, however many the head names");
    mail.notices[0].step = 2;
    let new = MailNotice { step: 0, ..another(&mail.notices[0]) };
    mail.notices.push(new);
    assert_eq!(parts(&mail).subject, "2 API keys need your attention: reset 2");
}

#[test]
fn a_reminder_lists_others_of_the_same_severity_first() {
    let listed = |step: u32, count: i64| {
        let first = sample("over-25").notices.remove(0);
        let notice = |id: i64| MailNotice {
            severity: if id <= 2 { Severity::Critical } else { Severity::High },
            step,
            since: first.since + hours(id.unsigned_abs()),
            name: Some(format!("Place-{id}")),
            ..numbered(&first, id)
        };
        let mail = ClaimedMail { notices: (1..=count).map(notice).collect(), ..sample("over-25") };
        let text = parts(&mail).text;
        (1..=count).filter(|id| text.contains(&format!("\"Place-{id}\""))).collect::<Vec<_>>()
    };
    let all = |ranges: [std::ops::RangeInclusive<i64>; 2]| ranges.into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(listed(0, 60), all([1..=2, 3..=25]));
    assert_eq!(listed(1, 60), all([1..=2, 26..=48]));
    assert_eq!(listed(2, 60), [(1..=13).collect::<Vec<_>>(), (49..=60).collect()].concat());
    assert_eq!(listed(3, 20), (1..=20).collect::<Vec<_>>(), "all are listed");
}
