//! What an answer of the authoriser means.

use crate::fields::{first, Fields};

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Denied(u32),
    /// No answer, or one that is no verdict: a 5xx. The host itself answers with one when it can't
    /// reach the authoriser or waited too long.
    Failed(String),
}

impl Verdict {
    pub fn of(answer: &Fields) -> Verdict {
        let Some(status) = first(answer, ":status") else {
            return Verdict::Failed("no answer".into());
        };
        match status.parse() {
            Ok(200) => Verdict::Allowed,
            Ok(code @ 201..=499) => Verdict::Denied(code),
            _ => Verdict::Failed(format!("answered {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: &str) -> Verdict {
        Verdict::of(&vec![(":status".into(), status.as_bytes().to_vec())])
    }

    #[test]
    fn only_a_200_lets_a_request_pass() {
        assert_eq!(of("200"), Verdict::Allowed);
        assert_eq!(of("204"), Verdict::Denied(204));
        assert_eq!(of("302"), Verdict::Denied(302));
        assert_eq!(of("403"), Verdict::Denied(403));
    }

    #[test]
    fn what_is_no_verdict_is_a_failure() {
        assert_eq!(of("503"), Verdict::Failed("answered 503".into()));
        assert_eq!(of("x"), Verdict::Failed("answered x".into()));
        assert_eq!(Verdict::of(&vec![]), Verdict::Failed("no answer".into()));
    }
}
