//! Who sends a request, and under which plan.

use proxy_wasm::hostcalls::get_map_value_bytes;
use proxy_wasm::types::MapType;
use serde_json::{Map, Value};

use crate::config::{Config, Source};
use crate::token::{claim, claims};

/// A longer name is cut, so that a client can't make the keys of the shared data large.
const MAX_USER: usize = 128;

/// All requests without a user share one bucket, that of the user without a name.
pub struct Sender {
    pub plan: Option<String>,
    pub user: String,
}

pub fn sender(config: &Config) -> Sender {
    let token = config
        .asks_for_claims()
        .then(|| header(&config.token_header))
        .flatten()
        .and_then(|value| claims(&value))
        .unwrap_or_default();
    let user = find(&config.user, &token).unwrap_or_default();
    Sender {
        plan: find(&config.plan, &token),
        user: user.chars().take(MAX_USER).collect(),
    }
}

fn find(source: &Source, token: &Map<String, Value>) -> Option<String> {
    match source {
        Source::Header(name) => header(name),
        Source::Claim(name) => claim(token, name),
    }
}

/// A request header as text. Bytes that are not UTF-8 are no reason to trap.
pub fn header(name: &str) -> Option<String> {
    let value = get_map_value_bytes(MapType::HttpRequestHeaders, name).ok()??;
    Some(String::from_utf8_lossy(&value).into_owned())
}
