//! The forms of what stands in a query, for the document. Each says what its reader takes, no more and no less.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{
    Back, CredentialName, LARGEST_LIMIT, LARGEST_NUMBER, LONGEST, Limit, Number, Onward, Place, Text, USUAL_LIMIT, Way,
};

/// Not blanks alone, and without control characters.
const TEXT: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// Implements both traits: the name in the document, and the form.
macro_rules! forms {
    ($($of:ident as $name:literal: $form:expr;)*) => {$(
        impl PartialSchema for $of {
            fn schema() -> RefOr<Schema> {
                $form.into()
            }
        }

        impl ToSchema for $of {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

forms! {
    Back as "CursorBack": words("A place in a list: `next` of the page before. Nobody has to understand it.")
        .pattern(Some("^l_[1-9][0-9]{0,17}$"));
    CredentialName as "CredentialName": words("The last 12 hex digits of a credential's fingerprint, or more of them.")
        .pattern(Some("^[0-9a-f]{12,64}$"));
    Limit as "Limit": number("Rows of a page.", LARGEST_LIMIT).default(Some(USUAL_LIMIT.into()));
    Number as "Number": number("A number of the ledger's.", LARGEST_NUMBER);
    Onward as "Cursor": words("A place in a list: `next` of the page before. Nobody has to understand it.")
        .pattern(Some("^n_[1-9][0-9]{0,17}$"));
    Place as "CursorOfFindings": words("A place in a list: `next` of the page before. Nobody has to understand it.")
        .pattern(Some("^(n|w_[0-3]_(0|-?[1-9][0-9]{0,17})|o_(0|-?[1-9][0-9]{0,17}))_[1-9][0-9]{0,17}$"));
    Way as "CursorOfEvents": words("A place in a list: `next` of the page before. Nobody has to understand it.")
        .pattern(Some("^[nl]_[1-9][0-9]{0,17}$"));
    Text as "Text": words("Somebody else's name for something, exactly.").min_length(Some(1)).max_length(Some(LONGEST))
        .pattern(Some(TEXT));
}

fn words(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn number<N: Into<utoipa::Number>>(description: &str, greatest: N) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1))
        .maximum(Some(greatest))
        .description(Some(description))
}
