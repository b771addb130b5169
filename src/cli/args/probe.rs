//! The words of `probe`.

use clap::Args;

use super::TextFormat;

/// Flags of `probe`.
#[derive(Clone, Args)]
pub struct ProbeArgs {
    /// The provider's name in the catalogue
    pub provider: String,
    /// The public half, where the provider has one
    #[arg(long, value_name = "ID")]
    pub key_id: Option<String>,
    /// The region, where it is known; else every region is asked
    #[arg(long)]
    pub region: Option<String>,
    /// The customer's own address at the provider
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = TextFormat::Table)]
    pub format: TextFormat,
    /// Refused: whatever stands here may be a secret
    #[arg(hide = true)]
    pub more: Vec<String>,
    /// Refused likewise
    #[arg(long, hide = true)]
    pub secret: Option<String>,
}

impl std::fmt::Debug for ProbeArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProbeArgs") // a secret may have been pasted anywhere in it
    }
}
