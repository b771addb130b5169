//! What the operator says of some connections, through the program.

use serde_json::{Value, json};

use super::{Estate, days};
use crate::support::{Settings, ago, now, stamp};

/// Three stale secrets and a key that was left behind; `tagged` has a tag.
fn estate() -> Estate {
    let mut estate = Estate::new();
    for (id, account) in [("plain", "a1"), ("tagged", "a1"), ("other", "a2")] {
        estate.mailjet_of(id, account, id, "accept");
        estate.inventory.set(id, "created_at", &ago(days(100)));
        estate.inventory.set(id, "secret_set_at", &ago(days(100)));
    }
    estate.inventory.set("tagged", "tags", "legacy, eu");
    estate.deleted("left", "accept");
    estate
}

fn policy(estate: &Estate, entries: &str) {
    estate.site.configure(&Settings { rest: entries.to_owned(), ..Settings::default() });
}

fn exempt(until: &str) -> String {
    format!(
        "[[policy.exempt]]\nrules = [\"secret-stale\"]\ntag = \"legacy\"\nreason = \"moves in March\"\nuntil = \"{until}\"\n\
         by = \"security\"\n\
         [[policy.exempt]]\nrules = [\"revocation-missing\"]\nconnection = \"left\"\nreason = \"needed elsewhere\"\n\
         until = \"{}\"\n",
        stamp(now() + days(400))
    )
}

const STALE: [&str; 4] = [
    "revocation-missing critical left live",
    "secret-stale high other live",
    "secret-stale high plain live",
    "secret-stale high tagged live",
];

#[test]
fn a_limit_of_its_own_holds_for_a_tag_an_account_and_both() {
    let estate = estate();
    assert_eq!(estate.scan().findings(), STALE);
    policy(&estate, "[[policy.override]]\ntag = \"legacy\"\nmax_age = \"200d\"\n");
    assert_eq!(estate.scan().findings(), STALE[..3], "a changed policy judges anew");
    let account = "[[policy.override]]\naccount = \"a1\"\nmax_age = \"30d\"\n";
    policy(&estate, &format!("[[policy.override]]\ntag = \"legacy\"\nmax_age = \"200d\"\n{account}"));
    let scan = estate.scan();
    assert_eq!(
        scan.findings(),
        [STALE[0], "secret-stale critical plain live", "secret-stale critical tagged live", STALE[1]],
        "an account goes before a tag"
    );
    let evidence = |id: &str| scan.finding("secret-stale", id).expect("a finding")["evidence"].clone();
    assert_eq!(evidence("plain")["max_age_from"], "account \"a1\"");
    assert_eq!((&evidence("plain")["max_age_days"], &evidence("other")["max_age_days"]), (&json!(30), &json!(90)));
    assert_eq!(evidence("other")["max_age_from"], Value::Null);
    let told = estate.site.run(&["explain", "plain"]).exits(0).out;
    assert!(told.contains("account \"a1\""), "{told}");
}

