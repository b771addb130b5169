//! Mails: what they say (pure) and how they leave.
