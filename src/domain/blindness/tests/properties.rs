use proptest::prelude::*;

use super::*;

/// Any answer of one of a few credentials, within two hours.
fn answered() -> impl Strategy<Value = Answered> {
    let said = prop::sample::select(vec![Said::Accepted, Said::Turned, Said::Refused, Said::Unknown]);
    (1_i64..200, 1_i64..6, 0_u64..7200, said, any::<bool>()).prop_map(|(credential, account, second, said, live)| {
        let at = NOON + Duration::from_secs(second);
        Answered { formerly_live: live, ..heard(credential, account, at, said) }
    })
}

fn few(credentials: i64, accounts: i64) -> impl Strategy<Value = Vec<Answered>> {
    let few = answered().prop_map(move |answered| {
        let credential = answered.credential.0 % credentials;
        let account = AccountId(answered.credential.0 % accounts);
        Answered { credential: CredentialId(credential), accounts: Accounts(Some(account), Some(account)), ..answered }
    });
    prop::collection::vec(few, 0..60)
}

fn judged(answers: &[Answered]) -> (Sight, Option<Change>) {
    let mut sight = Sight::default();
    answers.iter().for_each(|answered| sight.hear(*answered));
    let change = sight.judge(NOON + hours(2), GAP);
    (sight, change)
}

proptest! {
    #[test]
    fn fewer_than_five_credentials_or_three_accounts_blind_nobody(
        four in few(4, 4),
        of_two in few(100, 2),
    ) {
        prop_assert_eq!(judged(&four).1, None);
        prop_assert_eq!(judged(&of_two).1, None);
    }

    #[test]
    fn the_order_in_which_answers_come_in_is_of_no_matter(
        answers in prop::collection::vec(answered(), 0..300),
        seed in any::<u64>(),
    ) {
        let mut shuffled = answers.clone();
        shuffled.sort_by_key(|a| (a.credential.0.unsigned_abs() ^ seed).wrapping_mul(0x9e37_79b9).wrapping_add(a.at.as_millis().unsigned_abs()));
        prop_assert_eq!(judged(&answers), judged(&shuffled));
    }

    #[test]
    fn no_more_is_kept_than_may_be_and_what_is_kept_is_read_back(
        answers in prop::collection::vec(answered(), 0..400),
    ) {
        let (sight, _) = judged(&answers);
        let words = serde_json::to_string(&sight.window).expect("JSON");
        prop_assert!(words.len() < MOST * 60, "{} bytes", words.len());
        prop_assert_eq!(&serde_json::from_str::<Window>(&words).expect("what was written"), &sight.window);
        let state = serde_json::to_string(&sight.state).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<State>(&state).expect("what was written"), sight.state);
    }

    /// Worse news never makes an endpoint sighted that was blind.
    #[test]
    fn a_refusal_in_the_place_of_an_acceptance_blinds_no_less(
        answers in prop::collection::vec(answered(), 0..60),
        which in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!answers.is_empty());
        let mut worse = answers.clone();
        let place = which.index(worse.len());
        prop_assume!(worse[place].said == Said::Accepted);
        worse[place].said = Said::Refused;
        if judged(&answers).0.blind().is_some() {
            prop_assert!(judged(&worse).0.blind().is_some());
        }
    }

    /// Whatever is heard, only formerly live ones that are let in end it early.
    #[test]
    fn without_an_acceptance_nothing_ends_it_within_two_days(
        answers in prop::collection::vec(answered(), 0..200),
        hour in 1_u64..46,
    ) {
        let mut sight = blind();
        for answered in answers {
            let said = if answered.said == Said::Accepted { Said::Refused } else { answered.said };
            let at = answered.at + hours(hour);
            sight.hear(Answered { said, at, ..answered });
            sight.judge(at, GAP);
            prop_assert!(sight.blind().is_some());
        }
    }
}
