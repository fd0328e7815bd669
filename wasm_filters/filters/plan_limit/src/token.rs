//! The claims of a JWT. Its signature is not verified: that is the work of a filter before this one.

use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::DecodePaddingMode;
use base64::Engine;
use serde_json::{Map, Value};

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The claims in a header's value, `Bearer` before the token or not; None if it holds no JWT.
pub fn claims(value: &str) -> Option<Map<String, Value>> {
    let token = value.rsplit(' ').next()?;
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&BASE64URL.decode(payload).ok()?).ok()
}

/// A claim as text: strings as they are, numbers as they are written.
pub fn claim(claims: &Map<String, Value>, name: &str) -> Option<String> {
    match claims.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // {"alg":"none"} and {"sub":"jo","plan":"team","id":7,"admin":true}
    const TOKEN: &str =
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqbyIsInBsYW4iOiJ0ZWFtIiwiaWQiOjcsImFkbWluIjp0cnVlfQ.c2ln";

    fn found(value: &str, name: &str) -> Option<String> {
        claim(&claims(value)?, name)
    }

    #[test]
    fn a_claim_is_read_with_and_without_bearer() {
        assert_eq!(
            found(&format!("Bearer {TOKEN}"), "plan").as_deref(),
            Some("team")
        );
        assert_eq!(found(TOKEN, "sub").as_deref(), Some("jo"));
        assert_eq!(found(TOKEN, "id").as_deref(), Some("7"));
    }

    #[test]
    fn padding_is_allowed() {
        assert_eq!(found("e30.eyJzdWIiOiJqbyJ9.", "sub").as_deref(), Some("jo"));
        assert_eq!(found("e30.eyJzdWIiOiJqIn0=.", "sub").as_deref(), Some("j"));
    }

    #[test]
    fn what_is_no_claim_is_none() {
        for value in [
            "",
            "Bearer",
            "Basic YTpi",
            "a.b",
            "a.b.c",
            "a.e30.c.d",
            "a.W10.c",
            TOKEN,
        ] {
            assert_eq!(found(value, "missing"), None, "{value}");
        }
        assert_eq!(found(TOKEN, "admin"), None);
    }
}
