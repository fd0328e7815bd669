//! What the configuration asks for, checked once when the filter is configured.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::bucket::Rate;

const NANOSECONDS: u64 = 1_000_000_000;
const MAX_WINDOW: u64 = 366 * 24 * 3600; // seconds: far from where nanoseconds overflow

/// Where a name is found: a header's value, or a claim of the token.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Header(String),
    Claim(String),
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "plan_claim")]
    pub plan: Source,
    #[serde(default = "user_claim")]
    pub user: Source,
    #[serde(default = "authorization")]
    pub token_header: String,
    /// Prefixes of the paths that are limited; all paths if there are none.
    #[serde(default)]
    pub paths: Vec<String>,
    /// For a request that names no plan, or one that is not among `plans`.
    pub default_plan: Option<String>,
    pub plans: BTreeMap<String, Plan>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "RawPlan")]
pub struct Plan {
    pub rate: Rate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    limit: u64,
    window_seconds: u64,
}

impl TryFrom<RawPlan> for Plan {
    type Error = String;

    fn try_from(raw: RawPlan) -> Result<Plan, String> {
        let RawPlan {
            limit,
            window_seconds: window,
        } = raw;
        if !(1..=MAX_WINDOW).contains(&window) {
            return Err(format!(
                "window_seconds is {window}, expected 1 to {MAX_WINDOW}"
            ));
        }
        match Rate::new(limit, window * NANOSECONDS) {
            Some(rate) => Ok(Plan { rate }),
            None => Err(format!(
                "limit is {limit}, expected 1 to {} for this window",
                window * NANOSECONDS
            )),
        }
    }
}

fn plan_claim() -> Source {
    Source::Claim("plan".into())
}

fn user_claim() -> Source {
    Source::Claim("sub".into())
}

fn authorization() -> String {
    "authorization".into()
}

impl Config {
    /// The configuration, or a sentence that says where it is wrong.
    pub fn read(source: &[u8]) -> Result<Config, String> {
        let mut reader = serde_json::Deserializer::from_slice(source);
        let config: Config = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            match error.path().to_string().as_str() {
                "." => error.inner().to_string(),
                path => format!("{path}: {}", error.inner()),
            }
        })?;
        reader.end().map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        for name in self.plans.keys() {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            if name.is_empty() || !name.chars().all(plain) {
                return Err(format!(
                    "plans: {name:?}: expected letters, digits, - and _"
                ));
            }
        }
        match &self.default_plan {
            Some(name) if !self.plans.contains_key(name) => {
                Err(format!("default_plan: {name:?} is none of the plans"))
            }
            _ => Ok(()),
        }
    }

    /// Whether requests to this path are limited.
    pub fn covers(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|prefix| path.starts_with(prefix))
    }

    /// Whether the token has to be read at all.
    pub fn asks_for_claims(&self) -> bool {
        [&self.plan, &self.user]
            .iter()
            .any(|source| matches!(source, Source::Claim(_)))
    }

    /// The plan of a request that says that its plan is `name`.
    pub fn plan(&self, name: Option<&str>) -> Option<(&String, &Plan)> {
        name.and_then(|name| self.plans.get_key_value(name))
            .or_else(|| self.plans.get_key_value(self.default_plan.as_ref()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"plans": {"team": {"limit": 10, "window_seconds": 60}}}"#;

    fn refused(source: &str) -> String {
        Config::read(source.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = Config::read(SMALL.as_bytes()).unwrap();
        assert_eq!(config.plan, Source::Claim("plan".into()));
        assert_eq!(config.user, Source::Claim("sub".into()));
        assert_eq!(config.token_header, "authorization");
        assert!(config.covers("/any"));
        assert!(config.plan(Some("none")).is_none());
    }

    #[test]
    fn a_refusal_says_where() {
        for (source, place) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{}", "missing field `plans`"),
            (
                "{\"plans\": {}} x",
                "trailing characters at line 1 column 15",
            ),
            (
                r#"{"plans": {}, "plan": {"heder": "x"}}"#,
                "plan: unknown variant `heder`",
            ),
            (
                r#"{"plans": {"a": {"limit": "9"}}}"#,
                "plans.a.limit: invalid type: string",
            ),
            (
                r#"{"plans": {"a": {"limit": 1}}}"#,
                "plans.a: missing field `window_seconds`",
            ),
            (
                r#"{"plans": {"a": {"limit": 1, "window_seconds": 0}}}"#,
                "plans.a: window_seconds is 0, expected 1 to",
            ),
            (
                r#"{"plans": {"a": {"limit": 0, "window_seconds": 1}}}"#,
                "plans.a: limit is 0, expected 1 to 1000000000 for this window",
            ),
            (
                r#"{"plans": {"a b": {"limit": 1, "window_seconds": 1}}}"#,
                "plans: \"a b\": expected letters",
            ),
            (
                r#"{"plans": {}, "default_plan": "a"}"#,
                "default_plan: \"a\" is none of the plans",
            ),
        ] {
            let found = refused(source);
            assert!(found.starts_with(place), "{source}: {found}");
        }
    }

    #[test]
    fn an_unknown_plan_is_the_default_one() {
        let source = SMALL.replace("{\"plans\"", "{\"default_plan\": \"team\", \"plans\"");
        let config = Config::read(source.as_bytes()).unwrap();
        assert_eq!(config.plan(Some("none")).unwrap().0, "team");
        assert_eq!(config.plan(None).unwrap().0, "team");
    }

    #[test]
    fn paths_are_prefixes() {
        let source = SMALL.replace("{\"plans\"", "{\"paths\": [\"/pull\"], \"plans\"");
        let config = Config::read(source.as_bytes()).unwrap();
        assert!(config.covers("/pull/1") && !config.covers("/signup"));
    }
}
