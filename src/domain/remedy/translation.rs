//! A provider's words in another language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Remedies, Situation, Words};

/// What a person reads of [`Remedies`], in another language. The link and who says so are the original's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// the way through the provider's screens
    pub path: String,
    /// what dies at once and what lives on
    pub old_value: String,
    /// what else stops working
    pub breaks: String,
    /// the words that the shared steps are made of, for the situations that `steps` leaves out
    #[serde(default)]
    pub words: Words,
    /// the steps for each situation, in order
    #[serde(default)]
    pub steps: BTreeMap<Situation, Vec<String>>,
    /// the same for a connection that was made by permission (OAuth); needed where the original has it
    #[serde(default)]
    pub oauth: Option<Box<Self>>,
    /// the same for values of another kind; needed where the original has it
    #[serde(default, rename = "kind", skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, Self>,
}

impl Translation {
    /// The remedies in this language.
    pub fn of(&self, original: &Remedies) -> Remedies {
        let grant = |grant: &Self| Box::new(grant.of(original.oauth.as_deref().unwrap_or(original)));
        let of_kind =
            |(kind, texts): (&String, &Self)| (kind.clone(), texts.of(original.kinds.get(kind).unwrap_or(original)));
        Remedies {
            path: self.path.clone(),
            link: original.link.clone(),
            old_value: self.old_value.clone(),
            breaks: self.breaks.clone(),
            words: self.words.clone(),
            steps: self.steps.clone(),
            oauth: self.oauth.as_deref().map(grant),
            kinds: self.kinds.iter().map(of_kind).collect(),
            source: original.source.clone(),
            general: original.general,
        }
    }

    /// Takes over what was completed from shared steps.
    pub fn complete_from(&mut self, completed: Remedies) {
        let Remedies { path, old_value, breaks, words, steps, oauth, .. } = completed;
        let oauth = oauth.map(|grant| {
            let mut own = self.oauth.take().unwrap_or_default();
            own.complete_from(*grant);
            own
        });
        let kinds = std::mem::take(&mut self.kinds); // they have steps of their own only
        *self = Self { path, old_value, breaks, words, steps, oauth, kinds };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Source;

    fn remedies(path: &str, link: &str, oauth: Option<Box<Remedies>>) -> Remedies {
        Remedies {
            path: path.to_owned(),
            link: link.to_owned(),
            old_value: String::new(),
            breaks: String::new(),
            words: Words::default(),
            steps: BTreeMap::new(),
            oauth,
            kinds: BTreeMap::new(),
            source: Source::try_from("[I] a test".to_owned()).unwrap(),
            general: false,
        }
    }

    #[test]
    fn a_translation_leads_where_the_original_leads() {
        let grant = remedies("Apps", "https://b.test", None);
        let original = remedies("Keys", "https://a.test", Some(Box::new(grant)));
        let translation = |path: &str, oauth| Translation {
            path: path.to_owned(),
            old_value: String::new(),
            breaks: String::new(),
            words: Words::default(),
            steps: BTreeMap::new(),
            oauth,
            kinds: BTreeMap::new(),
        };
        let german = translation("Schlüssel", Some(Box::new(translation("Anwendungen", None)))).of(&original);
        assert_eq!((german.path.as_str(), german.link.as_str()), ("Schlüssel", "https://a.test"));
        let grant = german.oauth.expect("the grant");
        assert_eq!((grant.path.as_str(), grant.link.as_str()), ("Anwendungen", "https://b.test"));
    }
}
