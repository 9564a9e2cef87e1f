//! The proofs: promises that need a crowd, a kill or many rounds to be believed.
//!
//! | promise | where |
//! |---|---|
//! | nothing accepted is lost, doubled or miscounted, however often the process is killed | `crash::loops` |
//! | the jobs of a dead process are taken over soon; one that only slept changes nothing | `crash::takeover` |
//! | the same of several processes, PostgreSQL and Redis, each killed and started again, and of the network | `chaos::storm`, `chaos::network` |
//! | of a hundred workers that slept past their lease none changes anything | `chaos::zombies` |
//! | with PostgreSQL away every answer is a quick 503, with Redis away none is | `chaos::outages` |
//! | a stop loses nothing and says nothing wrong | `crash::stopping` |
//! | a code has five guesses and opens one session, however many try at once | `signin::races` |
//! | of many refreshes at once all get the one successor; every copy of a used token ends its session | `signin::refresh_races` |
//! | a kill amid refreshes locks nobody out | `crash::refreshes` |
//! | ten misses on a password are ten, a code sets one, and no session outlives its password | `passwords::races` |
//! | a flood of sign-ins takes neither the time nor the memory of the rest | `passwords::flood` |
//! | neither answers nor times tell who has an account or a password | `passwords::secrecy` |
//! | texts can't be had for the money in them: every cap holds, and a country that pays nothing back pauses | `sms::pumping` |
//! | whatever strangers send, its readers keep their promises | `fuzz` |
//! | a stream is put together whole, however often it is cut and its server killed | `streams::cuts`, `streams::kills` |
//! | the program starts at once and is small | `footprint` |
//! | five messages a day are five, in a race, across midnight, with a clock that jumps | `quota::races`, `quota::days` |
//! | a unit comes back once, and there is no way round the quota | `quota::refunds`, `quota::ways_round` |
//!
//! `cargo test` runs them in a quick size. `just proof` sets `POLLUX_PROOF=full` and runs exactly these, but for those of
//! `chaos`, which are `just chaos full`; each says a line of figures.

/// True when the full sizes are wanted.
pub fn is_full() -> bool {
    std::env::var("POLLUX_PROOF").is_ok_and(|size| size == "full")
}

/// The size of a proof.
pub fn size(quick: usize, full: usize) -> usize {
    if is_full() { full } else { quick }
}

/// What chance is made of: `POLLUX_SEED` repeats a run.
pub fn seed() -> u64 {
    std::env::var("POLLUX_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}

/// Says the figures of a proof.
pub fn figures(line: &str) {
    println!("proof: {line}");
}
