//! Refreshing: a token is taken once, its successor can be given again for a moment, and a copy ends the session.

use std::net::IpAddr;

use super::sessions::{self, SignedIn};
use super::{audit, plans};
use crate::app::App;
use crate::domain::audit::{Event, Kind};
use crate::domain::keys;
use crate::domain::opaque::RefreshToken;
use crate::domain::plan::Quota;
use crate::domain::refresh::{GivenToken, Standing};
use crate::domain::token::Bearer;
use crate::domain::user::User;
use crate::error::{Code, Error, Result};
use crate::storage::{NewToken, WriteError};

/// Gives a new access token, and the next refresh token, for one that is good.
pub async fn refresh(app: &App, token: Option<&RefreshToken>, address: IpAddr) -> Result<SignedIn> {
    let token = token.ok_or_else(invalid)?;
    // Where another request uses the token between the look and the use, a second look finds it one step behind.
    for _ in 0..2 {
        let given = app.db.refresh_token(token.digest()).await?.ok_or_else(invalid)?;
        match given.standing(app.clock.now(), app.config.refresh_grace) {
            Standing::Good => {
                if let Some(signed_in) = rotate(app, token, &given).await? {
                    return Ok(signed_in);
                }
            }
            Standing::Repeated => return repeat(app, token, &given, address).await,
            Standing::Reused => return Err(end_copied(app, &given, address).await),
            Standing::Over => return Err(invalid()),
        }
    }
    Err(Error::unavailable("a refresh token was neither good nor used"))
}

/// Uses the token; none when another request did meanwhile. All that is told is read before, so that nothing but the
/// answer comes after: the fewer lost answers, the better.
async fn rotate(app: &App, token: &RefreshToken, given: &GivenToken) -> Result<Option<SignedIn>> {
    let whose = owner(app, given).await?;
    let next = successor(app, token, given);
    let new = NewToken { given, hash: next.digest(), now: app.clock.now(), idle: sessions::idle_life(app) };
    match app.db.rotate_token(new).await {
        Ok(()) => {}
        Err(WriteError::Refused(_)) => return Ok(None),
        Err(WriteError::Failed(error)) => return Err(error),
    }
    app.sessions_changed(Some(given.user_id));
    Ok(Some(sessions::signed_in(app, bearer(given), next, whose)))
}

/// Gives the same successor again.
async fn repeat(app: &App, token: &RefreshToken, given: &GivenToken, address: IpAddr) -> Result<SignedIn> {
    let next = successor(app, token, given);
    if !keys::same(&next.digest(), &given.current) {
        // It was made under another signing key: nobody can make it again, and nobody did wrong.
        return Err(invalid());
    }
    let whose = owner(app, given).await?;
    audit::note(app, event(app, Kind::RefreshTokenRepeated, given, address)).await;
    Ok(sessions::signed_in(app, bearer(given), next, whose))
}

/// Ends the session of a token that somebody has a copy of: who holds which can't be told.
async fn end_copied(app: &App, given: &GivenToken, address: IpAddr) -> Error {
    let event = event(app, Kind::RefreshTokenReused, given, address);
    match app.db.end_session(given.session_id, given.user_id, &event).await {
        Ok(has_ended) => {
            app.sessions_changed(Some(given.user_id));
            if has_ended {
                audit::log(app, &event);
            }
            Error::new(Code::RefreshTokenReused, "This token was used before. Its session has ended; please sign in.")
        }
        Err(error) => error,
    }
}

async fn owner(app: &App, given: &GivenToken) -> Result<(User, Quota)> {
    let user = app.db.user(given.user_id).await?.ok_or_else(invalid)?;
    let quota = plans::quota(app, user.id, user.tier).await?;
    Ok((user, quota))
}

fn successor(app: &App, token: &RefreshToken, given: &GivenToken) -> RefreshToken {
    RefreshToken::of(app.keys.successor(given.session_id, token))
}

fn bearer(given: &GivenToken) -> Bearer {
    Bearer { user_id: given.user_id, session_id: given.session_id }
}

fn event(app: &App, kind: Kind, given: &GivenToken, address: IpAddr) -> Event {
    let address = audit::address_name(app, address);
    Event::new(kind, app.clock.now()).of(given.user_id).in_session(given.session_id).from(address)
}

/// One answer for every cause.
fn invalid() -> Error {
    Error::new(Code::RefreshTokenInvalid, "This token is not valid here. Please sign in again.")
}
