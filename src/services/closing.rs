//! Closing an account: fresh proof first, then everything that is paid for ends at the provider, then one transaction
//! closes the account, and a job erases what it leaves.

use std::net::IpAddr;
use std::time::Duration;

use super::auth::{self, Guess};
use super::{audit, passwords, subscriptions};
use crate::app::App;
use crate::domain::audit::{Event, Kind};
use crate::domain::ids::{ChallengeId, UserId};
use crate::domain::job::NewJob;
use crate::domain::otp::{Code, Purpose};
use crate::domain::password::Password;
use crate::domain::user::Session;
use crate::error::{Code as Problem, Error, Result};
use crate::storage::{ClosingProof, Credentials, NewClosure, Refusal, WriteError};

/// How long the erasure is tried: as good as for ever.
const PATIENCE: Duration = Duration::from_hours(100 * 365 * 24);
/// How often a checkout that is begun in between makes us end everything once more.
const ROUNDS: usize = 3;

/// What a client gives to show that its owner wants this.
#[derive(Debug)]
pub enum Shown {
    /// The password.
    Password(Password),
    /// A code that was asked for to confirm something.
    Code(Code, Option<ChallengeId>),
    /// Nothing: the session must have been begun by a code a moment ago.
    Nothing,
}

/// What was proven, as far as it must be taken.
enum Proven {
    Code(ChallengeId),
    Password,
    FreshSession,
}

/// Closes the caller's account. When the payment provider fails, nothing is changed.
pub async fn close_account(app: &App, caller: Session, shown: &Shown, address: IpAddr) -> Result<()> {
    let account = app.db.credentials(caller.user_id).await?.ok_or_else(ended)?;
    let proven = prove(app, (caller, &account), shown, address).await?;
    let event = Event::new(Kind::AccountClosed, app.clock.now());
    let event = event.of(caller.user_id).in_session(caller.id).from(audit::address_name(app, address));
    let holder = UserId::new(event.at);
    let closure = NewClosure {
        user_id: caller.user_id,
        phone: &account.phone,
        session: caller.id,
        proof: match proven {
            Proven::Code(challenge) => ClosingProof::Code(challenge),
            Proven::Password => ClosingProof::Password(account.hash.as_deref().unwrap_or_default()),
            Proven::FreshSession => ClosingProof::FreshSession,
        },
        minds_checkouts: app.billing.is_some(),
        holder,
        event: &event,
        job: NewJob::about_remains(caller.user_id, holder, event.at, PATIENCE),
    };
    end_and_close(app, &closure).await?;
    app.sessions_changed(Some(caller.user_id));
    app.forget_user(caller.user_id).await;
    audit::log(app, &event);
    app.bus.ring_for_jobs();
    Ok(())
}

/// A checkout that was begun after everything had ended at the provider is ended too before the account is closed.
async fn end_and_close(app: &App, closure: &NewClosure<'_>) -> Result<()> {
    for _ in 0..ROUNDS {
        subscriptions::close(app, closure.user_id).await?;
        match app.db.close_account(closure).await {
            Err(WriteError::Refused(Refusal::Stale)) => {}
            outcome => return outcome.map_err(|error| error.or(overtaken)),
        }
    }
    Err(Error::unavailable("checkouts are begun as quickly as they are closed"))
}

async fn prove(app: &App, of: (Session, &Credentials), shown: &Shown, address: IpAddr) -> Result<Proven> {
    let (caller, account) = of;
    match shown {
        Shown::Password(password) => {
            let address = audit::address_name(app, address);
            passwords::prove(app, account, password, &address).await?;
            Ok(Proven::Password)
        }
        Shown::Code(code, challenge) => {
            app.limiter.check_code(address, app.clock.now()).await?;
            let guess = Guess { phone: &account.phone, code, challenge: *challenge, address };
            auth::prove_code(app, Purpose::Confirm, &guess).await.map(Proven::Code)
        }
        Shown::Nothing if passwords::is_fresh(app, caller).await? => Ok(Proven::FreshSession),
        Shown::Nothing => Err(not_proven(app, caller).await?),
    }
}

/// What somebody without proof is told; a session that ended a moment ago is not asked for any.
async fn not_proven(app: &App, caller: Session) -> Result<Error> {
    let session = app.db.session(caller.id, caller.user_id).await?;
    if session.is_none_or(|session| !session.is_live(app.clock.now())) {
        return Ok(ended());
    }
    Ok(Error::new(
        Problem::ReauthenticationRequired,
        "Give your password or a code (purpose confirm), or sign in with a code and try again within 5 minutes.",
    ))
}

/// Somebody else was quicker: with the proof, or with the session.
fn overtaken(refusal: Refusal) -> Error {
    match refusal {
        Refusal::CodeSpent => auth::wrong_code(),
        Refusal::PasswordChanged => passwords::wrong(),
        _ => ended(),
    }
}

fn ended() -> Error {
    Error::new(Problem::SessionEnded, "This session has ended. Please sign in again.")
}
