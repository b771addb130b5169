use super::*;

#[test]
fn while_a_provider_turns_everybody_away_a_mail_says_so_and_nothing_about_the_key() {
    let belief = Belief {
        liveness: Liveness::Live,
        accepted_at: Some(NOW - days(2)),
        unknown_since: Some(NOW - hours(5)),
        unknown_reason: Some(Reason::Blind),
        ..Belief::default()
    };
    let text = shown(&mail(vec![MailNotice { belief, ..left_behind(1, "Old shop") }]));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("turns everybody away, which says nothing of this key"), "{text}");
    assert!(text.contains("last accepted the") && text.contains("may still work"), "{text}");
    assert!(!text.contains("refused this key"), "{text}");
}
