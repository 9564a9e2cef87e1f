//! Limits by address and user: what counts exactly is counted in the database; these keep floods from getting there. Where
//! processes share a Redis they count together; the process counts by itself all the same, so that a limit is never
//! open because Redis is away.

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::redis::Reach;
use super::shared_windows::{count_in_bucket, count_in_window};
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::error::{Code, Error, LimitState, Result};

const MINUTE: Duration = Duration::from_mins(1);
/// Keys remembered by a window; whoever floods it with keys pushes out the oldest.
const KEYS: u64 = 100_000;

/// How many of what a minute may hold; none is no bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Checks of a code from one address in five minutes.
    pub otp_checks: Option<NonZeroU32>,
    /// Requests of one user in a minute.
    pub requests: Option<NonZeroU32>,
    /// Messages of one user in a minute.
    pub sends: Option<NonZeroU32>,
    /// Rooms that one user makes in an hour.
    pub rooms: Option<NonZeroU32>,
}

/// The limits.
#[derive(Debug)]
pub struct Limiter {
    reach: Reach,
    signups: Option<Window<IpAddr>>,
    otp_checks: Option<Window<IpAddr>>,
    refreshes: Option<Window<IpAddr>>,
    sends: Option<Window<UserId>>,
    rooms: Option<Window<UserId>>,
    requests: Option<Requests>,
}

#[derive(Debug)]
struct Requests {
    limiter: DefaultKeyedRateLimiter<UserId>,
    clock: DefaultClock,
    per_minute: NonZeroU32,
    burst: NonZeroU32,
}

impl Limiter {
    /// Limits at those rates, of that reach.
    #[must_use]
    pub fn new(rates: Rates, reach: Reach) -> Self {
        let five_minutes = MINUTE * 5;
        Self {
            reach,
            signups: rates.otp_checks.map(|most| Window::new("signups", most, five_minutes)),
            otp_checks: rates.otp_checks.map(|most| Window::new("code-checks", most, five_minutes)),
            refreshes: rates.otp_checks.map(|most| Window::new("refreshes", most, five_minutes)),
            sends: rates.sends.map(|most| Window::new("sends", most, MINUTE)),
            rooms: rates.rooms.map(|most| Window::new("rooms", most, MINUTE * 60)),
            requests: rates.requests.map(Requests::new),
        }
    }

    /// Counts a sign-up from an address.
    pub async fn sign_up(&self, address: IpAddr, now: Timestamp) -> Result<()> {
        self.count(self.signups.as_ref(), network(address), now).await
    }

    /// Counts a check of a code from an address.
    pub async fn check_code(&self, address: IpAddr, now: Timestamp) -> Result<()> {
        self.count(self.otp_checks.as_ref(), network(address), now).await
    }

    /// Counts a refresh from an address; as many may be as checks of a code.
    pub async fn refresh(&self, address: IpAddr, now: Timestamp) -> Result<()> {
        self.count(self.refreshes.as_ref(), network(address), now).await
    }

    /// Counts a message of a user.
    pub async fn send(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.count(self.sends.as_ref(), user, now).await
    }

    /// Counts a room that a user makes.
    pub async fn make_room(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.count(self.rooms.as_ref(), user, now).await
    }

    /// Counts a request of a user.
    pub async fn request(&self, user: UserId) -> Result<()> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.count(user)?;
        let Some(redis) = self.reach.redis() else { return Ok(()) };
        let key = format!("limit:requests:{user}");
        match count_in_bucket(redis, &key, requests.per_minute.get(), requests.burst.get()).await {
            Some(wait) => Err(too_fast("requests", requests.per_minute, MINUTE, wait)),
            None => Ok(()),
        }
    }

    async fn count<K>(&self, window: Option<&Window<K>>, key: K, now: Timestamp) -> Result<()>
    where
        K: Hash + Eq + Send + Sync + Copy + std::fmt::Display + 'static,
    {
        let Some(window) = window else { return Ok(()) };
        window.count(key, now)?;
        let Some(redis) = self.reach.redis() else { return Ok(()) };
        let name = format!("limit:{}:{key}", window.policy);
        match count_in_window(redis, &name, (window.most.get(), window.length), now).await {
            Some(wait) => Err(too_fast(window.policy, window.most, window.length, wait)),
            None => Ok(()),
        }
    }

    /// Forgets what a user has sent and made; the requests of the last minute are forgotten as soon as they are over.
    pub fn forget_user(&self, user: UserId) {
        for window in [&self.sends, &self.rooms].into_iter().flatten() {
            window.log.invalidate(&user);
        }
    }

    /// Forgets users that have been quiet.
    pub fn sweep(&self) {
        if let Some(requests) = &self.requests {
            requests.limiter.retain_recent();
        }
    }
}

