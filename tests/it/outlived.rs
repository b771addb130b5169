//! Mailjet has one secret a key: what is left of an older one is proven dead by the newer one, though nobody can ask about
//! the older one any more. In virtual time, against providers that keysweep has no part in.

use std::time::Duration;

use keysweep::app::App;
use keysweep::app::scan::ScanOptions;
use keysweep::demo::clock::VirtualClock;
use keysweep::domain::belief::{Liveness, Shredding};
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::{CredentialId, FindingId};
use keysweep::domain::time::{Timestamp, days, hours, minutes};
use keysweep::ledger::read::{CredentialFilter, CredentialRow, FindingFilter, FindingRow, FindingState};
use keysweep::ports::{Clock, Quiet};

use crate::smtp::{also_smtp, closed_port};
use crate::support::{Inventory, Settings, Site, hex, now, pair};

/// A Mailjet key of the connection `shop`, whose secret is reset.
struct Reset {
    site: Site,
    inventory: Inventory,
    clock: VirtualClock,
}

impl Reset {
    async fn of(escrow: &str, mailjet: &str) -> Self {
        let mut site = Site::new();
        site.configure(&Settings {
            escrow: escrow.to_owned(),
            liveness: "timeout = \"5s\"\nconnect_timeout = \"1s\"".to_owned(),
            mailjet: mailjet.to_owned(),
            ..Settings::default()
        });
        site.providers.dates(None);
        let mut inventory = Inventory::default();
        let (key, secret) = pair("shop");
        site.providers.set("mailjet", "old", &key, &secret, "accept");
        inventory.mailjet("shop", "a1", "shop");
        let clock = VirtualClock::starting_at(Timestamp::from(now()) - days(15));
        Self { site, inventory, clock }
    }

    /// The secret is reset, and the row shows the new one.
    fn resets(&mut self, old_does: &str) {
        let (key, _) = pair("shop");
        self.site.providers.does("mailjet", "old", old_does);
        self.site.providers.set("mailjet", "new", &key, &hex("a new secret"), "accept");
        self.inventory.set("shop", "secret", &hex("a new secret"));
        self.inventory.set("shop", "secret_set_at", "");
    }

    async fn app(&self) -> App<VirtualClock> {
        crate::stage::app(self.site.path("keysweep.toml"), &self.clock).await
    }

    async fn scan_after(&self, span: Duration) {
        self.site.connections(self.inventory.csv());
        self.clock.go_on_to(self.clock.now() + span);
        let app = self.app().await;
        app.scan(ScanOptions { probe: true, notify: false }, &Quiet).await.expect("a scan");
        app.ledger.close().await;
    }

    async fn open(&self) -> Vec<FindingRow> {
        let app = self.app().await;
        let rows = app.ledger.findings(&FindingFilter::default(), FindingId(0), 100).await.expect("findings");
        app.ledger.close().await;
        let of_the_end = [RuleName::RevocationMissing, RuleName::RevocationUnproven, RuleName::ConnectionBroken];
        let told = |row: &FindingRow| row.state == FindingState::Open && of_the_end.contains(&row.rule);
        rows.into_iter().filter(told).collect()
    }

    /// The oldest credential.
    async fn old(&self) -> CredentialRow {
        let app = self.app().await;
        let rows = app.ledger.credentials(&CredentialFilter::default(), CredentialId(0), 10).await.expect("them");
        app.ledger.close().await;
        rows.into_iter().next().expect("the first one")
    }

    async fn logged(&self, kind: &str) -> usize {
        let app = self.app().await;
        let events = app.ledger.events(0, 1_000).await.expect("the log");
        app.ledger.close().await;
        events.iter().filter(|event| event.kind == kind).count()
    }
}

fn rules(findings: &[FindingRow]) -> Vec<(RuleName, &str)> {
    findings.iter().map(|row| (row.rule, row.connection_id.as_str())).collect()
}

#[tokio::test]
async fn a_secret_that_still_worked_when_its_copy_was_destroyed_is_proven_dead_by_its_successor() {
    let mut reset = Reset::of("hold = \"at-deletion\"", "protocols = [\"rest\"]").await;
    reset.scan_after(Duration::ZERO).await;
    // Somewhere the old one is let in for a while yet, and just then comes its one question.
    reset.resets("accept");
    reset.scan_after(days(1)).await;
    let old = reset.old().await;
    assert_eq!((old.liveness, old.shredding, old.held), (Liveness::Shredded, Some(Shredding::Unproven), false));
    assert_eq!(rules(&reset.open().await), [(RuleName::RevocationMissing, "shop")]);
    reset.site.providers.does("mailjet", "old", "refuse");
    reset.scan_after(hours(3)).await;
    assert_eq!(rules(&reset.open().await), [(RuleName::RevocationMissing, "shop")], "the grace is not over for sure");
    // The successor is due as soon as its acceptance proves something.
    reset.scan_after(hours(1) + minutes(5)).await;
    assert_eq!(reset.open().await, []);
    let old = reset.old().await;
    assert_eq!((old.liveness, old.shredding), (Liveness::Shredded, Some(Shredding::Proven)));
    assert!(old.outlived_at.is_some() && old.died_at.is_some());
    assert_eq!(reset.logged("credential.outlived").await, 1);
    let story = reset.site.run(&["explain", &old.credential]).exits(0).out;
    assert!(story.contains("a newer secret under the same key"), "{story}");
    reset.scan_after(days(1)).await;
    assert_eq!(reset.logged("credential.outlived").await, 1, "once");
}

#[tokio::test]
async fn where_smtp_cannot_be_asked_the_successor_proves_a_suspect_dead_and_breaks_whoever_still_uses_it() {
    let mut reset = Reset::of("hold = \"until-proven\"", "").await;
    also_smtp(&reset.site, &format!("smtp://127.0.0.1:{}", closed_port()));
    reset.inventory.mailjet("copy", "a2", "shop"); // another customer pasted the same pair
    reset.scan_after(Duration::ZERO).await;
    reset.resets("refuse");
    reset.scan_after(days(1)).await;
    assert_eq!(reset.old().await.liveness, Liveness::Suspect);
    assert_eq!(reset.open().await, [], "a suspect opens nothing");
    reset.scan_after(hours(5)).await;
    assert_eq!(reset.old().await.liveness, Liveness::Dead);
    let open = reset.open().await;
    assert_eq!(rules(&open), [(RuleName::ConnectionBroken, "copy")]);
    let evidence = &open[0].evidence;
    assert!(evidence.contains_key("newer_accepted_at"), "{evidence:?}");
    assert!(!evidence.contains_key("newer_credential"), "whose it is, is another customer's affair: {evidence:?}");
    // Should it be let in after all, it lives, and no word of the other is believed any more.
    reset.site.providers.does("mailjet", "old", "accept");
    reset.scan_after(days(1)).await;
    assert_eq!(reset.old().await.liveness, Liveness::Live);
    reset.site.providers.does("mailjet", "old", "refuse");
    reset.scan_after(days(1)).await;
    reset.scan_after(days(1)).await;
    assert_eq!(reset.old().await.liveness, Liveness::Suspect);
}
