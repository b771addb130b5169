use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn files(folder: &Path) -> Allowed {
    Allowed { files: Some(Folder(folder.to_owned())), ..Allowed::default() }
}

/// A command that is a script.
fn script(folder: &Path, body: &str, limit: Duration) -> Allowed {
    let program = folder.join("decrypt");
    fs::write(&program, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let environment = Decryptor::environment_of(&[
        ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ("KEYSWEEP_MASTER_KEY".to_owned(), "ours".to_owned()),
    ]);
    let command = Decryptor { program, arguments: vec!["--now".to_owned()], environment, limit };
    Allowed { command: Some(command), ..Allowed::default() }
}

async fn found(allowed: &Allowed, reference: &str) -> Result<String, RefError> {
    allowed.follow(reference).await.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn a_file_is_read_below_its_folder_and_nowhere_else() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("keys");
    fs::create_dir_all(folder.join("acme")).unwrap();
    fs::write(folder.join("acme/kit"), "kit_inside\n").unwrap();
    fs::write(outside.path().join("master"), "not yours").unwrap();
    symlink(outside.path().join("master"), folder.join("link")).unwrap();
    symlink(folder.join("acme/kit"), folder.join("inner")).unwrap();
    let allowed = files(&folder);
    let absolute = format!("file:{}", folder.join("acme/kit").display());
    for reference in ["file:acme/kit", "file:inner", "file:acme/../acme/kit", &absolute] {
        assert_eq!(found(&allowed, reference).await.unwrap(), "kit_inside", "{reference}");
    }
    let master = format!("file:{}", outside.path().join("master").display());
    for reference in ["file:../master", "file:link", &master, "file:/etc/hostname"] {
        assert!(matches!(found(&allowed, reference).await, Err(RefError::Refused(_))), "{reference}");
    }
    for reference in ["file:acme/none", "file:acme", "file:"] {
        assert!(matches!(found(&allowed, reference).await, Err(RefError::Missing(_))), "{reference}");
    }
}

#[tokio::test]
async fn one_file_that_cant_be_read_is_missing_and_a_folder_that_cant_be_entered_is_unreachable() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("keys");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("kit"), "kit_inside").unwrap();
    symlink("loop", folder.join("loop")).unwrap();
    let allowed = files(&folder);
    let long = format!("file:{}", "x".repeat(300));
    for reference in ["file:kit/below", "file:loop", "file:nul\0", &long] {
        let got = found(&allowed, reference).await;
        assert!(matches!(got, Err(RefError::Missing(_))), "{reference}: {got:?}");
    }
    fs::rename(&folder, outside.path().join("away")).unwrap();
    let Err(RefError::Unreachable(why)) = found(&allowed, "file:kit").await else { panic!("there is no folder") };
    assert!(why.contains("secret_refs.files"), "{why}");
    fs::write(&folder, "no folder").unwrap();
    assert!(matches!(found(&allowed, "file:kit").await, Err(RefError::Unreachable(_))));
}

#[tokio::test]
async fn what_is_no_key_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("empty", b" \n".to_vec()),
        ("long", vec![b'a'; LONGEST + 1]),
        ("binary", vec![0xff, 0xfe]),
        ("two", b"one\ntwo\n".to_vec()),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
        let got = found(&files(folder.path()), &format!("file:{name}")).await;
        assert!(matches!(got, Err(RefError::Missing(_))), "{name}: {got:?}");
    }
}

#[tokio::test]
async fn what_the_settings_dont_allow_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().unwrap();
    let allowed = files(folder.path());
    for reference in ["encrypted:kit_0123456789abcdef0123", "kit_0123456789abcdef0123", "env:HOME", "", "FILE:x"] {
        let Err(RefError::Refused(why)) = found(&allowed, reference).await else { panic!("{reference} was followed") };
        assert!(!why.contains("0123") && why.contains("settings"), "{why}");
    }
    assert!(!Allowed::default().are_allowed() && allowed.are_allowed());
}

#[tokio::test]
async fn a_command_gets_the_text_on_its_input_and_nothing_of_our_own() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"test "$1" = --now && test -z "$KEYSWEEP_MASTER_KEY" && echo "on stderr" >&2 && tr a-z A-Z"#;
    let allowed = script(folder.path(), body, Duration::from_secs(60));
    assert_eq!(found(&allowed, "encrypted:abc:def").await.unwrap(), "ABC:DEF");
    let long = "x".repeat(300_000); // more than a pipe holds: it is written while the answer is read
    assert!(matches!(found(&allowed, &format!("encrypted:{long}")).await, Err(RefError::Missing(_))));
}

