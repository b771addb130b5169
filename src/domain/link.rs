//! A link that lets its holder act for one person (DESIGN.md 9).

use std::fmt;

/// The whole address of an action link, token included: whoever has it may act. Printing it masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct ActionLink(String);

impl ActionLink {
    /// Takes an absolute http or https address that ends in a token.
    pub const fn new(address: String) -> Self {
        Self(address)
    }

    /// The address, for the one mail that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ActionLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActionLink(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_printed() {
        let link = ActionLink::new("https://keys.example.org/a/canary".to_owned());
        assert!(!format!("{link:?}").contains("canary"));
        assert_eq!(link.expose(), "https://keys.example.org/a/canary");
    }
}
