//! Steps that read the same for every provider but for its own words.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Remedies, Situation, Words};

/// The steps that all providers share: sentences with blanks (`{title}`, `{key}`, `{make}`, `{look}`, `{risk}`, `{kind}`,
/// `{end}`, `{end-old}`, `{end-older}` for ending the key, the old one, the older one, and `{stop}` for when what uses a renewed
/// key stops).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SharedSteps {
    /// what stands for `{it}` in the words that end a key
    it: It,
    /// what stands for `{stop}`
    stop: Stop,
    /// for keys of which several live side by side
    overlap: Steps,
    /// for a key whose renewal ends the one before
    hard_cut: Steps,
    /// for connections that were made by permission (OAuth)
    grant: Steps,
    /// what is true of a permission at any provider
    any_grant: AnyGrant,
}

/// A way to end a permission that holds wherever one can be given. `{title}` stands for the provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyGrant {
    path: String,
    old_value: String,
    breaks: String,
    words: Words,
}

/// The key as the object of a sentence; `{key}` is what the provider calls it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct It {
    /// "the key"
    this: String,
    /// "the old key"
    old: String,
    /// "the older key"
    older: String,
}

/// When what uses a renewed key stops; `{count}` is the number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    /// "when it is renewed"
    at_once: String,
    /// "when it is renewed, or up to {count} hours later"
    hours: String,
    /// "when it is renewed, or up to {count} days later"
    days: String,
}

impl Stop {
    fn after(&self, grace_hours: Option<u64>) -> String {
        match grace_hours {
            None | Some(0) => self.at_once.clone(),
            Some(hours) if hours > 24 && hours % 24 == 0 => self.days.replace("{count}", &(hours / 24).to_string()),
            Some(hours) => self.hours.replace("{count}", &hours.to_string()),
        }
    }
}

/// How a provider's new key meets the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// it ends nothing: several live side by side
    SideBySide,
    /// it ends the one before, which may live on for so many hours
    Cut {
        /// at most
        grace_hours: Option<u64>,
    },
}

/// What fills the blanks of the steps of one provider.
struct Filling<'a> {
    title: &'a str,
    words: &'a Words,
    stop: &'a str,
}

type Steps = BTreeMap<Situation, Vec<String>>;

/// A word that the steps need and the file doesn't give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the steps for {} need it", .situation.as_str())]
pub struct MissingWord {
    /// true where it is missing in the words for permissions
    pub grant: bool,
    /// the key under `words`, or what stands between the braces
    pub word: String,
    /// whose steps
    pub situation: Situation,
}

impl SharedSteps {
    /// Gives the remedies of the provider that people call `title` steps for every situation that they leave out.
    ///
    /// # Errors
    /// Names the first word that is missing.
    pub fn complete(&self, remedies: &mut Remedies, title: &str, renewal: Renewal) -> Result<(), MissingWord> {
        let (shared, stop) = match renewal {
            Renewal::SideBySide => (&self.overlap, self.stop.after(None)),
            Renewal::Cut { grace_hours } => (&self.hard_cut, self.stop.after(grace_hours)),
        };
        self.add(shared, remedies, title, &stop).map_err(|(situation, word)| MissingWord {
            grant: false,
            word,
            situation,
        })?;
        let mut grant = remedies.oauth.take().unwrap_or_else(|| Box::new(self.any_grant(remedies, title)));
        let added = self.add(&self.grant, &mut grant, title, &stop);
        let is_general = grant.general;
        remedies.oauth = Some(grant);
        match added {
            // What a file doesn't say of permissions it need not say: that situation keeps the steps for keys.
            Err(_) if is_general => Ok(()),
            added => added.map_err(|(situation, word)| MissingWord { grant: true, word, situation }),
        }
    }

    /// How a permission is ended at a provider whose file says nothing of permissions, as far as that can be said. It leads to
    /// the provider's front door: which page lists the permissions isn't known.
    fn any_grant(&self, remedies: &Remedies, title: &str) -> Remedies {
        let AnyGrant { path, old_value, breaks, words } = &self.any_grant;
        let named = |text: &str| text.replace("{title}", title);
        let host = remedies.link.strip_prefix("https://").and_then(|rest| rest.split('/').next());
        Remedies {
            path: named(path),
            link: host.map(|host| format!("https://{host}/")).unwrap_or_default(),
            old_value: named(old_value),
            breaks: named(breaks),
            words: Words {
                key: named(&words.key),
                end: named(&words.end),
                look: named(&words.look),
                risk: remedies.words.risk.clone(),
                ..Words::default()
            },
            steps: Steps::new(),
            oauth: None,
            kinds: BTreeMap::new(),
            source: remedies.source.clone(),
            general: true,
        }
    }

    fn add(&self, shared: &Steps, remedies: &mut Remedies, title: &str, stop: &str) -> Result<(), (Situation, String)> {
        for (situation, steps) in shared {
            if !remedies.steps.contains_key(situation) {
                let filling = Filling { title, words: &remedies.words, stop };
                let filled = steps.iter().map(|step| self.fill(step, &filling));
                let filled = filled.collect::<Result<_, _>>().map_err(|word| (*situation, word))?;
                remedies.steps.insert(*situation, filled);
            }
        }
        Ok(())
    }

