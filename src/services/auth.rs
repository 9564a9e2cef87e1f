//! Signing in: a code is sent to a number, and the right code opens a session.

use std::net::IpAddr;
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::config::CodeDelivery;
use crate::domain::ids::{ChallengeId, SessionId, UserId};
use crate::domain::keys;
use crate::domain::otp::{self, Code, Purpose, SendCaps};
use crate::domain::phone::Phone;
use crate::domain::text::Name;
use crate::domain::token::Bearer;
use crate::domain::user::{SESSION_LIFE, Session, User};
use crate::error::{Code as Problem, Error, LimitState, Result};
use crate::live::limiter;
use crate::storage::{NewChallenge, NewSession, Refusal};

/// How long a name given at sign-up waits for the number's first right code.
const SIGN_UP_LIFE: Duration = Duration::from_hours(24);

const HOUR: Duration = Duration::from_hours(1);

/// A code on its way.
#[derive(Debug)]
pub struct SentCode {
    /// The challenge it answers.
    pub challenge_id: ChallengeId,
    /// How long it is good.
    pub expires_in: Duration,
    /// When another may be asked for.
    pub resend_after: Duration,
    /// The code itself, where it is delivered in the answer.
    pub echo: Option<Code>,
}

/// What a client gets at sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// For the `Authorization` header.
    pub access_token: String,
    /// How long it is good.
    pub expires_in: Duration,
    /// For a new access token.
    pub refresh_token: String,
    /// To be known again as a client of this number; it gives no access.
    pub device_token: String,
    /// The account.
    pub user: User,
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

/// Takes a sign-up. The account itself is made by the number's first right code, so the answer is the same for a
/// known number.
pub async fn sign_up(app: &App, phone: &Phone, name: Option<&Name>) -> Result<()> {
    let now = app.clock.now();
    let Some(name) = name else { return Ok(()) };
    app.db.keep_name_for(phone, name, now + SIGN_UP_LIFE).await
}

/// Makes a code for a number and has it delivered. Whether the number has an account changes nothing.
pub async fn send_code(
    app: &App,
    phone: &Phone,
    purpose: Purpose,
    device_token: Option<&str>,
    address: IpAddr,
) -> Result<SentCode> {
    let now = app.clock.now();
    let is_known = is_known_client(app, phone, device_token).await?;
    let paused = app.db.paused_until(phone).await?.since(now);
    if !is_known && !paused.is_zero() {
        return Err(capped(paused));
    }
    let digits = otp::digits_after(app.db.misses(phone, now - otp::MISSES_KEPT).await?);
    let code = Code::draw(digits).map_err(Error::internal)?;
    let id = ChallengeId::new(now);
    let address = app.keys.address_name(&limiter::network(address).to_string());
    let challenge = NewChallenge {
        id,
        phone,
        address: &address,
        purpose,
        code_mac: app.keys.code_mac(purpose, phone, id, &code),
        digits: u32::try_from(digits).unwrap_or(8),
        now,
        expires_at: now + app.config.codes.life,
    };
    if let Err(error) = app.db.add_challenge(challenge, caps(app, is_known)).await {
        app.metrics.code("refused");
        let again_in = (app.db.last_code_at(phone).await? + otp::SPACING).since(now);
        return Err(error.or(|refusal| not_sent(refusal, again_in)));
    }
    app.metrics.code("sent");
    let echo = deliver(app, phone, code);
    Ok(SentCode { challenge_id: id, expires_in: app.config.codes.life, resend_after: otp::SPACING, echo })
}

/// Checks a code and opens a session. The guess is counted, and committed, before anything is compared.
pub async fn verify_code(app: &App, phone: &Phone, code: &Code, challenge: Option<ChallengeId>) -> Result<SignedIn> {
    let now = app.clock.now();
    let purpose = Purpose::Login;
    let Some(guessed) = app.db.count_guess(phone, purpose, challenge, now).await? else {
        return Err(refused_guess(app, phone, purpose, challenge).await);
    };
    let right = app.keys.code_mac(purpose, phone, guessed.id, code);
    if !keys::same(&right, &guessed.code_mac) {
        app.metrics.code("missed");
        pause_after_many_misses(app, phone).await?;
        return Err(wrong_code());
    }
    open_session(app, phone, purpose, guessed.id).await
}

/// The live session of a token's bearer.
pub async fn session_of(app: &App, bearer: Bearer) -> Result<Session> {
    live_session(app, bearer)
        .await?
        .ok_or_else(|| Error::new(Problem::SessionEnded, "This session has ended. Please sign in again."))
}

/// Ends sessions; this process sees it at once, others within a second.
pub async fn sign_out(app: &App, bearer: Bearer, scope: Scope) -> Result<()> {
    let (user, this, now) = (bearer.user_id, bearer.session_id, app.clock.now());
    if scope != Scope::This && live_session(app, bearer).await?.is_none() {
        // An ended session has no power over the others: whoever was signed out can't sign out the rest.
        return Ok(());
    }
    match scope {
        Scope::This => app.db.end_session(this, user, now).await?,
        Scope::Others => app.db.end_other_sessions(this, user, now).await?,
        Scope::All => app.db.end_all_sessions(user, now).await?,
    }
    app.cache.forget_sessions((scope == Scope::This).then_some(this));
    tracing::info!(user = %user, scope = ?scope, "A user signed out.");
    Ok(())
}

