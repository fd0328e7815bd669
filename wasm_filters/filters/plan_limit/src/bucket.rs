//! A token bucket in eight bytes: the time at which it will be full again.
//!
//! Each request takes one token, that is, moves this time by one token's worth of waiting. Only
//! the arithmetic is here; the caller keeps the time and tells what time it is (all in
//! nanoseconds).

/// How large a bucket is, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u64,
    token: u64, // nanoseconds until one token is there again
}

/// What one request found. Times are counted from now.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// When the bucket is full, to be kept; as it was if there was no token to take.
    pub full_at: u64,
    pub allowed: bool,
    pub remaining: u64,
    /// Nanoseconds until the next token; 0 if there is one.
    pub retry_after: u64,
    /// Nanoseconds until the bucket is full.
    pub full_after: u64,
}

impl Rate {
    /// `limit` tokens a `window` of nanoseconds; None if a token would take no time at all.
    pub fn new(limit: u64, window: u64) -> Option<Rate> {
        let token = window.checked_div(limit)?;
        (token > 0).then_some(Rate { limit, token })
    }

    /// Take a token at `now` from a bucket that is full at `full_at`.
    ///
    /// A bucket can't lack more than all its tokens: a `full_at` beyond that was kept under an
    /// older configuration, or the clock was set back, and counts as an empty bucket.
    pub fn take(self, full_at: u64, now: u64) -> Taken {
        let empty = now.saturating_add(self.limit * self.token);
        let before = full_at.clamp(now, empty);
        let after = before.saturating_add(self.token);
        let allowed = after <= empty;
        let full_at = if allowed { after } else { before };
        let remaining = (empty - full_at) / self.token;
        Taken {
            full_at,
            allowed,
            remaining,
            retry_after: if remaining > 0 {
                0
            } else {
                full_at + self.token - empty
            },
            full_after: full_at - now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const NOW: u64 = 1_700_000_000 * SECOND;

    fn take_all(rate: Rate, now: u64) -> u64 {
        (0..rate.limit).fold(0, |full_at, _| {
            let taken = rate.take(full_at, now);
            assert!(taken.allowed);
            taken.full_at
        })
    }

    #[test]
    fn a_full_bucket_has_exactly_its_limit() {
        for (limit, window) in [(1, 1), (3, 10), (10, 60), (1000, 1), (100_000, 1)] {
            let rate = Rate::new(limit, window * SECOND).unwrap();
            let full_at = take_all(rate, NOW);
            assert!(!rate.take(full_at, NOW).allowed, "{limit} in {window} s");
        }
    }

    #[test]
    fn remaining_counts_down_and_reset_counts_up() {
        let rate = Rate::new(3, 30 * SECOND).unwrap();
        let first = rate.take(0, NOW);
        assert_eq!((first.remaining, first.full_after), (2, 10 * SECOND));
        let second = rate.take(first.full_at, NOW);
        assert_eq!((second.remaining, second.full_after), (1, 20 * SECOND));
    }

    #[test]
    fn an_empty_bucket_says_when_the_next_token_comes() {
        let rate = Rate::new(3, 30 * SECOND).unwrap();
        let full_at = take_all(rate, NOW);
        let refused = rate.take(full_at, NOW + 4 * SECOND);
        assert_eq!((refused.allowed, refused.remaining), (false, 0));
        assert_eq!(refused.retry_after, 6 * SECOND);
        assert_eq!(refused.full_at, full_at);
        let later = rate.take(full_at, NOW + 10 * SECOND);
        assert_eq!((later.allowed, later.remaining), (true, 0));
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_limit() {
        let rate = Rate::new(3, 30 * SECOND).unwrap();
        let full_at = take_all(rate, NOW);
        assert_eq!(rate.take(full_at, NOW + 9_999 * SECOND).remaining, 2);
    }

    #[test]
    fn a_clock_set_back_empties_the_bucket_and_no_more() {
        let rate = Rate::new(3, 30 * SECOND).unwrap();
        let refused = rate.take(NOW + 5_000 * SECOND, NOW);
        assert_eq!((refused.allowed, refused.retry_after), (false, 10 * SECOND));
    }

    #[test]
    fn a_token_takes_time() {
        assert_eq!(Rate::new(0, SECOND), None);
        assert_eq!(Rate::new(SECOND + 1, SECOND), None);
    }
}