#[test]
fn what_is_accepted_is_shown_everywhere_and_counts_nowhere_until_its_end() {
    let estate = estate();
    estate.scan();
    policy(&estate, &exempt(&stamp(now() + days(5))));
    let scan = estate.scan();
    assert_eq!(scan.findings(), STALE, "it is there all the same");
    let finding = scan.finding("secret-stale", "tagged").expect("a finding");
    assert_eq!((&finding["state"], &finding["exempt"]["by"]), (&json!("exempt"), &json!("security")));
    assert_eq!(finding["exempt"]["reason"], "moves in March");
    let counts = &scan.document["counts"];
    assert_eq!((&counts["findings"]["secret-stale"], &counts["exempt"]["secret-stale"]), (&json!(2), &json!(1)));
    assert_eq!((&counts["severities"]["critical"], &counts["tombstones"]), (&json!(0), &json!(1)), "the key lives");
    assert_eq!(estate.site.liveness("left"), "live");
    let listed: Vec<_> = scan.document["exemptions"].as_array().expect("a list").iter().collect();
    let standing: Vec<_> = listed.iter().map(|one| (one["standing"].as_str(), one["findings"].as_u64())).collect();
    assert_eq!(standing, [(Some("ends_soon"), Some(1)), (Some("in_force"), Some(1))]);
    estate.site.run(&["scan", "--fail-on", "critical"]).exits(0);

    let shown = estate.site.run(&["scan"]).exits(0);
    assert!(shown.err.contains("exempt: secret-stale of tag \"legacy\""), "{}", shown.err);
    assert!(shown.out.contains("moves in March"), "{}", shown.out);
    let list = estate.site.run(&["findings", "list"]).exits(0).out;
    assert!(list.contains("needed elsewhere"), "{list}");
    let told = estate.site.run(&["explain", "tagged"]).exits(0).out;
    assert!(told.contains("is accepted until") && told.contains("(exempt)"), "{told}");
    let paused = estate.site.run(&["ack", finding["id"].as_str().expect("a name")]).exits(1).err;
    assert!(paused.contains("[[policy.exempt]]"), "{paused}");
    let later = stamp(now() + days(6));
    let then = estate.site.run(&["scan", "--as-of", &later, "--format", "json"]).exits(0).json();
    let state = |rule: &str, id: &str| {
        let all = then["findings"].as_array().expect("a list").iter();
        all.filter(|f| f["rule"] == rule && f["connection_id"] == id).map(|f| f["state"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (state("secret-stale", "tagged"), state("revocation-missing", "left")),
        (vec![json!("open")], vec![json!("exempt")])
    );

    let people = estate.site.run(&["scan", "--as-of", &later]).exits(0).err;
    assert!(people.contains("exempt: secret-stale of tag \"legacy\"") && people.contains("ended at"), "{people}");
    assert!(people.contains("Judged as of") && people.contains("open findings: "), "{people}");

    policy(&estate, &exempt(&ago(days(1))));
    let after = estate.scan();
    let finding = after.finding("secret-stale", "tagged").expect("a finding");
    assert_eq!((&finding["state"], &finding["exempt"]), (&json!("open"), &Value::Null));
    assert_eq!((after.count("exemptions_ended"), after.count("opened")), (1, 1));
    assert_eq!(after.document["exemptions"][0]["standing"], "ended");
    let events = estate.site.run(&["explain", "tagged", "--format", "json"]).exits(0).json();
    let timeline = events[0]["credentials"][0]["timeline"].as_array().expect("a list").clone();
    let kinds: Vec<_> = timeline.iter().filter_map(|entry| entry["kind"].as_str()).collect();
    let of_findings: Vec<_> = kinds.into_iter().filter(|kind| kind.starts_with("finding.")).collect();
    assert_eq!(of_findings, ["finding.opened", "finding.exempted", "finding.exemption_ended"]);
    estate.site.run(&["audit", "verify"]).exits(0);
}

#[test]
fn the_doctor_names_entries_that_are_over_and_that_cover_nobody() {
    let estate = estate();
    estate.scan();
    let nobody = "[[policy.override]]\naccount = \"A1\"\nmax_age = \"30d\"\n";
    policy(&estate, &format!("{nobody}{}", exempt(&ago(days(1)))));
    let told = estate.site.run(&["doctor", "--format", "json"]);
    let checks = told.json();
    let of = |setting: &str| {
        let all = checks["checks"].as_array().expect("checks").clone();
        let found = all.into_iter().find(|check| check["setting"] == setting).expect("a check");
        (found["state"].as_str().unwrap_or("?").to_owned(), found["what"].as_str().unwrap_or("?").to_owned())
    };
    let (state, what) = of("policy.override[0]");
    assert!(state == "warning" && what.contains("covers no connection"), "{what}");
    let (state, what) = of("policy.exempt[0]");
    assert!(state == "warning" && what.contains("ended at"), "{what}");
    assert_eq!(of("policy.exempt[1]").0, "ok");
}
