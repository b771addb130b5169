use super::*;
use crate::domain::facts::EndedBy;
use crate::domain::finding::{Anew, FindingChange, RuleName};
use crate::domain::ids::{NoticeId, ScanId};
use crate::domain::link::Token;
use crate::ledger::estate::{Estate, NOW, ended_use, open_use, opened};
use crate::ledger::place::Kind;
use crate::ports::notify::{Digest, Formed, NotifyLedger, StepTaken};

on_both![
    a_link_leads_to_the_facts_as_they_stand_for_its_person_alone,
    a_page_shows_its_own_finding_however_many_its_mail_tells_of,
    a_link_leads_nowhere_once_the_mailbox_that_its_mail_went_to_is_not_its_persons_any_more,
    a_link_lives_as_long_as_was_said_last_and_is_then_forgotten,
    a_link_belongs_to_the_opening_that_its_mail_told_of,
    what_closed_by_a_death_is_shown_while_it_is_proven,
    checks_wait_until_they_are_answered,
];

const LINK: Token = Token::new([1; 32]);

/// A key that was left behind, of which the owner (1) was told in mail 1 by a link.
async fn estate(kind: Kind) -> Estate {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await.connection(1, 1, None).await.credential(1).await;
    estate.usage(ended_use(1, 1, 10, 20, "deleted")).await;
    estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::RevocationMissing, 1, 1))]).await;
    tell(&estate, 1, 1).await;
    keep(&estate, 1, &LINK, NOW + days(30)).await;
    estate
}

async fn a_link_leads_nowhere_once_the_mailbox_that_its_mail_went_to_is_not_its_persons_any_more(kind: Kind) {
    let estate = estate(kind).await;
    let unsubscribe = Token::new([3; 32]);
    let link = KeptLink { hash: unsubscribe.hash(), finding: None, until: NOW + days(365) };
    estate.ledger.keep_links(MailId(1), PersonId(1), &[link]).await.unwrap();
    let leads = async || {
        let mute = estate.ledger.follow(&unsubscribe.hash(), NOW).await.unwrap();
        (linked(&estate, &LINK, NOW).await.is_some(), mute.is_some())
    };
    assert_eq!(leads().await, (true, true));
    estate.run("UPDATE person SET email = 'new@example.org'").await;
    assert_eq!(leads().await, (false, false), "the old mailbox");
    estate.run("UPDATE person SET email = 'owner@example.org'").await;
    assert_eq!(leads().await, (true, true), "theirs again");
    estate.run("UPDATE mail SET sent_to = NULL").await;
    assert_eq!(leads().await, (false, false), "a mail that nobody can have");
}

/// Tells the owner of finding 1 in this opening, in a mail of its own, which has the next number.
async fn tell(estate: &Estate, opening: u32, notice: i64) {
    let (finding, person) = (FindingId(1), PersonId(1));
    let step = StepTaken { finding, opening, step: 0, people: vec![person], next_step_at: None };
    estate.ledger.commit_steps(NOW, &[step], &[]).await.unwrap();
    let digests = vec![Digest { person, run: ScanId(1), notices: vec![NoticeId(notice)] }];
    estate.ledger.form_mails(NOW, &Formed { digests, waits: Vec::new() }, "example.org").await.unwrap();
    estate.run("UPDATE mail SET sent_to = 'owner@example.org'").await;
}

async fn keep(estate: &Estate, mail: i64, token: &Token, until: Timestamp) {
    let link = KeptLink { hash: token.hash(), finding: Some(FindingId(1)), until };
    estate.ledger.keep_links(MailId(mail), PersonId(1), &[link]).await.unwrap();
}

async fn linked(estate: &Estate, token: &Token, now: Timestamp) -> Option<Linked> {
    match estate.ledger.follow(&token.hash(), now).await.unwrap() {
        Some(Followed::Finding(linked)) => Some(*linked),
        Some(Followed::Unsubscribe { .. }) => panic!("the link of a finding"),
        None => None,
    }
}

async fn a_link_leads_to_the_facts_as_they_stand_for_its_person_alone(kind: Kind) {
    let estate = estate(kind).await;
    let found = linked(&estate, &LINK, NOW).await.expect("a link that leads somewhere");
    assert_eq!((found.person, found.finding, found.opening), (PersonId(1), FindingId(1), 1));
    assert!(found.member.may_act() && found.matter.open && found.matter.held && found.check.is_none());
    let notice = found.mail.notices.first().expect("the finding's notice");
    assert!(notice.current, "it was told, which is why there is a link");
    assert_eq!((notice.ended_by, notice.connection.as_str()), (Some(EndedBy::Deleted), "conn-1"));
    assert!(linked(&estate, &Token::new([2; 32]), NOW).await.is_none());
    for statement in [
        "UPDATE person SET verified = 0",
        "UPDATE person SET verified = 1, role = 'member'",
        "UPDATE person SET role = 'owner', status = 'suspended'",
        "UPDATE person SET status = 'active', account_id = 2",
    ] {
        estate.run(statement).await;
        assert!(linked(&estate, &LINK, NOW).await.is_none(), "{statement}");
    }
    estate.run("UPDATE person SET account_id = 1, role = 'member'").await;
    estate.run("UPDATE connection SET created_by = 'owner'").await;
    assert!(linked(&estate, &LINK, NOW).await.is_some(), "a member who made the connection");
}

