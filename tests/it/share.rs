//! A quota that is the customer's own: what one account leaves us is not asked beyond, and nothing follows from that.

use std::fs;
use std::path::Path;

use crate::support::{Inventory, Settings, Site, hex};

/// Kit's file, as if its limits were each customer's own: one question at once, the next in an hour.
fn with_an_accounts_limit(site: &Site) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/providers/kit.toml");
    let text = fs::read_to_string(shipped).expect("Kit's file");
    let limited = text.replacen("[limits]\n", "[limits]\naccount = { requests = 2, per_seconds = 7200 }\n", 1);
    assert_ne!(text, limited, "the file has limits");
    fs::create_dir(site.path("providers")).expect("a folder");
    fs::write(site.path("providers/kit.toml"), limited).expect("a folder that can be written");
}

#[test]
fn what_an_accounts_share_does_not_reach_stays_due_and_is_counted() {
    let mut site = Site::new();
    with_an_accounts_limit(&site);
    let rest = "[catalogue]\ndirectory = \"providers\"\n[mail]\nfirst_run = \"baseline\"".to_owned();
    let liveness = "probe_every = \"1d\"\ntimeout = \"2s\"\nconnect_timeout = \"1s\"".to_owned();
    site.configure(&Settings { rest, liveness, ..Settings::default() });
    let text = fs::read_to_string(site.path("keysweep.toml")).expect("the configuration");
    let paced = text.replace("[providers.kit]\npace = \"unpaced\"", "[providers.kit]\npace = \"1000/s\"");
    assert_ne!(text, paced);
    fs::write(site.path("keysweep.toml"), paced).expect("a folder that can be written");
    let mut inventory = Inventory::default();
    for (id, account) in [("one", "a1"), ("two", "a1"), ("three", "a1"), ("other", "a2")] {
        let secret = format!("kit_{}", hex(id));
        inventory.add(id, account, "kit", &[("secret", &secret)]);
        site.providers.set("kit", id, "", &secret, "accept");
    }
    site.connections(inventory.csv());
    let mode = |site: &Site| site.run(&["mail", "preview", "--format", "json"]).exits(0).json()["mode"].clone();
    let live = |site: &Site| ["one", "two", "three", "other"].map(|id| site.liveness(id) == "live");
    let scan = site.scan();
    assert_eq!((scan.count("asked"), scan.count("put_off"), scan.count("unknown")), (2, 2, 0));
    assert_eq!(live(&site), [true, false, false, true], "one of each account");
    assert_eq!(site.liveness("two"), "unverified", "nothing is believed of what was not asked");
    assert_eq!(mode(&site), "baseline", "what exists is not recorded before all of it was asked");
    // The next process knows nothing of the first; those that were put off are due before anything else.
    assert_eq!((site.scan().count("asked"), site.scan().count("asked")), (1, 1));
    assert_eq!(live(&site), [true; 4]);
    assert_eq!(mode(&site), "released");
    assert_eq!(site.providers.requests().len(), 4, "nobody is asked twice");
}