#[tokio::test]
async fn a_command_that_fails_or_hangs_gives_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let allowed = script(folder.path(), "echo kit_half; exit 3", Duration::from_secs(60));
    let Err(RefError::Missing(why)) = found(&allowed, "encrypted:x").await else { panic!("it failed") };
    assert!(why.contains('3'), "{why}");
    let allowed = script(folder.path(), "exec sleep 600", Duration::from_millis(50));
    assert!(matches!(found(&allowed, "encrypted:x").await, Err(RefError::Slow(_))), "perhaps over this text alone");
    fs::remove_file(folder.path().join("decrypt")).unwrap();
    assert!(matches!(found(&allowed, "encrypted:x").await, Err(RefError::Unreachable(_))));
    let unusable = allowed.unusable().await;
    assert!(matches!(&unusable[..], [("secret_refs.command", why)] if why.contains("decrypt")), "{unusable:?}");
}

/// A Vault that answers as its documentation says, and what it was asked with.
async fn vault(prefix: &str, token: &str) -> (Allowed, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    vault_at("", prefix, token).await
}

/// The same, where its address has a path.
async fn vault_at(path: &str, prefix: &str, token: &str) -> (Allowed, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/{path}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok_and(|count| count > 0) {}
            let request = String::from_utf8(request).unwrap();
            let (status, body) = answer(&request);
            heard.lock().unwrap().push(request);
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    let place = VaultPlace {
        address,
        token: Secret::new(token),
        namespace: Some("team".to_owned()),
        mount: "kv/eu".to_owned(),
        prefix: prefix.to_owned(),
        limit: Duration::from_secs(60),
    };
    (Allowed { vault: Some(Vault::new(&place, "test").unwrap()), ..Allowed::default() }, asked)
}

