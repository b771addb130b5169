//! How old a secret is, and how old is too old.

use chrono::{TimeDelta, Utc};

use super::{Estate, days};
use crate::support::{Scan, ago, hex, now, pair, stamp};

#[test]
fn ages_are_judged_by_the_best_date_and_silent_where_there_is_none_to_judge() {
    let mut estate = Estate::new();
    let secret_set = |estate: &mut Estate, id: &str, before: TimeDelta| {
        estate.mailjet(id, "accept");
        estate.inventory.set(id, "created_at", &ago(days(400)));
        estate.inventory.set(id, "secret_set_at", &ago(before));
    };
    secret_set(&mut estate, "age-75", days(75));
    secret_set(&mut estate, "age-76", days(76) + TimeDelta::minutes(1));
    secret_set(&mut estate, "age-89", days(89));
    secret_set(&mut estate, "age-91", days(91));
    secret_set(&mut estate, "age-181", days(181));
    // in seconds since 1970
    secret_set(&mut estate, "age-unix", days(0));
    estate.inventory.set("age-unix", "secret_set_at", &(now() - days(100)).timestamp().to_string());
    // by its connection's date
    estate.mailjet("connected", "accept");
    estate.inventory.set("connected", "secret_set_at", "");
    estate.inventory.set("connected", "created_at", &ago(days(95)));
    // no date at all
    estate.mailjet("undated", "accept");
    estate.inventory.set("undated", "secret_set_at", "");
    estate.inventory.set("undated", "created_at", "");
    // the same value, told to be older by a connection that is gone
    estate.mailjet("pasted", "accept");
    estate.mailjet_of("pasted-before", "a2", "pasted", "accept");
    estate.inventory.set("pasted-before", "secret_set_at", &ago(days(120)));
    estate.inventory.delete("pasted-before", days(60));
    // a grant has no age
    estate.inventory.add("grant", "a1", "mailjet", &[("auth", "oauth"), ("created_at", &ago(days(300)))]);
    // stale and suspect is still stale
    secret_set(&mut estate, "refused", days(91));
    estate.site.providers.does("mailjet", "refused", "refuse");
    let scan = estate.scan();

    assert_eq!(
        scan.findings(),
        [
            "revocation-missing critical pasted-before live",
            "secret-age-unknown low undated live",
            "secret-due low age-76 live",
            "secret-due low age-89 live",
            "secret-stale critical age-181 live",
            "secret-stale high age-91 live",
            "secret-stale high age-unix live",
            "secret-stale high connected live",
            "secret-stale high pasted live",
            "secret-stale high refused suspect",
        ]
    );
}

#[test]
fn a_secret_is_stale_one_second_after_ninety_days_and_not_before() {
    let mut estate = Estate::new();
    let set_at = chrono::DateTime::<Utc>::from_timestamp(now().timestamp(), 0).expect("an instant") - days(10);
    estate.mailjet("boundary", "accept");
    estate.inventory.set("boundary", "secret_set_at", &stamp(set_at));
    estate.scan();

    let second = TimeDelta::seconds(1);
    for (age, findings) in [
        (days(76) - second, vec![]),
        (days(76), vec!["secret-due low"]),
        (days(90), vec!["secret-due low"]),
        (days(90) + second, vec!["secret-stale high"]),
        (days(180), vec!["secret-stale high"]),
        (days(180) + second, vec!["secret-stale critical"]),
    ] {
        let at = stamp(set_at + age);
        let ran = estate.site.run(&["scan", "--as-of", &at, "--format", "json"]).exits(0);
        let scan = Scan { document: ran.json(), err: ran.err };
        let expected: Vec<String> = findings.iter().map(|finding| format!("{finding} boundary live")).collect();
        assert_eq!(scan.findings(), expected, "at the age of {age}");
    }
}

#[test]
fn a_replaced_secret_is_as_old_as_its_replacement_unless_somebody_says_more() {
    let mut estate = Estate::new();
    for id in ["kept-date", "moved-date", "untouched"] {
        estate.mailjet(id, "accept");
        estate.inventory.set(id, "created_at", &ago(days(200)));
        estate.inventory.set(id, "secret_set_at", &ago(days(100)));
    }
    let stale = |id: &str| format!("secret-stale high {id} live");
    let mut scan = estate.scan();
    assert_eq!(scan.findings(), ["kept-date", "moved-date", "untouched"].map(stale));

    for id in ["kept-date", "moved-date"] {
        let secret = hex(&format!("new secret of {id}"));
        estate.site.providers.set("mailjet", &format!("{id}, new"), &pair(id).0, &secret, "accept");
        estate.site.providers.does("mailjet", id, "refuse");
        estate.inventory.set(id, "secret", &secret);
    }
    estate.inventory.set("moved-date", "secret_set_at", &ago(days(95)));
    // the same value, told to be newer: nothing moves it forward
    estate.inventory.set("untouched", "secret_set_at", &ago(days(1)));
    scan = estate.scan();
    let findings = scan.findings();
    assert!(!findings.contains(&stale("kept-date")), "the old date is the old value's: {findings:?}");
    assert!(findings.contains(&stale("moved-date")), "the platform says when: {findings:?}");
    assert!(findings.contains(&stale("untouched")), "pasting it again does not make it younger: {findings:?}");
}

#[test]
fn what_had_ended_long_before_is_counted_and_never_mailed() {
    let mut estate = Estate::new();
    estate.deleted("recent", "accept");
    estate.deleted("ancient", "accept");
    estate.inventory.set("ancient", "created_at", &ago(days(300)));
    estate.inventory.set("ancient", "deleted_at", &ago(days(100)));
    estate.inventory.add("no-copy", "a1", "mailjet", &[("status", "deleted"), ("deleted_at", &ago(days(5)))]);
    let scan = estate.scan();

    assert_eq!(
        scan.findings(),
        ["revocation-missing critical ancient live", "revocation-missing critical recent live"]
    );
    assert_eq!(scan.finding("revocation-missing", "ancient").map(|f| f["mailed"].clone()), Some(false.into()));
    assert_eq!(scan.finding("revocation-missing", "recent").map(|f| f["mailed"].clone()), Some(true.into()));
}