impl Requests {
    fn new(per_minute: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(per_minute.get().div_ceil(2)).unwrap_or(per_minute);
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst));
        Self { limiter, clock: DefaultClock::default(), per_minute, burst }
    }

    fn count(&self, user: UserId) -> Result<()> {
        self.limiter.check_key(&user).map_err(|early| {
            let wait = early.wait_time_from(self.clock.now());
            too_fast("requests", self.per_minute, MINUTE, wait)
        })
    }
}

/// A strict sliding window: never more than `most` in any span of its length.
#[derive(Debug)]
struct Window<K: Hash + Eq + Send + Sync + 'static> {
    policy: &'static str,
    most: NonZeroU32,
    length: Duration,
    log: moka::sync::Cache<K, Arc<Mutex<VecDeque<Timestamp>>>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Window<K> {
    fn new(policy: &'static str, most: NonZeroU32, length: Duration) -> Self {
        let log = moka::sync::Cache::builder().max_capacity(KEYS).time_to_idle(length).build();
        Self { policy, most, length, log }
    }

    fn count(&self, key: K, now: Timestamp) -> Result<()> {
        let entry = self.log.get_with(key, Arc::default);
        let mut times = entry.lock().unwrap_or_else(PoisonError::into_inner);
        while times.front().is_some_and(|first| *first + self.length <= now) {
            times.pop_front();
        }
        if times.len() >= self.most.get() as usize {
            let free_at = times.front().map_or(now, |first| *first + self.length);
            return Err(too_fast(self.policy, self.most, self.length, free_at.since(now)));
        }
        times.push_back(now);
        Ok(())
    }
}

fn too_fast(policy: &'static str, most: NonZeroU32, window: Duration, wait: Duration) -> Error {
    let limit = LimitState { policy, quota: most.get().into(), window, remaining: 0, resets_in: wait };
    Error::new(Code::RateLimited, "Too many requests. Please wait a little.").limited_by(limit)
}

/// The part of an address that one client controls: all of IPv4, the first 64 bits of IPv6.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

    #[test]
    fn a_window_never_holds_more_than_it_may() {
        let window = Window::new("test", NonZeroU32::new(3).unwrap(), MINUTE);
        for second in [0, 10, 20] {
            assert!(window.count("a", NOW + Duration::from_secs(second)).is_ok());
        }
        let refused = window.count("a", NOW + Duration::from_secs(59)).unwrap_err();
        assert_eq!(refused.wait(), Some(Duration::from_secs(1)));
        assert!(window.count("b", NOW + Duration::from_secs(59)).is_ok());
        assert!(window.count("a", NOW + Duration::from_mins(1)).is_ok());
        assert!(window.count("a", NOW + Duration::from_secs(61)).is_err());
    }

    #[test]
    fn an_address_counts_by_what_one_client_controls() {
        let read = |text: &str| network(text.parse().unwrap());
        assert_eq!(read("2001:db8:1:2:3:4:5:6"), read("2001:db8:1:2:ffff::1"));
        assert_ne!(read("2001:db8:1:2::1"), read("2001:db8:1:3::1"));
        assert_eq!(read("::ffff:192.0.2.1"), read("192.0.2.1"));
        assert_ne!(read("192.0.2.1"), read("192.0.2.2"));
    }
}
