//! Passwords: signing in by one, setting one by a code, and changing it.

use std::net::IpAddr;

use super::audit;
use super::auth::{self, Guess};
use super::sessions::{SignedIn, open_session};
use crate::app::App;
use crate::domain::audit::{Event, Kind};
use crate::domain::ids::UserId;
use crate::domain::otp::Purpose;
use crate::domain::password::{self, NewPassword, Password};
use crate::domain::phone::Phone;
use crate::domain::time::Timestamp;
use crate::domain::user::Session;
use crate::error::{Code as Problem, Error, LimitState, Result};
use crate::live::hasher::Turn;
use crate::storage::{Credentials, PasswordChange, PasswordReset, Proof, Refusal};

/// A wish to change a password.
#[derive(Debug)]
pub struct Change {
    /// The password to be.
    pub new: NewPassword,
    /// The password that is, where the client gives it.
    pub old: Option<Password>,
}

/// A password given for a number, from somewhere.
struct Claim<'a> {
    phone: &'a Phone,
    address: &'a str,
    password: &'a Password,
}

/// Signs in by a password. A number without an account, an account without a password and a wrong password take the
/// same steps to the same answer.
pub async fn log_in(app: &App, phone: &Phone, password: &Password, address: IpAddr) -> Result<SignedIn> {
    let address = audit::address_name(app, address);
    let credentials = app.db.credentials_of(phone).await?;
    let kept = credentials.as_ref().and_then(|known| known.hash.as_deref());
    let claim = Claim { phone, address: &address, password };
    let turn = check(app, &claim, kept).await?;
    drop(turn);
    let Some(kept) = kept else { return Err(wrong()) };
    let opened = open_session(app, phone, Proof::Password { stored: kept }, &address).await;
    opened.map_err(|error| error.or(|_| wrong()))
}

/// Sets the password of a number by a code for that, and ends all its sessions.
pub async fn reset(app: &App, guess: &Guess<'_>, new: &NewPassword) -> Result<()> {
    // The place comes first: who finds no room keeps the guess.
    let turn = app.hasher.turn()?;
    let challenge = auth::prove_code(app, Purpose::Reset, guess).await?;
    let hash = turn.hash(new).await?;
    let now = app.clock.now();
    let address = audit::address_name(app, guess.address);
    let event = Event::new(Kind::PasswordReset, now).of_number(guess.phone).from(address);
    let reset = PasswordReset { phone: guess.phone, challenge, user_id: UserId::new(now), hash: &hash, event: &event };
    app.db.reset_password(reset).await.map_err(|error| error.or(|_| auth::wrong_code()))?;
    app.sessions_changed(None);
    app.metrics.code("used");
    app.metrics.password("set");
    audit::log(app, &event);
    Ok(())
}

/// Changes the caller's password and ends the caller's other sessions; this process sees it at once.
pub async fn change(app: &App, caller: Session, change: &Change, address: IpAddr) -> Result<()> {
    let address = audit::address_name(app, address);
    let before = app.db.credentials(caller.user_id).await?.ok_or_else(Error::not_found)?;
    let turn = match (&change.old, &before.hash) {
        (Some(old), Some(kept)) => {
            check(app, &Claim { phone: &before.phone, address: &address, password: old }, Some(kept)).await?
        }
        (None, Some(_)) if !is_fresh(app, caller).await? => return Err(not_proven()),
        _ => app.hasher.turn()?,
    };
    let hash = turn.hash(&change.new).await?;
    let kind = if before.hash.is_some() { Kind::PasswordChanged } else { Kind::PasswordSet };
    let event = Event::new(kind, app.clock.now()).of(caller.user_id).in_session(caller.id).from(address);
    let set = PasswordChange { before: &before, session: caller.id, hash: &hash, event: &event };
    app.db.change_password(set).await.map_err(|error| error.or(|refusal| overtaken(refusal, change)))?;
    app.sessions_changed(Some(caller.user_id));
    app.metrics.password("set");
    audit::log(app, &event);
    Ok(())
}

/// Checks the password of an account as fresh proof, for something that is not about the password.
pub(super) async fn prove(app: &App, of: &Credentials, password: &Password, address: &str) -> Result<()> {
    drop(check(app, &Claim { phone: &of.phone, address, password }, of.hash.as_deref()).await?);
    app.db.forgive_password_misses(&of.phone, address).await
}

/// Compares a password with the one kept, if any, and hands on the place in the hasher. The limits come before the
/// hash, and the miss is counted before anything is compared: a right password takes it back with what it does next.
async fn check(app: &App, claim: &Claim<'_>, kept: Option<&str>) -> Result<Turn> {
    let now = app.clock.now();
    let free_at = app.db.password_free_at(claim.phone, claim.address, now).await?;
    if free_at > now {
        app.metrics.password("refused");
        return Err(too_many_misses(free_at, now));
    }
    let turn = app.hasher.turn()?;
    if let Err(refused) = app.db.count_password_miss(claim.phone, claim.address, now).await {
        // Others were quicker, a moment ago.
        let free_at = app.db.password_free_at(claim.phone, claim.address, now).await?;
        app.metrics.password("refused");
        return Err(refused.or(|_| too_many_misses(free_at, now)));
    }
    if !turn.verify(claim.password, kept).await? {
        app.metrics.password("missed");
        let event = Event::new(Kind::PasswordRefused, now).of_number(claim.phone).from(claim.address.to_owned());
        audit::note(app, event).await;
        return Err(wrong());
    }
    app.metrics.password("right");
    Ok(turn)
}

/// True while a session by code is so young that its owner has just shown the phone.
pub(super) async fn is_fresh(app: &App, session: Session) -> Result<bool> {
    let begun = app.db.begun_by_code_at(session.id, session.user_id).await?;
    Ok(begun.is_some_and(|begun| app.clock.now() < begun + password::FRESH))
}

pub(super) fn wrong() -> Error {
    Error::new(Problem::CredentialsInvalid, "The number or the password is not right.")
}

fn not_proven() -> Error {
    Error::new(
        Problem::ReauthenticationRequired,
        "Give the current password too, or sign in with a code and try again within 5 minutes.",
    )
}

/// Somebody else was quicker: with the password, or with the session.
fn overtaken(refusal: Refusal, change: &Change) -> Error {
    match refusal {
        Refusal::NotFound => Error::new(Problem::SessionEnded, "This session has ended. Please sign in again."),
        _ if change.old.is_some() => wrong(),
        _ => not_proven(),
    }
}

fn too_many_misses(free_at: Timestamp, now: Timestamp) -> Error {
    Error::new(Problem::RateLimited, "Too many wrong passwords. Please wait, or sign in with a code.").limited_by(
        LimitState {
            policy: "password-misses",
            quota: u64::try_from(password::MISSES).unwrap_or(0),
            window: password::MISS_WINDOW,
            remaining: 0,
            resets_in: free_at.since(now),
        },
    )
}
