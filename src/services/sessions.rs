//! Sessions: opened by a proof, found with every request, and ended so that nothing gets through afterwards.

use std::time::Duration;

use super::{audit, plans};
use crate::app::App;
use crate::domain::audit::{Event, Kind};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::opaque::{self, RefreshToken};
use crate::domain::phone::Phone;
use crate::domain::plan::Quota;
use crate::domain::token::Bearer;
use crate::domain::user::{SESSION_IDLE, SESSION_LIFE, Session, User};
use crate::error::{Code, Error, Result};
use crate::storage::{NewSession, Proof, WriteError};

/// What a client gets at sign-in and at each refresh.
#[derive(Debug)]
pub struct SignedIn {
    /// For the `Authorization` header.
    pub access_token: String,
    /// How long it is good.
    pub expires_in: Duration,
    /// For a new access token.
    pub refresh_token: RefreshToken,
    /// To be known again as a client of this number; it gives no access.
    pub device_token: String,
    /// The account.
    pub user: User,
    /// How its daily quota stands.
    pub quota: Quota,
}

/// Which sessions a sign-out ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The one that asks.
    This,
    /// All others.
    Others,
    /// All.
    All,
}

/// Opens a session by a proof; refused when the proof stopped being good while it was looked at. `address` is the keyed
/// name of the client's network.
pub async fn open_session(app: &App, phone: &Phone, proof: Proof<'_>, address: &str) -> Result<SignedIn, WriteError> {
    let now = app.clock.now();
    let id = SessionId::new(now);
    let refresh_token = RefreshToken::draw().map_err(|error| WriteError::Failed(Error::internal(error)))?;
    let device_token = opaque::device_token(app.keys.device_token(id));
    let session = NewSession {
        phone,
        proof,
        address,
        id,
        user_id: UserId::new(now),
        refresh_hash: refresh_token.digest(),
        device_hash: opaque::digest(&device_token),
        now,
        expires_at: now + idle_life(app),
    };
    let event = session.event();
    let begun = app.db.begin_session(session).await?;
    audit::log(app, &event.of(begun.user.id));
    for ended in begun.ended {
        app.sessions_changed(Some(begun.user.id));
        let displaced = Event::new(Kind::SessionEnded, now).of(begun.user.id).in_session(ended);
        audit::note(app, displaced.because("too many sessions")).await;
    }
    let quota = plans::quota(app, begun.user.id, begun.user.tier).await.map_err(WriteError::Failed)?;
    let bearer = Bearer { user_id: begun.user.id, session_id: id };
    Ok(signed_in(app, bearer, refresh_token, (begun.user, quota)))
}

/// What a client gets for a session.
pub(super) fn signed_in(app: &App, bearer: Bearer, refresh_token: RefreshToken, whose: (User, Quota)) -> SignedIn {
    SignedIn {
        access_token: app.tokens.mint(bearer, app.clock.now()),
        expires_in: app.tokens.life(),
        refresh_token,
        device_token: opaque::device_token(app.keys.device_token(bearer.session_id)),
        user: whose.0,
        quota: whose.1,
    }
}

/// How long a session lasts without being refreshed: never shorter than one access token, for clients that do not
/// refresh.
pub(super) fn idle_life(app: &App) -> Duration {
    SESSION_IDLE.max(app.tokens.life()).min(SESSION_LIFE)
}

/// The live session of a token's bearer.
pub async fn session_of(app: &App, bearer: Bearer) -> Result<Session> {
    live_session(app, bearer)
        .await?
        .ok_or_else(|| Error::new(Code::SessionEnded, "This session has ended. Please sign in again."))
}

/// Ends sessions; this process sees it at once, others within a second.
pub async fn sign_out(app: &App, bearer: Bearer, scope: Scope) -> Result<()> {
    let (user, this, now) = (bearer.user_id, bearer.session_id, app.clock.now());
    if scope != Scope::This && live_session(app, bearer).await?.is_none() {
        // An ended session has no power over the others: whoever was signed out can't sign out the rest.
        return Ok(());
    }
    let event = |kind| Event::new(kind, now).of(user).in_session(this).because("signed out");
    let (event, has_ended) = match scope {
        Scope::This => {
            let event = event(Kind::SessionEnded);
            let has_ended = app.db.end_session(this, user, &event).await?;
            (event, has_ended)
        }
        Scope::Others => {
            let event = event(Kind::OtherSessionsEnded);
            let has_ended = app.db.end_other_sessions(this, user, &event).await?;
            (event, has_ended)
        }
        Scope::All => {
            let event = event(Kind::AllSessionsEnded);
            let has_ended = app.db.end_all_sessions(user, &event).await?;
            (event, has_ended)
        }
    };
    app.sessions_changed(Some(user));
    if has_ended {
        audit::log(app, &event);
    }
    Ok(())
}

/// Ends one of the caller's sessions, his own or another device's; what is no live session of his is not found.
pub async fn end_session(app: &App, caller: &Session, id: SessionId) -> Result<()> {
    let event = Event::new(Kind::SessionEnded, app.clock.now()).of(caller.user_id).in_session(id);
    if !app.db.end_session(id, caller.user_id, &event).await? {
        return Err(Error::not_found());
    }
    app.sessions_changed(Some(caller.user_id));
    audit::log(app, &event);
    Ok(())
}

async fn live_session(app: &App, bearer: Bearer) -> Result<Option<Session>> {
    Ok(find_session(app, bearer).await?.filter(|session| session.is_live(app.clock.now())))
}

async fn find_session(app: &App, bearer: Bearer) -> Result<Option<Session>> {
    let kept = app.cache.session(bearer.session_id);
    app.metrics.session(kept.is_some());
    if let Some(session) = kept {
        return Ok((session.user_id == bearer.user_id).then_some(session));
    }
    let revocations = app.cache.revocations();
    let session = app.db.session(bearer.session_id, bearer.user_id).await?;
    if let Some(session) = session {
        app.cache.keep_session(session, revocations);
    }
    Ok(session)
}
