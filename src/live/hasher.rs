//! Hashing of passwords: argon2id, a few at a time, so that whoever floods it takes neither the processors nor the
//! memory from anybody else.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::keys;
use crate::domain::password::{NewPassword, Password};
use crate::error::{Code, Error, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const LENGTH: usize = 32;
/// Wishes that wait behind those being hashed; a further one is refused at once.
const QUEUE: usize = 32;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The hasher of a process; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    at_once: usize,
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// Kept from hash to hash while others wait, and given back when nobody does.
    memory: Mutex<Vec<Vec<Block>>>,
}

/// A place in the queue, for the hashes that one request needs.
#[derive(Debug)]
pub struct Turn {
    hasher: Hasher,
    place: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.place.take());
        self.hasher.rest();
    }
}

impl Default for Hasher {
    /// One hash for each processor but one, which is left to everything else.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::new(processors.saturating_sub(1).max(1))
    }
}

impl Hasher {
    /// So many hashes at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Inner {
            at_once,
            places: Arc::new(Semaphore::new(at_once + QUEUE)),
            running: Arc::new(Semaphore::new(at_once)),
            memory: Mutex::default(),
        }))
    }

    /// Takes a place, or refuses at once.
    pub fn turn(&self) -> Result<Turn> {
        let place = Arc::clone(&self.0.places).try_acquire_owned().map_err(|_| {
            Error::new(Code::Overloaded, "Too many passwords are being checked. Please try again.")
                .retry_after(RETRY_AFTER)
        })?;
        Ok(Turn { hasher: self.clone(), place: Some(place) })
    }

    fn take_memory(&self) -> Vec<Block> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, memory: Vec<Block>) {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        self.rest();
    }

    /// Gives the memory back to the machine when nobody holds a place.
    fn rest(&self) {
        if self.0.places.available_permits() == self.0.at_once + QUEUE {
            self.0.memory.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

impl Turn {
    /// The text under which a new password is kept, with a salt of its own.
    pub async fn hash(&self, password: &NewPassword) -> Result<String> {
        let password = password.clone();
        self.run(move |memory| {
            let mut salt = [0_u8; Salt::RECOMMENDED_LENGTH];
            SysRng.try_fill_bytes(&mut salt).map_err(Error::internal)?;
            let params = params()?;
            let output = digest(password.bytes(), &salt, &params, memory)?;
            let hash = PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::default().into()),
                params: ParamsString::try_from(&params).map_err(Error::internal)?,
                salt: Some(Salt::new(&salt).map_err(Error::internal)?),
                hash: Some(Output::new(&output).map_err(Error::internal)?),
            };
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is the one that is kept. Where none is kept it takes the same time to say no.
    pub async fn verify(&self, password: &Password, kept: Option<&str>) -> Result<bool> {
        let (password, kept) = (password.clone(), kept.map(ToOwned::to_owned));
        self.run(move |memory| {
            let Some(kept) = kept else {
                digest(password.bytes(), &[0; Salt::RECOMMENDED_LENGTH], &params()?, memory)?;
                return Ok(false);
            };
            let kept = PasswordHash::new(&kept).map_err(Error::internal)?;
            let (Some(salt), Some(right)) = (&kept.salt, &kept.hash) else {
                return Err(Error::internal("a password hash has no salt or no hash"));
            };
            let params = Params::try_from(&kept).map_err(Error::internal)?;
            let output = digest(password.bytes(), salt.as_ref(), &params, memory)?;
            Ok(keys::same(&output, right.as_ref()))
        })
        .await
    }

    /// Waits for its turn and hashes on a thread for blocking work. The permit goes along: whoever stops waiting for
    /// the hash does not make room for another before it has ended.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let running = Arc::clone(&self.hasher.0.running).acquire_owned().await.map_err(Error::internal)?;
        let hasher = self.hasher.clone();
        let hashing = tokio::task::spawn_blocking(move || {
            let mut memory = hasher.take_memory();
            let done = work(&mut memory);
            hasher.give_back(memory);
            drop(running);
            done
        });
        hashing.await.map_err(Error::internal)?
    }
}

fn params() -> Result<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(LENGTH)).map_err(Error::internal)
}

fn digest(password: &[u8], salt: &[u8], params: &Params, memory: &mut Vec<Block>) -> Result<Vec<u8>> {
    memory.resize(params.block_count(), Block::new());
    let mut output = vec![0; params.output_len().unwrap_or(LENGTH)];
    Argon2::new(Algorithm::Argon2id, Version::default(), params.clone())
        .hash_password_into_with_memory(password, salt, &mut output, memory)
        .map_err(Error::internal)?;
    Ok(output)
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("at_once", &self.at_once).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn new(text: &str) -> NewPassword {
        NewPassword::parse(text).unwrap()
    }

    async fn is_right(hasher: &Hasher, text: &str, kept: Option<&str>) -> bool {
        hasher.turn().unwrap().verify(&Password::parse(text).unwrap(), kept).await.unwrap()
    }

    #[tokio::test]
    async fn a_hash_tells_its_costs_has_a_salt_of_its_own_and_knows_its_password() {
        let hasher = Hasher::new(1);
        let first = hasher.turn().unwrap().hash(&new("seven green herons")).await.unwrap();
        let second = hasher.turn().unwrap().hash(&new("seven green herons")).await.unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
        assert!(is_right(&hasher, "seven green herons", Some(&first)).await);
        for other in ["seven green heron", "seven green herons ", "Seven green herons", "seven green herons\u{301}"] {
            assert!(!is_right(&hasher, other, Some(&first)).await, "{other}");
        }
        assert!(!is_right(&hasher, "seven green herons", None).await);
    }

    #[tokio::test]
    async fn a_hash_of_other_costs_is_still_known() {
        let hasher = Hasher::new(1);
        // The published example of RFC 9106's algorithm in the form that its own program prints.
        let kept = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(is_right(&hasher, "password", Some(kept)).await);
        assert!(!is_right(&hasher, "passwore", Some(kept)).await);
        let broken = hasher.turn().unwrap().verify(&Password::parse("x").unwrap(), Some("nonsense")).await;
        assert_eq!(broken.unwrap_err().code(), Code::Internal);
    }

    #[tokio::test]
    async fn beyond_the_queue_it_is_refused_at_once_and_a_place_that_is_left_is_free() {
        let hasher = Hasher::new(2);
        let mut turns: Vec<Turn> = (0..34).map(|_| hasher.turn().unwrap()).collect();
        let refused = hasher.turn().unwrap_err();
        assert_eq!((refused.code(), refused.wait()), (Code::Overloaded, Some(RETRY_AFTER)));
        turns.pop();
        hasher.turn().unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn memory_is_kept_while_others_wait_and_given_back_when_nobody_does() {
        let hasher = Hasher::new(2);
        let kept = |hasher: &Hasher| hasher.0.memory.lock().unwrap().len();
        let waiting = hasher.turn().unwrap();
        let all = (0..6).map(|_| is_right(&hasher, "x", None));
        futures_util::future::join_all(all).await;
        assert!((1..=2).contains(&kept(&hasher)), "{}", kept(&hasher));
        drop(waiting);
        assert_eq!(kept(&hasher), 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_stops_waiting_makes_no_room_for_one_more_at_once() {
        let hasher = Hasher::new(1);
        let (turn, password) = (hasher.turn().unwrap(), Password::parse("x").unwrap());
        assert!(turn.verify(&password, None).now_or_never().is_none());
        assert_eq!(hasher.0.running.available_permits(), 0);
        assert!(!is_right(&hasher, "x", None).await);
        assert_eq!(hasher.0.running.available_permits(), 1);
    }
}
