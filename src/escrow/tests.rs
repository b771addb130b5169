use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::entropy::NoEntropy;
use super::*;

fn sevens(buffer: &mut [u8]) -> Result<(), NoEntropy> {
    buffer.fill(7);
    Ok(())
}

fn nothing(_: &mut [u8]) -> Result<(), NoEntropy> {
    Err(NoEntropy)
}

fn master(byte: u8) -> MasterKey {
    MasterKey::parse(&Secret::new(&STANDARD.encode([byte; 32]))).unwrap()
}

fn escrow() -> Escrow {
    Escrow::create(&master(1), sevens).unwrap().0
}

fn real() -> Escrow {
    Escrow::create(&master(1), entropy::system).unwrap().0
}

fn print(escrow: &Escrow, provider: &str, key_id: Option<&str>, secret: &str) -> Fingerprint {
    escrow.fingerprint(&ProviderName::new(provider), key_id, &Secret::new(secret))
}

#[test]
fn fingerprints_never_change_between_versions() {
    let escrow = escrow();
    let known = [
        (print(&escrow, "mailjet", Some("public"), "private").as_str().to_owned(), VECTORS[0]),
        (print(&escrow, "kit", None, "kit_0").as_str().to_owned(), VECTORS[1]),
        (escrow.placeholder("main", "c-1", Some("v2")).as_str().to_owned(), VECTORS[2]),
        (escrow.digest(b"facts"), VECTORS[3]),
        (escrow.key_id().to_owned(), VECTORS[4]),
    ];
    for (got, expected) in known {
        assert_eq!(got, expected);
    }
}

// Computed by another implementation, for the ledger key 07 07 … and the master key 01 01 …
const VECTORS: [&str; 5] = [
    "ecf5b1a99cc19d1f7e6bf00a4e7f53bff61642b4103a52e8bbf0b65a975a28fb",
    "b3534dd8ae81cfb11a98b946a59606314b8c0fbf58ee5789354f0a8f340910a0",
    "1ad8c6eba5bc7e3af182cc176317ca1636e8e5625f564123179438efb8330816",
    "eb00f9c4e018b7adf30994cdbcc2ca4f",
    "5957617c30fd0afa",
];

#[test]
fn a_fingerprint_ignores_the_white_space_around_fields_and_an_empty_public_half() {
    let escrow = escrow();
    let plain = print(&escrow, "mailjet", Some("public"), "private");
    assert_eq!(print(&escrow, " Mailjet ", Some("  public\n"), "\tprivate "), plain);
    assert_eq!(print(&escrow, "kit", None, "s"), print(&escrow, "kit", Some("  "), "s"));
    assert_ne!(print(&escrow, "mailjet", Some("public"), "PRIVATE"), plain);
}

#[test]
fn no_shift_of_a_field_boundary_gives_the_same_fingerprint() {
    let escrow = escrow();
    let mut seen = HashSet::new();
    for (provider, key_id, secret) in [
        ("ab", "cd", "ef"),
        ("abc", "d", "ef"),
        ("ab", "c", "def"),
        ("ab", "cdef", ""),
        ("", "abcd", "ef"),
        ("abcdef", "", ""),
    ] {
        assert!(seen.insert(print(&escrow, provider, Some(key_id), secret)), "{provider}|{key_id}|{secret}");
        assert!(seen.insert(escrow.placeholder(provider, key_id, Some(secret))), "{provider}|{key_id}|{secret}");
    }
}

#[test]
fn another_ledger_gives_other_fingerprints_for_the_same_secret() {
    let (one, two) = (real(), real());
    assert_ne!(print(&one, "kit", None, "s"), print(&two, "kit", None, "s"));
    assert_ne!(one.digest(b"facts"), two.digest(b"facts"));
}

#[test]
fn unlocking_gives_the_same_escrow_and_another_key_is_named_not_replaced() {
    let (made, wrapped) = Escrow::create(&master(1), entropy::system).unwrap();
    let again = Escrow::unlock(&master(1), &wrapped, entropy::system).unwrap();
    let fingerprint = print(&made, "kit", None, "s");
    assert_eq!(print(&again, "kit", None, "s"), fingerprint);
    let sealed = made.seal(&fingerprint, &Secret::new("s")).unwrap();
    assert_eq!(again.open(&fingerprint, &sealed).unwrap().expose(), "s");

    let wrong = Escrow::unlock(&master(2), &wrapped, entropy::system).err().unwrap();
    assert_eq!(wrong, EscrowError::WrongKey { expected: master(1).id(), got: master(2).id() });
    let forged = Wrapped { key_id: master(2).id(), ..wrapped };
    assert_eq!(Escrow::unlock(&master(2), &forged, entropy::system).err(), Some(EscrowError::Damaged));
}