    /// A step with its blanks filled, or the word that is missing.
    fn fill(&self, step: &str, filling: &Filling<'_>) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = step;
        while let Some((before, after)) = rest.split_once('{') {
            let (blank, behind) = after.split_once('}').ok_or_else(|| after.to_owned())?;
            filled.push_str(before);
            filled.push_str(&self.word(blank, filling)?);
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn word(&self, blank: &str, filling: &Filling<'_>) -> Result<String, String> {
        let words = filling.words;
        let given = |name: &str, word: &str| if word.is_empty() { Err(name.to_owned()) } else { Ok(word.to_owned()) };
        let ended = |it: &str| Ok(given("end", &words.end)?.replace("{it}", &it.replace("{key}", &words.key)));
        match blank {
            "title" => Ok(filling.title.to_owned()),
            "stop" => Ok(filling.stop.to_owned()),
            "key" => given(blank, &words.key),
            "make" => given(blank, &words.make),
            "look" => given(blank, &words.look),
            "risk" => given(blank, &words.risk),
            "kind" => given(blank, &words.kind),
            "end" => ended(&self.it.this),
            "end-old" => ended(&self.it.old),
            "end-older" => ended(&self.it.older),
            unknown => Err(unknown.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Source;

    fn steps(text: &str) -> Steps {
        BTreeMap::from([(Situation::Stale, vec![text.to_owned()])])
    }

    fn remedies(words: Words) -> Remedies {
        Remedies {
            path: String::new(),
            link: String::new(),
            old_value: String::new(),
            breaks: String::new(),
            words,
            steps: BTreeMap::new(),
            oauth: None,
            kinds: BTreeMap::new(),
            source: Source::try_from("[I] a test".to_owned()).unwrap(),
            general: false,
        }
    }

    fn shared(text: &str) -> SharedSteps {
        let it =
            It { this: "the {key}".to_owned(), old: "the old {key}".to_owned(), older: "the older {key}".to_owned() };
        let words = Words { key: "permission".to_owned(), end: "Leave {title}.".to_owned(), ..Words::default() };
        let (path, old_value, breaks) = ("Apps".to_owned(), String::new(), "{title} stops.".to_owned());
        let any_grant = AnyGrant { path, old_value, breaks, words };
        let (at_once, hours, days) = ("now".to_owned(), "{count} h".to_owned(), "{count} d".to_owned());
        let stop = Stop { at_once, hours, days };
        SharedSteps {
            it,
            stop,
            overlap: steps(text),
            hard_cut: steps("cut {key}: {stop}"),
            grant: steps("grant: {end}"),
            any_grant,
        }
    }

    fn words() -> Words {
        Words { key: "token".to_owned(), end: "Delete {it} in Kit.".to_owned(), ..Words::default() }
    }

    #[test]
    fn the_providers_own_words_fill_the_shared_steps() {
        let mut own = remedies(words());
        shared("{title}: {end-old} {end}").complete(&mut own, "Kit", Renewal::SideBySide).unwrap();
        assert_eq!(own.steps[&Situation::Stale], ["Kit: Delete the old token in Kit. Delete the token in Kit."]);
        let mut cut = remedies(words());
        shared("").complete(&mut cut, "Kit", Renewal::Cut { grace_hours: None }).unwrap();
        assert_eq!(cut.steps[&Situation::Stale], ["cut token: now"]);
    }

    #[test]
    fn what_uses_a_renewed_key_stops_when_the_providers_grace_is_over() {
        for (grace_hours, said) in [(None, "now"), (Some(24), "24 h"), (Some(36), "36 h"), (Some(168), "7 d")] {
            let mut own = remedies(words());
            shared("").complete(&mut own, "Kit", Renewal::Cut { grace_hours }).unwrap();
            assert_eq!(own.steps[&Situation::Stale], [format!("cut token: {said}")], "{grace_hours:?}");
        }
    }

    #[test]
    fn steps_of_its_own_go_before_shared_ones() {
        let mut own = Remedies { steps: steps("mine"), ..remedies(Words::default()) };
        shared("{make}").complete(&mut own, "Kit", Renewal::SideBySide).unwrap();
        assert_eq!(own.steps[&Situation::Stale], ["mine"]);
    }

    #[test]
    fn a_file_that_says_nothing_of_permissions_has_what_is_true_of_any() {
        let link = "https://app.kit.test/keys/1".to_owned();
        let mut own = Remedies { link, ..remedies(words()) };
        shared("x").complete(&mut own, "Kit", Renewal::SideBySide).unwrap();
        let grant = own.oauth.expect("steps for permissions");
        assert_eq!(grant.steps[&Situation::Stale], ["grant: Leave Kit."]);
        assert_eq!((grant.link.as_str(), grant.breaks.as_str()), ("https://app.kit.test/", "Kit stops."));
        let needy = SharedSteps { grant: steps("{risk}"), ..shared("x") };
        let mut own = remedies(words());
        needy.complete(&mut own, "Kit", Renewal::SideBySide).expect("it need say nothing of permissions");
        assert_eq!(own.oauth.expect("steps for permissions").steps, Steps::new());
    }

    #[test]
    fn a_missing_word_is_named_with_what_needs_it() {
        let missing = shared("{make}").complete(&mut remedies(words()), "Kit", Renewal::SideBySide);
        assert_eq!(missing, Err(MissingWord { grant: false, word: "make".to_owned(), situation: Situation::Stale }));
        let mut grant = remedies(words());
        grant.oauth = Some(Box::new(remedies(Words::default())));
        let missing = shared("x").complete(&mut grant, "Kit", Renewal::SideBySide);
        assert_eq!(missing, Err(MissingWord { grant: true, word: "end".to_owned(), situation: Situation::Stale }));
    }
}
