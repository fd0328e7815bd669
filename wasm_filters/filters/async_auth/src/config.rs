//! What the configuration asks for, checked once when the filter is configured.

use std::time::Duration;

use serde::Deserialize;

/// What passes for a failure's verdict.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    #[default]
    Deny,
    Allow,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub cluster: String,
    /// The name that the authoriser is called by; the cluster's if there is none.
    #[serde(default)]
    pub authority: String,
    /// Goes before the request's path.
    #[serde(default)]
    pub path_prefix: String,
    #[serde(default = "second")]
    pub timeout_milliseconds: u32,
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Headers of the request that the authoriser gets.
    #[serde(default = "credentials")]
    pub send: Vec<String>,
    /// Headers that only the authoriser sets: from its 200 to the request.
    #[serde(default)]
    pub copy: Vec<String>,
    /// Headers of the authoriser's refusal that the client gets.
    #[serde(default = "challenge")]
    pub reply: Vec<String>,
}

fn second() -> u32 {
    1000
}

fn credentials() -> Vec<String> {
    vec!["authorization".into(), "cookie".into()]
}

fn challenge() -> Vec<String> {
    vec![
        "content-type".into(),
        "www-authenticate".into(),
        "location".into(),
    ]
}

/// They describe one message's body, and no other's.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

impl Config {
    /// The configuration, or a sentence that says where it is wrong.
    pub fn read(source: &[u8]) -> Result<Config, String> {
        let mut reader = serde_json::Deserializer::from_slice(source);
        let mut config: Config =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| {
                match error.path().to_string().as_str() {
                    "." => error.inner().to_string(),
                    path => format!("{path}: {}", error.inner()),
                }
            })?;
        reader.end().map_err(|error| error.to_string())?;
        config.check()?;
        if config.authority.is_empty() {
            config.authority = config.cluster.clone();
        }
        Ok(config)
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_milliseconds.into())
    }

    fn check(&mut self) -> Result<(), String> {
        if self.cluster.is_empty() {
            return Err("cluster: expected the name of a cluster".into());
        }
        if !(1..=i32::MAX as u32).contains(&self.timeout_milliseconds) {
            return Err(format!("timeout_milliseconds: expected 1 to {}", i32::MAX));
        }
        if !(self.path_prefix.is_empty() || self.path_prefix.starts_with('/')) {
            return Err("path_prefix: expected a / in front".into());
        }
        check_names("send", &mut self.send)?;
        check_names("copy", &mut self.copy)?;
        check_names("reply", &mut self.reply)
    }
}

fn check_names(place: &str, names: &mut [String]) -> Result<(), String> {
    for (index, name) in names.iter_mut().enumerate() {
        name.make_ascii_lowercase();
        let plain =
            |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
        if name.is_empty() || !name.chars().all(plain) || FRAMING.contains(&name.as_str()) {
            return Err(format!(
                "{place}[{index}]: {name:?}: expected a header that is no pseudo-header and none of {}",
                FRAMING.join(", ")
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> String {
        Config::read(source.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = Config::read(br#"{"cluster": "auth"}"#).unwrap();
        assert_eq!(config.authority, "auth");
        assert_eq!(config.timeout(), Duration::from_secs(1));
        assert_eq!(config.on_failure, OnFailure::Deny);
        assert_eq!(config.send, ["authorization", "cookie"]);
        assert!(config.copy.is_empty());
    }

    #[test]
    fn names_are_compared_in_lower_case() {
        let config = Config::read(br#"{"cluster": "a", "copy": ["X-User"]}"#).unwrap();
        assert_eq!(config.copy, ["x-user"]);
    }

    #[test]
    fn a_refusal_says_where() {
        for (source, place) in [
            ("{}", "missing field `cluster`"),
            (
                r#"{"cluster": ""}"#,
                "cluster: expected the name of a cluster",
            ),
            (
                r#"{"cluster": "a", "on_failure": "open"}"#,
                "on_failure: unknown variant `open`",
            ),
            (
                r#"{"cluster": "a", "timeout_milliseconds": 0}"#,
                "timeout_milliseconds: expected 1",
            ),
            (
                r#"{"cluster": "a", "timeout_milliseconds": 2147483648}"#,
                "timeout_milliseconds:",
            ),
            (
                r#"{"cluster": "a", "path_prefix": "check"}"#,
                "path_prefix: expected a /",
            ),
            (
                r#"{"cluster": "a", "send": [":path"]}"#,
                "send[0]: \":path\": expected a header",
            ),
            (
                r#"{"cluster": "a", "copy": ["b", "Content-Length"]}"#,
                "copy[1]: \"content-length\"",
            ),
            (
                r#"{"cluster": "a", "reply": [""]}"#,
                "reply[0]: \"\": expected a header",
            ),
            (
                r#"{"cluster": "a"} {}"#,
                "trailing characters at line 1 column 18",
            ),
        ] {
            let found = refused(source);
            assert!(found.starts_with(place), "{source}: {found}");
        }
    }
}
