//! Signing in: a code is sent to a number, and the right code opens a session.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::sessions::{SignedIn, open_session};
use super::{audit, texts};
use crate::app::App;
use crate::config::CodeDelivery;
use crate::domain::audit::{Event, Kind};
use crate::domain::ids::ChallengeId;
use crate::domain::keys;
use crate::domain::locale::Locale;
use crate::domain::opaque;
use crate::domain::otp::{self, Code, Purpose, SendCaps};
use crate::domain::phone::Phone;
use crate::domain::text::Name;
use crate::error::{Code as Problem, Error, LimitState, Result};
use crate::storage::{NewChallenge, Proof, Refusal};

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

/// Who wants a code, and what for.
#[derive(Clone, Copy, Debug)]
pub struct CodeWish<'a> {
    /// The number it goes to.
    pub phone: &'a Phone,
    /// What it is for.
    pub purpose: Purpose,
    /// What an earlier sign-in gave the client.
    pub device_token: Option<&'a str>,
    /// Where the client is.
    pub address: IpAddr,
    /// The language it would like.
    pub locale: Option<Locale>,
}

/// A code given back.
#[derive(Clone, Copy, Debug)]
pub struct Guess<'a> {
    /// The number it was sent to.
    pub phone: &'a Phone,
    /// What was given.
    pub code: &'a Code,
    /// The challenge it answers; the number's newest when none is named.
    pub challenge: Option<ChallengeId>,
    /// The client's address.
    pub address: IpAddr,
}

/// Takes a sign-up. The account itself is made by the number's first right code, so the answer is the same for a
/// known number.
pub async fn sign_up(app: &App, phone: &Phone, name: Option<&Name>) -> Result<()> {
    let now = app.clock.now();
    let Some(name) = name else { return Ok(()) };
    app.db.keep_name_for(phone, name, now + SIGN_UP_LIFE).await
}

/// Makes a code for a number and has it delivered. Whether the number has an account changes nothing.
pub async fn send_code(app: &App, wish: CodeWish<'_>) -> Result<SentCode> {
    let (now, phone) = (app.clock.now(), wish.phone);
    let is_known = is_known_client(app, phone, wish.device_token).await?;
    let paused = app.db.paused_until(phone).await?.since(now);
    if !is_known && !paused.is_zero() {
        return Err(capped(paused));
    }
    let digits = otp::digits_after(app.db.misses(phone, now - otp::MISSES_KEPT).await?);
    let code = Code::draw(digits).map_err(Error::internal)?;
    let id = ChallengeId::new(now);
    let address = audit::address_name(app, wish.address);
    let challenge = NewChallenge {
        id,
        phone,
        address: &address,
        purpose: wish.purpose,
        code_mac: app.keys.code_mac(wish.purpose, phone, id, &code),
        digits: u32::try_from(digits).unwrap_or(8),
        now,
        expires_at: now + app.config.codes.life,
        text: texts::prepare(app, id, phone, &code, wish.locale),
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

/// Checks a code and opens a session.
pub async fn verify_code(app: &App, guess: &Guess<'_>) -> Result<SignedIn> {
    let purpose = Purpose::Login;
    let challenge = prove_code(app, purpose, guess).await?;
    let (proof, address) = (Proof::Code { challenge, purpose }, audit::address_name(app, guess.address));
    let signed_in =
        open_session(app, guess.phone, proof, &address).await.map_err(|error| error.or(|_| wrong_code()))?;
    app.metrics.code("used");
    Ok(signed_in)
}

/// The challenge that a code answers. The guess is counted, and committed, before anything is compared.
pub(super) async fn prove_code(app: &App, purpose: Purpose, guess: &Guess<'_>) -> Result<ChallengeId> {
    let Guess { phone, code, challenge, address } = *guess;
    let now = app.clock.now();
    let Some(guessed) = app.db.count_guess(phone, purpose, challenge, now).await? else {
        return Err(refused_guess(app, phone, purpose, challenge).await);
    };
    let address = audit::address_name(app, address);
    let right = app.keys.code_mac(purpose, phone, guessed.id, code);
    if !keys::same(&right, &guessed.code_mac) {
        app.metrics.code("missed");
        audit::note(app, Event::new(Kind::GuessRefused, now).of_number(phone).from(address)).await;
        pause_after_many_misses(app, phone).await?;
        return Err(wrong_code());
    }
    Ok(guessed.id)
}

/// True for a client that holds the device token of an earlier sign-in with this number.
async fn is_known_client(app: &App, phone: &Phone, device_token: Option<&str>) -> Result<bool> {
    match device_token {
        Some(token) => app.db.is_device_known(phone, opaque::digest(token)).await,
        None => Ok(false),
    }
}

async fn pause_after_many_misses(app: &App, phone: &Phone) -> Result<()> {
    let now = app.clock.now();
    let misses = app.db.misses(phone, now - otp::MISSES_KEPT).await?;
    // Below a hundred too: when old misses no longer count, the next hundred must begin a pause again.
    if app.db.pause(phone, misses / otp::MISSES_UNTIL_PAUSE, now + otp::PAUSE).await? {
        audit::note(app, Event::new(Kind::CodeLoginPaused, now).of_number(phone)).await;
    }
    Ok(())
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

/// A known client has a reserve, so that a stranger who uses up a number's codes doesn't lock its owner out.
fn caps(app: &App, is_known: bool) -> SendCaps {
    let limit = |most: Option<NonZeroU32>| most.map_or(i64::MAX, |most| most.get().into());
    let limits = &app.config.limits;
    let (address_hour, global_hour) = (limit(limits.otp_sends_per_address_hour), limit(limits.otp_sends_per_hour));
    let caps = SendCaps { address_hour, global_hour, ..SendCaps::default() };
    if is_known { caps.with_reserve() } else { caps }
}

/// Hands the code over. A code that is shown in the answer is meant for demos; a logged one for development; one that
/// goes to a phone is sent by the job that was written with it.
fn deliver(app: &App, phone: &Phone, code: Code) -> Option<Code> {
    match app.config.codes.delivery {
        CodeDelivery::Echo => return Some(code),
        CodeDelivery::Log => {
            tracing::info!(phone = ?phone, code = code.as_str(), "Code delivery is set to the log: here is a code.");
        }
        CodeDelivery::Twilio | CodeDelivery::TwilioVerify | CodeDelivery::Webhook => app.bus.ring_for_jobs(),
    }
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

pub(super) fn wrong_code() -> Error {
    Error::new(Problem::OtpInvalid, "The code is not right, or not good any more.")
}