async fn a_page_shows_its_own_finding_however_many_its_mail_tells_of(kind: Kind) {
    let estate = estate(kind).await;
    for id in 2..=4 {
        estate.connection(id, 1, None).await.usage(open_use(id, 1, 10)).await;
        estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::SecretStale, id, 1))]).await;
    }
    estate
        .run(
            "INSERT INTO notice (finding_id, opening, step, person_id, planned_at, mail_id)
             SELECT id, 1, 0, 1, 0, 1 FROM finding WHERE id > 1",
        )
        .await;
    let found = linked(&estate, &LINK, NOW).await.expect("a link that leads somewhere");
    let told: Vec<_> = found.mail.notices.iter().map(|notice| (notice.finding, notice.sharers)).collect();
    assert_eq!(told, [(FindingId(1), 3)]);
    estate.run("UPDATE notice SET mail_id = NULL WHERE finding_id = 1").await;
    assert!(linked(&estate, &LINK, NOW).await.is_none(), "a mail that doesn't tell of it");
}

async fn a_link_lives_as_long_as_was_said_last_and_is_then_forgotten(kind: Kind) {
    let estate = estate(kind).await;
    keep(&estate, 1, &LINK, NOW + days(40)).await;
    keep(&estate, 1, &LINK, NOW + days(20)).await;
    let almost = NOW + days(40) - std::time::Duration::from_millis(1);
    assert!(linked(&estate, &LINK, almost).await.is_some());
    assert!(linked(&estate, &LINK, NOW + days(40)).await.is_none());
    assert_eq!(estate.number("SELECT count(*) FROM link").await, 1);
    estate.ledger.forget_links(almost).await.unwrap();
    assert!(linked(&estate, &LINK, NOW).await.is_some());
    estate.ledger.forget_links(NOW + days(41)).await.unwrap();
    assert_eq!(estate.number("SELECT count(*) FROM link").await, 0);
}

async fn a_link_belongs_to_the_opening_that_its_mail_told_of(kind: Kind) {
    let estate = estate(kind).await;
    let again = crate::domain::finding::Opened { opening: 2, ..opened(RuleName::RevocationMissing, 1, 1) };
    estate.judge(NOW, vec![FindingChange::Anew { id: FindingId(1), opened: again, why: Anew::Worsened }]).await;
    assert!(linked(&estate, &LINK, NOW).await.is_none());
    tell(&estate, 2, 2).await;
    let fresh = Token::new([2; 32]);
    keep(&estate, 2, &fresh, NOW + days(30)).await;
    assert_eq!(linked(&estate, &fresh, NOW).await.expect("the new mail's link").opening, 2);
    keep(&estate, 1, &LINK, NOW + days(90)).await;
    assert!(linked(&estate, &LINK, NOW).await.is_none(), "a mail that is sent again tells of what it told of");
}

async fn what_closed_by_a_death_is_shown_while_it_is_proven(kind: Kind) {
    let estate = estate(kind).await;
    estate.judge(NOW, vec![FindingChange::Closed { id: FindingId(1), why: "dead" }]).await;
    for (belief, shown) in [
        ("{\"liveness\":\"dead\"}", true),
        ("{\"liveness\":\"shredded\",\"shredding\":\"proven\"}", true),
        ("{\"liveness\":\"shredded\",\"shredding\":\"unproven\"}", false),
        ("{\"liveness\":\"suspect\"}", false),
        ("{\"liveness\":\"live\"}", false),
    ] {
        estate.write(&sql!("UPDATE credential SET belief = $1"), [belief.into()]).await;
        assert_eq!(linked(&estate, &LINK, NOW).await.is_some(), shown, "{belief}");
    }
}

async fn checks_wait_until_they_are_answered(kind: Kind) {
    let estate = estate(kind).await;
    estate
        .run("INSERT INTO asked (id, finding_id, credential_id, person_id, at) VALUES (1, 1, 1, 1, 5), (2, 1, 1, 1, 6)")
        .await;
    let waiting = estate.ledger.checks_waiting(&NotNow::default()).await.unwrap();
    assert_eq!(waiting, [(CredentialId(1), 2)]);
    // Somebody asks while the provider is being asked.
    estate.run("INSERT INTO asked (id, finding_id, credential_id, person_id, at) VALUES (3, 1, 1, 1, 7)").await;
    estate.ledger.checks_answered(&waiting, NOW).await.unwrap();
    assert_eq!(estate.ledger.checks_waiting(&NotNow::default()).await.unwrap(), [(CredentialId(1), 3)]);
    let check = linked(&estate, &LINK, NOW).await.expect("a link").check.expect("the last wish");
    assert_eq!((check.at, check.answered_at), (Timestamp::from_millis(7), None));
    // The same key through another finding, and another person.
    estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::SecretStale, 1, 1))]).await;
    let other = estate.ledger.last_check(FindingId(2), PersonId(1)).await.unwrap().expect("the same wish");
    assert_eq!((other.at, other.answered_at), (Timestamp::from_millis(7), None));
    assert_eq!(estate.ledger.last_check(FindingId(2), PersonId(2)).await.unwrap(), None);
    estate.ledger.forget_links(NOW).await.unwrap();
    assert_eq!(estate.number("SELECT count(*) FROM asked").await, 1, "what waits is kept, and what is old forgotten");
}
