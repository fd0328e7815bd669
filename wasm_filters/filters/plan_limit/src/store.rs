//! Buckets in the host's shared data, so that all workers of a proxy take from the same one.

use std::time::UNIX_EPOCH;

use log::warn;
use proxy_wasm::hostcalls::{get_current_time, get_shared_data, set_shared_data};
use proxy_wasm::types::Status;

use crate::bucket::{Rate, Taken};

/// Each round that is lost was won by another worker, so a few are enough.
const ROUNDS: u32 = 16;
/// A key that is not there takes any number. One that another worker made in the meantime has a
/// number, but not this one; 0 would overwrite it.
const NOT_THERE: u32 = u32::MAX;

/// Take a token from the bucket `key`; the status is the host's if it refuses.
pub fn take(key: &str, rate: Rate) -> Result<Taken, Status> {
    let now = now()?;
    for _ in 0..ROUNDS {
        let (kept, number) = get_shared_data(key)?;
        let taken = rate.take(kept.map_or(0, |bytes| full_at(&bytes)), now);
        if !taken.allowed {
            return Ok(taken);
        }
        let bytes = taken.full_at.to_le_bytes();
        match set_shared_data(key, Some(&bytes), Some(number.unwrap_or(NOT_THERE))) {
            Err(Status::CasMismatch) => continue,
            done => return done.map(|()| taken),
        }
    }
    warn!("plan_limit: {key}: others were faster {ROUNDS} times");
    Err(Status::CasMismatch)
}

fn now() -> Result<u64, Status> {
    let since = get_current_time()?.duration_since(UNIX_EPOCH);
    Ok(since.map_or(0, |since| since.as_nanos() as u64))
}

/// Bytes that this filter did not write make a full bucket.
fn full_at(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}