#[test]
fn rekeying_keeps_fingerprints_and_moves_copies() {
    let old = real();
    let (new, wrapped) = old.rekey(&master(2)).unwrap();
    let fingerprint = print(&old, "kit", None, "s");
    assert_eq!(print(&new, "kit", None, "s"), fingerprint);
    let sealed = old.seal(&fingerprint, &Secret::new("s")).unwrap();
    let moved = old.reseal(&fingerprint, &sealed, &new).unwrap();
    assert!(new.open(&fingerprint, &sealed).is_err(), "the old copy must not open under the new key");
    let unlocked = Escrow::unlock(&master(2), &wrapped, entropy::system).unwrap();
    assert_eq!(unlocked.open(&fingerprint, &moved).unwrap().expose(), "s");
}

#[test]
fn no_randomness_is_an_error_not_a_weak_key() {
    assert_eq!(Escrow::create(&master(1), nothing).err(), Some(EscrowError::Vault(VaultError::NoRandomness)));
    let (_, wrapped) = Escrow::create(&master(1), sevens).unwrap();
    let dry = Escrow::unlock(&master(1), &wrapped, nothing).unwrap();
    let fingerprint = print(&dry, "kit", None, "s");
    assert!(matches!(dry.seal(&fingerprint, &Secret::new("s")), Err(VaultError::NoRandomness)));
}

#[test]
fn a_bad_master_key_is_told_with_the_way_to_make_a_good_one() {
    let read = |text: &str| MasterKey::parse(&Secret::new(text)).err();
    assert_eq!(read("  "), Some(MasterKeyError::Missing));
    assert_eq!(read("not base64!"), Some(MasterKeyError::NotBase64));
    assert_eq!(read(&STANDARD.encode([0; 31])), Some(MasterKeyError::Length(31)));
    for error in [MasterKeyError::Missing, MasterKeyError::NotBase64, MasterKeyError::Length(1)] {
        assert!(error.to_string().contains("openssl rand -base64 32"), "{error}");
    }
}

#[test]
fn a_master_key_prints_only_its_id() {
    assert_eq!(format!("{:?}", master(1)), format!("[master key {}]", master(1).id()));
}

#[test]
fn copies_of_secrets_of_like_length_have_the_same_length_and_never_repeat() {
    let escrow = real();
    let fingerprint = print(&escrow, "kit", None, "s");
    let seal = |length: usize| escrow.seal(&fingerprint, &Secret::new(&"x".repeat(length))).unwrap();
    assert_eq!(seal(1).len(), seal(60).len());
    assert_eq!(seal(61).len(), seal(124).len());
    assert!(seal(61).len() > seal(60).len());
    assert_ne!(seal(32), seal(32));
}

proptest! {
    #[test]
    fn what_was_sealed_opens_only_for_its_fingerprint_and_under_its_key(secret in "[ -~]{0,200}", other in "[a-z]{1,20}") {
        let escrow = real();
        let secret = Secret::new(&secret);
        let fingerprint = escrow.fingerprint(&ProviderName::new("kit"), None, &secret);
        let sealed = escrow.seal(&fingerprint, &secret).unwrap();
        let opened = escrow.open(&fingerprint, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), secret.expose());
        let elsewhere = print(&escrow, "mailjet", Some(&other), &other);
        prop_assert!(escrow.open(&elsewhere, &sealed).is_err());
        prop_assert!(escrow.rekey(&master(9)).unwrap().0.open(&fingerprint, &sealed).is_err());
    }

    #[test]
    fn a_changed_byte_or_a_cut_is_noticed(at in 0usize..1000, flip in 1u8..=255, keep in 0usize..100) {
        let escrow = escrow();
        let fingerprint = print(&escrow, "kit", None, "s");
        let mut bytes = STANDARD.decode(escrow.seal(&fingerprint, &Secret::new("secret")).unwrap()).unwrap();
        let cut = STANDARD.encode(&bytes[..keep.min(bytes.len() - 1)]);
        prop_assert!(escrow.open(&fingerprint, &cut).is_err());
        let at = at % bytes.len();
        bytes[at] ^= flip;
        prop_assert!(escrow.open(&fingerprint, &STANDARD.encode(&bytes)).is_err());
    }
}