fn answer(request: &str) -> (u16, String) {
    let of = |data: &str| format!(r#"{{"data":{{"data":{data},"metadata":{{"version":3}}}},"auth":null}}"#);
    if !request.contains("x-vault-token: hvs.right\r\n") {
        return (403, r#"{"errors":["permission denied"]}"#.to_owned());
    }
    let asked = request.split_whitespace().nth(1).unwrap();
    match asked.strip_prefix("/behind").unwrap_or(asked) {
        "/v1/kv/eu/data/platform/acme" => (200, of(r#"{"key":"kit_inside","note":"\u00e4","count":7,"list":[1]}"#)),
        "/v1/kv/eu/data/platform/one%20%3F" => (200, of(r#"{"any":" kit_one "}"#)),
        "/v1/kv/eu/data/platform/gone" => {
            (404, r#"{"data":{"data":null,"metadata":{"deletion_time":"2026-01-01T00:00:00Z"}}}"#.to_owned())
        }
        "/v1/kv/eu/data/platform/odd" => (200, "<html>".to_owned()),
        "/v1/kv/eu/data/platform/huge" => (200, of(&format!("{{\"key\":\"{}\"}}", "a".repeat(300_000)))),
        "/v1/kv/eu/data/platform/sealed" => (503, r#"{"errors":["Vault is sealed"]}"#.to_owned()),
        "/v1/kv/eu/data/platform/closed" => (403, r#"{"errors":["permission denied"]}"#.to_owned()),
        "/v1/kv/eu/data/platform/bad" => (400, r#"{"errors":["no"]}"#.to_owned()),
        "/v1/kv/eu/data/platform/other" => (200, r#"{"data":{"data":["a"]}}"#.to_owned()),
        "/v1/kv/eu/data/platform/great" => (200, of(r#"{"key":1e999}"#)),
        "/v1/kv/eu/data/platform/shut" => (403, r#"{"errors":["permission denied"]}"#.to_owned()),
        "/v1/kv/eu/data/platform/often" => (429, r#"{"errors":["slower"]}"#.to_owned()),
        "/v1/auth/token/lookup-self" => (200, r#"{"data":{"id":"hvs.right"}}"#.to_owned()),
        "/v1/sys/health?standbyok=true&perfstandbyok=true" => (200, "{}".to_owned()),
        _ => (404, r#"{"errors":[]}"#.to_owned()),
    }
}

#[tokio::test]
async fn a_vault_is_asked_for_a_field_below_its_prefix_and_for_nothing_else() {
    let (allowed, asked) = vault("platform", "hvs.right").await;
    assert_eq!(found(&allowed, "vault:platform/acme#key").await.unwrap(), "kit_inside");
    assert_eq!(found(&allowed, "vault:/platform/acme#note").await.unwrap(), "ä");
    assert_eq!(found(&allowed, "vault:platform/one ?").await.unwrap(), "kit_one", "there is one field");
    assert!(allowed.unusable().await.is_empty());
    assert!(asked.lock().unwrap()[0].contains("x-vault-namespace: team\r\n"));
    let before = asked.lock().unwrap().len();
    for reference in
        ["vault:other/acme#key", "vault:platform/../other#key", "vault:platform//acme", "vault:", "vault:#key"]
    {
        assert!(matches!(found(&allowed, reference).await, Err(RefError::Refused(_))), "{reference}");
    }
    assert_eq!(asked.lock().unwrap().len(), before, "nothing that isn't allowed is asked");
}

#[tokio::test]
async fn what_a_vault_does_not_give_is_told_by_whether_asking_again_may_help() {
    let (allowed, _) = vault("platform", "hvs.right").await;
    for (name, words) in [
        ("gone#key", "was deleted"),
        ("none#key", "leads to nothing"),
        ("acme#count", "no text"),
        ("huge#key", "256 KiB"),
        ("closed#key", "policy of secret_refs.vault.token"),
        ("bad#key", "answered 400"),
        ("other#key", "version 2"),
        ("great#key", "version 2"),
    ] {
        let got = found(&allowed, &format!("vault:platform/{name}")).await;
        assert!(matches!(&got, Err(RefError::Missing(why)) if why.contains(words)), "{name}: {got:?}");
    }
    let got = found(&allowed, "vault:platform/acme").await;
    assert!(matches!(&got, Err(RefError::Refused(why)) if why.contains("one of the 4 fields")), "{got:?}");
    for reference in ["vault:platform/odd#key", "vault:platform/sealed#key", "vault:platform/often#key"] {
        let got = found(&allowed, reference).await;
        assert!(matches!(got, Err(RefError::Unreachable(_))), "{reference}: {got:?}");
    }
    let (wrong, _) = vault("platform", "hvs.wrong").await;
    let Err(RefError::Unreachable(why)) = found(&wrong, "vault:platform/acme#key").await else { panic!("it may not") };
    assert!(why.contains("secret_refs.vault.token") && !why.contains("hvs"), "{why}");
    assert!(!format!("{wrong:?}").contains("hvs"));
}

#[tokio::test]
async fn whether_the_token_is_good_is_asked_once_in_a_reading() {
    let (allowed, asked) = vault("platform", "hvs.right").await;
    for reading in 1..=2 {
        let allowed = allowed.for_a_reading();
        for reference in ["vault:platform/closed#key", "vault:platform/shut#key", "vault:platform/closed#key"] {
            let got = found(&allowed, reference).await;
            assert!(matches!(got, Err(RefError::Missing(_))), "{reference}: {got:?}");
        }
        let asked = asked.lock().unwrap();
        assert_eq!(asked.iter().filter(|head| head.contains("lookup-self")).count(), reading);
    }
}

#[tokio::test]
async fn a_way_that_leads_nowhere_is_told_from_an_answer_that_takes_long() {
    // A listener whose queue is full answers nobody who comes to it.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let come = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100));
    let waiting: Vec<_> = std::iter::from_fn(|| come().ok()).take(64).collect();
    assert!(waiting.len() < 64, "the queue has an end");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = |address: std::net::SocketAddr| {
        let place = VaultPlace {
            address: format!("http://{address}"),
            token: Secret::new("hvs.x"),
            namespace: None,
            mount: "secret".to_owned(),
            prefix: String::new(),
            limit: Duration::from_millis(600),
        };
        Allowed { vault: Some(Vault::new(&place, "test").unwrap()), ..Allowed::default() }
    };
    let got = found(&at(address), "vault:any#key").await;
    assert!(matches!(&got, Err(RefError::Unreachable(why)) if why.contains("no connection")), "{got:?}");
    let got = found(&at(silent.local_addr().unwrap()), "vault:any#key").await;
    assert!(matches!(got, Err(RefError::Slow(_))), "{got:?}");
}

#[tokio::test]
async fn a_vault_behind_a_path_is_asked_everything_there() {
    for path in ["behind", "behind/"] {
        let (allowed, asked) = vault_at(path, "platform", "hvs.right").await;
        assert!(found(&allowed, "vault:platform/closed#key").await.is_err());
        assert_eq!(found(&allowed, "vault:platform/acme#key").await.unwrap(), "kit_inside");
        assert!(allowed.unusable().await.is_empty());
        let asked = asked.lock().unwrap();
        assert!(asked.len() == 4 && asked.iter().all(|head| head.starts_with("GET /behind/v1/")), "{asked:?}");
    }
}

#[test]
fn a_vault_is_reached_by_tls_or_on_this_machine() {
    let at = |address: &str| {
        let (mount, prefix) = ("secret".to_owned(), String::new());
        let place = VaultPlace {
            address: address.to_owned(),
            token: Secret::new("hvs.x"),
            namespace: None,
            mount,
            prefix,
            limit: Duration::from_secs(1),
        };
        Vault::new(&place, "test").map(drop).map_err(|(key, _)| key)
    };
    for good in
        ["https://vault.example.org", "https://10.0.0.1:8200/", "http://127.0.0.1:8200", "http://localhost:8200"]
    {
        assert_eq!(at(good), Ok(()), "{good}");
    }
    for bad in ["http://vault.example.org", "ftp://vault.example.org", "vault", ""] {
        assert_eq!(at(bad), Err("vault.url"), "{bad}");
    }
}
