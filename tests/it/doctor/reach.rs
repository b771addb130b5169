//! The mail server and the providers' hosts, tried with real ones.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{CANARY, Found, also, healthy_site, quick};
use crate::mail_server::{MailServer, PASSWORD, over_tls, url};
use crate::support::{Settings, Site};

/// Sends its mail there.
fn mails_to(site: &Site, smtp_url: &str) {
    let rest = also(&format!("[mail]\nfrom = \"keys@example.org\"\nsmtp_url = \"{smtp_url}\""));
    site.configure(&Settings { rest, ..quick() });
}

/// Asks Mailjet there.
fn asks(site: &Site, address: &str) {
    let own = site.providers.address("mailjet");
    let text = std::fs::read_to_string(site.path("keysweep.toml")).expect("the configuration");
    let text = text.replace(&format!("\"{own}\""), &format!("\"{address}\""));
    std::fs::write(site.path("keysweep.toml"), text).expect("a folder that can be written");
}

/// A port where nobody listens: it was free a moment ago.
fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Somebody who takes connections and never says a word.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

#[test]
fn a_mail_server_is_logged_in_to_and_left_without_a_mail() {
    for (tls, implicit, said) in [("starttls", false, "over STARTTLS"), ("tls", true, "over TLS")] {
        let site = healthy_site();
        let (server, _) = over_tls(site.folder.path(), implicit);
        mails_to(&site, &url(site.folder.path(), &server, PASSWORD, tls));
        let found = Found::at(&site, 0, "30s");
        found.line("mail", "mail.smtp_url").is("ok", said, "");
        assert_eq!(server.heard(), ["NOOP", "QUIT"], "{tls}: never MAIL");
        assert!(!found.tells(PASSWORD), "{tls}");
    }
}

#[test]
fn a_refused_login_is_told_with_its_setting_and_without_its_password() {
    let site = healthy_site();
    let (server, _) = over_tls(site.folder.path(), false);
    mails_to(&site, &url(site.folder.path(), &server, CANARY, "starttls"));
    let found = Found::at(&site, 1, "30s");
    found.line("mail", "mail.smtp_url").is("error", "login refused (535", "check its user and password");
    assert!(!found.tells(CANARY));
    assert_eq!(server.heard(), [""; 0], "and nothing more is said");
}

#[test]
fn a_certificate_that_nobody_trusts_is_told_as_such() {
    for (tls, implicit) in [("starttls", false), ("tls", true)] {
        let site = healthy_site();
        let (server, _) = over_tls(site.folder.path(), implicit);
        let trusted = url(site.folder.path(), &server, PASSWORD, tls);
        mails_to(&site, trusted.split("&tls_ca").next().expect("the first part"));
        let line = Found::at(&site, 1, "30s").line("mail", "mail.smtp_url");
        line.is("error", "certificate", "tls_ca= adds a root");
    }
}

#[test]
fn a_server_without_tls_is_no_mail_server_for_starttls() {
    let site = healthy_site();
    let server = MailServer::start(site.folder.path(), &json!({}));
    mails_to(&site, &format!("smtp://localhost:{}?tls=starttls", server.port()));
    Found::at(&site, 1, "30s").line("mail", "mail.smtp_url").is("error", "STARTTLS", "offers TLS");
}

#[test]
fn a_mail_server_that_is_not_there_is_told_with_host_and_port() {
    let site = healthy_site();
    let port = closed_port();
    mails_to(&site, &format!("smtp://127.0.0.1:{port}"));
    let line = Found::at(&site, 1, "30s").line("mail", "mail.smtp_url");
    line.is("error", &format!("127.0.0.1:{port}: no connection"), "check its host and port");
    mails_to(&site, "smtp://mail.invalid:587");
    let line = Found::at(&site, 1, "3s").line("mail", "mail.smtp_url");
    line.is("error", "mail.invalid:587: ", "DNS");
}

#[test]
fn whoever_says_nothing_holds_up_nobody() {
    let site = healthy_site();
    let (_mail, mail_port) = silent();
    let (_provider, provider_port) = silent();
    mails_to(&site, &format!("smtp://127.0.0.1:{mail_port}"));
    asks(&site, &format!("https://127.0.0.1:{provider_port}"));
    let begun = Instant::now();
    let found = Found::at(&site, 1, "1s");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    found.line("mail", "mail.smtp_url").is("error", "within 1s", "check that its port is a mail server's");
    let setting = "providers.mailjet.dangerous_test_endpoints.rest";
    found.line("provider mailjet", setting).is("error", "no answer within 1s", "let this machine connect");
    found.line("source main", "inventory[0].path").is("ok", "all understood", "");
}

#[test]
fn a_provider_that_cannot_be_reached_is_told_by_the_step_that_failed() {
    let setting = "providers.mailjet.dangerous_test_endpoints.rest";
    let site = healthy_site();
    let (stranger, _) = over_tls(site.folder.path(), true);
    for (address, what) in [
        ("http://mailjet.invalid:80".to_owned(), "mailjet.invalid"),
        (format!("http://127.0.0.1:{}", closed_port()), "no connection to 127.0.0.1"),
        (format!("https://localhost:{}", stranger.port()), "no TLS with localhost"),
        (site.providers.address("mailjet").replace("http:", "https:"), "no TLS with 127.0.0.1"),
    ] {
        site.configure(&quick());
        asks(&site, &address);
        let line = Found::at(&site, 1, "5s").line("provider mailjet", setting);
        assert!(line.what.contains(what) && !line.todo.is_empty() && line.state == "error", "{address}: {line:?}");
    }
    assert!(site.providers.requests().is_empty(), "nobody is asked");
}

#[test]
fn a_provider_that_nobody_uses_need_not_be_reached() {
    let site = healthy_site();
    let own = site.providers.address("kit");
    let text = std::fs::read_to_string(site.path("keysweep.toml")).expect("the configuration");
    let text = text.replace(&own, &format!("http://127.0.0.1:{}", closed_port()));
    std::fs::write(site.path("keysweep.toml"), text).expect("a folder that can be written");
    let line = Found::at(&site, 0, "30s").line("provider kit", "providers.kit.dangerous_test_endpoints.rest");
    line.is("warning", "none of the rows that were looked at uses it", "correct this address");
}

#[test]
fn a_listeners_address_that_is_taken_is_told() {
    let site = healthy_site();
    let (taken, port) = silent();
    let listen = |address: &str| {
        let rest = format!("[http]\nlisten = \"{address}\"\ntoken = \"env:KEYSWEEP_MASTER_KEY\"\n");
        site.configure(&Settings { rest, ..quick() });
    };
    let address = format!("127.0.0.1:{port}");
    listen(&address);
    Found::at(&site, 1, "30s").line("listener", "http.listen").is("error", "in use", "choose another port");
    site.scan();
    let lock = std::fs::File::open(site.path("ledger.db.lock")).expect("the lock");
    lock.lock().expect("it is free");
    let line = Found::at(&site, 0, "30s").line("listener", "http.listen");
    line.is("warning", "by the keysweep that holds the ledger", "choose another port");
    drop((lock, taken));
    Found::at(&site, 0, "30s").line("listener", "http.listen").is("ok", "is free", "");
    listen("192.0.2.1:9184"); // an address that no machine has
    Found::at(&site, 1, "30s").line("listener", "http.listen").is("error", "192.0.2.1", "that this machine has");
    listen("off");
    Found::at(&site, 0, "30s").line("listener", "http.listen").is("ok", "off", "");
}
