//! Header fields as the host hands them over: names in lower case, values any bytes.

use proxy_wasm::hostcalls::{add_map_value_bytes, get_map_bytes, remove_map_value};
use proxy_wasm::types::{Bytes, MapType, Status};

pub type Fields = Vec<(String, Bytes)>;

/// The fields of a map whose names are among `names`, in their order, repeated ones too.
pub fn chosen(map: &[(String, Bytes)], names: &[String]) -> Fields {
    map.iter()
        .filter(|(name, _)| names.contains(name))
        .cloned()
        .collect()
}

/// A field as text; bytes that are no text never come out as somebody's name or password.
pub fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// The first field of this name, as text.
pub fn first(map: &[(String, Bytes)], name: &str) -> Option<String> {
    let found = map.iter().find(|(field, _)| field == name);
    found.map(|(_, value)| text(value))
}

/// Take away what the client sent under these names: only the authoriser sets them.
pub fn clear_request(names: &[String]) -> Result<(), Status> {
    names
        .iter()
        .try_for_each(|name| remove_map_value(MapType::HttpRequestHeaders, name))
}

pub fn add_to_request(fields: &[(String, Bytes)]) -> Result<(), Status> {
    fields
        .iter()
        .try_for_each(|(name, value)| add_map_value_bytes(MapType::HttpRequestHeaders, name, value))
}

pub fn request() -> Result<Fields, Status> {
    get_map_bytes(MapType::HttpRequestHeaders)
}

/// What the authoriser answered; nothing if it did not.
pub fn answer() -> Result<Fields, Status> {
    get_map_bytes(MapType::HttpCallResponseHeaders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> Fields {
        [("x-a", "1"), ("x-b", "2"), ("x-a", "3")]
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .to_vec()
    }

    #[test]
    fn repeated_fields_stay_repeated() {
        let found = chosen(&map(), &["x-a".to_string()]);
        assert_eq!(found.iter().map(|(_, v)| text(v)).collect::<String>(), "13");
        assert_eq!(first(&map(), "x-a").as_deref(), Some("1"));
        assert_eq!(first(&map(), "x-c"), None);
    }
}
