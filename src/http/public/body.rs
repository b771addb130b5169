//! The body of a POST, as it was sent.

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Nothing;

/// What was sent, in one of the two encodings that RFC 8058 allows for a one-click unsubscription.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// as browsers send the forms of our pages, and most mail programs
    Form(Bytes),
    /// `multipart/form-data`: names and values
    Parts(Vec<(String, String)>),
}

/// Reads it.
///
/// # Errors
/// The answer to whoever sent too much, or what can't be read.
pub(super) async fn receive(request: Request) -> Result<Body, Response> {
    let headers = request.headers().clone();
    if !is_multipart(&headers) {
        return Bytes::from_request(request, &()).await.map(Body::Form).map_err(IntoResponse::into_response);
    }
    let refused = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => error.into_response(),
        _ => Nothing::Unread.page(&headers),
    };
    let parts = Multipart::from_request(request, &()).await;
    let mut parts = parts.map_err(|_| Nothing::Unread.page(&headers))?; // it has no boundary
    let mut fields = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(refused)? {
        let name = field.name().unwrap_or_default().to_owned();
        fields.push((name, field.text().await.map_err(refused)?));
    }
    Ok(Body::Parts(fields))
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("multipart/form-data")
}