async fn live_session(app: &App, bearer: Bearer) -> Result<Option<Session>> {
    Ok(find_session(app, bearer).await?.filter(|session| session.is_live(app.clock.now())))
}

async fn find_session(app: &App, bearer: Bearer) -> Result<Option<Session>> {
    if let Some(session) = app.cache.session(bearer.session_id) {
        return Ok((session.user_id == bearer.user_id).then_some(session));
    }
    let revocations = app.cache.revocations();
    let session = app.db.session(bearer.session_id, bearer.user_id).await?;
    if let Some(session) = session {
        app.cache.keep_session(session, revocations);
    }
    Ok(session)
}

/// True for a client that holds the device token of an earlier sign-in with this number.
async fn is_known_client(app: &App, phone: &Phone, device_token: Option<&str>) -> Result<bool> {
    match device_token {
        Some(token) => app.db.is_device_known(phone, hash(token)).await,
        None => Ok(false),
    }
}

async fn pause_after_many_misses(app: &App, phone: &Phone) -> Result<()> {
    let now = app.clock.now();
    let misses = app.db.misses(phone, now - otp::MISSES_KEPT).await?;
    // Below a hundred too: when old misses no longer count, the next hundred must begin a pause again.
    app.db.pause(phone, misses / otp::MISSES_UNTIL_PAUSE, now + otp::PAUSE).await
}

async fn refused_guess(app: &App, phone: &Phone, purpose: Purpose, challenge: Option<ChallengeId>) -> Error {
    match app.db.is_guessed_out(phone, purpose, challenge, app.clock.now()).await {
        Ok(true) => {
            Error::new(Problem::OtpAttemptsExceeded, "This code has had its guesses. Please ask for a new one.")
                .limited_by(spent(
                    "guesses",
                    u64::try_from(otp::GUESSES).unwrap_or(0),
                    app.config.codes.life,
                    otp::SPACING,
                ))
        }
        Ok(false) => wrong_code(),
        Err(error) => error,
    }
}

async fn open_session(app: &App, phone: &Phone, purpose: Purpose, challenge: ChallengeId) -> Result<SignedIn> {
    let now = app.clock.now();
    let (refresh_token, device_token) = (random_token("rt_")?, random_token("dt_")?);
    let session = NewSession {
        phone,
        challenge,
        purpose,
        id: SessionId::new(now),
        user_id: UserId::new(now),
        refresh_hash: hash(&refresh_token),
        device_hash: hash(&device_token),
        now,
        expires_at: now + SESSION_LIFE,
    };
    let session_id = session.id;
    let begun = app.db.begin_session(session).await.map_err(|error| error.or(|_| wrong_code()))?;
    for ended in begun.ended {
        app.cache.forget_sessions(Some(ended));
    }
    let user = begun.user;
    app.metrics.code("used");
    tracing::info!(user = %user.id, session = %session_id, "A user signed in by code.");
    let access_token = app.tokens.mint(Bearer { user_id: user.id, session_id }, now);
    Ok(SignedIn { access_token, expires_in: app.tokens.life(), refresh_token, device_token, user })
}

/// A known client has a reserve, so that a stranger who uses up a number's codes doesn't lock its owner out.
fn caps(app: &App, is_known: bool) -> SendCaps {
    let address_hour = app.config.limits.otp_sends_per_address_hour.map_or(i64::MAX, |most| most.get().into());
    let caps = SendCaps { address_hour, ..SendCaps::default() };
    if is_known { caps.with_reserve() } else { caps }
}

/// Hands the code over. A code that is shown in the answer is meant for demos; a logged one for development.
fn deliver(app: &App, phone: &Phone, code: Code) -> Option<Code> {
    if app.config.codes.delivery == CodeDelivery::Echo {
        return Some(code);
    }
    tracing::info!(phone = ?phone, code = code.as_str(), "Code delivery is set to the log: here is a code.");
    None
}

fn not_sent(refusal: Refusal, again_in: Duration) -> Error {
    match refusal {
        Refusal::TooSoon => {
            Error::new(Problem::OtpResendTooSoon, "A code was sent less than a minute ago; it is still good.")
                .limited_by(spent("code-spacing", 1, otp::SPACING, again_in))
        }
        _ => capped(HOUR),
    }
}

/// One answer for every cap, so that nothing is learnt from which it was.
fn capped(again_in: Duration) -> Error {
    Error::new(Problem::OtpSendLimited, "No more codes can be sent for now. Please try later.").limited_by(spent(
        "codes",
        u64::try_from(SendCaps::default().phone_hour).unwrap_or(0),
        HOUR,
        again_in,
    ))
}

fn spent(policy: &'static str, quota: u64, window: Duration, resets_in: Duration) -> LimitState {
    LimitState { policy, quota, window, remaining: 0, resets_in }
}

fn wrong_code() -> Error {
    Error::new(Problem::OtpInvalid, "The code is not right, or not good any more.")
}

fn random_token(prefix: &str) -> Result<String> {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
    Ok(format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)))
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
