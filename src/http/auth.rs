//! Sign-up, codes and sign-in.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::{Input, Wished};
use super::form::{Fields, Form, Names};
use super::users::Me;
use super::visitor::{CodeChecker, Newcomer, Visitor};
use crate::app::App;
use crate::domain::country;
use crate::domain::ids::ChallengeId;
use crate::domain::otp::{Code, Purpose};
use crate::domain::phone::Phone;
use crate::domain::text::Name;
use crate::error::Result;
use crate::services::auth::{self, CodeWish, Guess, SentCode};
use crate::services::sessions::SignedIn;

const MOBILE: Names = &["mobile", "mobile_number", "mobileNumber", "phone"];
pub(super) const OTP: Names = &["otp", "otp_code", "code"];

/// A number, and what its owner is called.
#[derive(Debug, ToSchema)]
pub struct SignUp {
    /// The phone number; also read as `mobile_number`, `mobileNumber`, `phone`.
    #[schema(value_type = String, example = "+15005550006")]
    mobile: Phone,
    /// The person's name.
    #[schema(value_type = Option<String>, example = "Asha", min_length = 1, max_length = 120, nullable = false)]
    name: Option<Name>,
}

/// What a sign-up is answered with, for a new and a known number alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedUp {
    /// A sentence for a person.
    #[schema(example = "Ask for a code to sign in.")]
    message: &'static str,
    /// The number in its normal form.
    #[schema(example = "+15005550006")]
    mobile: String,
    /// Where to go on.
    #[schema(example = "/auth/send-otp")]
    next: &'static str,
}

/// Whom to send a code, and what for.
#[derive(Debug, ToSchema)]
pub struct SendOtp {
    /// The phone number; also read as `mobile_number`, `mobileNumber`, `phone`.
    #[schema(value_type = String, example = "+15005550006")]
    mobile: Phone,
    /// `login` (the default) or `confirm`.
    #[schema(value_type = Option<String>, example = "login", pattern = "^(login|confirm)$", nullable = false)]
    purpose: Purpose,
    /// What an earlier sign-in gave this client.
    #[schema(value_type = Option<String>, example = json!(null), min_length = 1, max_length = 128)]
    device_token: Option<String>,
}

/// A code is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct OtpSent {
    /// A sentence for a person.
    #[schema(example = "A code was sent.")]
    message: &'static str,
    /// To be given back with the code.
    #[schema(example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    challenge_id: ChallengeId,
    /// Seconds the code is good.
    #[schema(example = 300)]
    expires_in: u64,
    /// Seconds until another may be asked for.
    #[schema(example = 60)]
    resend_after: u64,
    /// The code itself, only where codes are delivered in the answer (`CODE_DELIVERY=echo`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "123456")]
    otp: Option<String>,
}

/// A code, given back.
#[derive(Debug, ToSchema)]
pub struct VerifyOtp {
    /// The phone number; also read as `mobile_number`, `mobileNumber`, `phone`.
    #[schema(value_type = String, example = "+15005550006")]
    mobile: Phone,
    /// The code; also read as `otp_code`, `code`.
    #[schema(value_type = String, example = "123456", pattern = "^([0-9]{6}|[0-9]{8})$")]
    otp: Code,
    /// The challenge it answers; the number's newest when absent.
    #[schema(value_type = Option<String>, example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    challenge_id: Option<ChallengeId>,
}

/// Signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    /// For the `Authorization: Bearer` header.
    access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds the access token is good.
    #[schema(example = 86400)]
    expires_in: u64,
    /// For a new access token.
    refresh_token: String,
    /// To be given with the next wish for a code; it gives no access.
    device_token: String,
    /// The account.
    user: Me,
}

impl From<SentCode> for OtpSent {
    fn from(sent: SentCode) -> Self {
        Self {
            message: "A code was sent.",
            challenge_id: sent.challenge_id,
            expires_in: sent.expires_in.as_secs(),
            resend_after: sent.resend_after.as_secs(),
            otp: sent.echo.map(|code| code.as_str().to_owned()),
        }
    }
}

/// Sign up
///
/// The account exists from the number's first right code on; the answer is the same for a known number.
#[utoipa::path(post, path = "/auth/signup", tag = "auth", request_body = SignUp,
    responses((status = 201, description = "Ask for a code next", body = SignedUp)))]
pub async fn sign_up(State(app): State<App>, _: Newcomer, input: Input<SignUp>) -> Result<Json<SignedUp>> {
    let SignUp { mobile, name } = input.body;
    auth::sign_up(&app, &mobile, name.as_ref()).await?;
    let answer =
        SignedUp { message: "Ask for a code to sign in.", mobile: mobile.as_str().to_owned(), next: "/auth/send-otp" };
    Ok(Json(StatusCode::CREATED, answer))
}

/// Send a code
///
/// Any number gets the same answer, whether or not it has an account.
#[utoipa::path(post, path = "/auth/send-otp", tag = "auth", request_body = SendOtp,
    responses((status = 200, description = "A code is on its way", body = OtpSent)))]
pub async fn send_otp(
    State(app): State<App>,
    Visitor(address): Visitor,
    Wished(locale): Wished,
    input: Input<SendOtp>,
) -> Result<Json<OtpSent>> {
    let SendOtp { mobile, purpose, device_token } = input.body;
    let wish = CodeWish { phone: &mobile, purpose, device_token: device_token.as_deref(), address, locale };
    Ok(Json(StatusCode::OK, auth::send_code(&app, wish).await?.into()))
}

/// Sign in with a code
#[utoipa::path(post, path = "/auth/verify-otp", tag = "auth", request_body = VerifyOtp,
    responses((status = 200, description = "Signed in", body = Tokens)))]
pub async fn verify_otp(
    State(app): State<App>,
    CodeChecker(address): CodeChecker,
    input: Input<VerifyOtp>,
) -> Result<Json<Tokens>> {
    let VerifyOtp { mobile, otp, challenge_id } = input.body;
    let guess = Guess { phone: &mobile, code: &otp, challenge: challenge_id, address };
    Ok(Json(StatusCode::OK, auth::verify_code(&app, &guess).await?.into()))
}

impl From<SignedIn> for Tokens {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token,
            token_type: "bearer",
            expires_in: signed_in.expires_in.as_secs(),
            refresh_token: signed_in.refresh_token.as_str().to_owned(),
            device_token: signed_in.device_token,
            user: Me::new(signed_in.user, signed_in.quota),
        }
    }
}

impl Form for SignUp {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.ignored("password");
        let mobile = served_phone(fields);
        let name = fields.optional(&["name"], Name::parse);
        Some(Self { mobile: mobile?, name: name? })
    }
}

impl Form for SendOtp {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mobile = served_phone(fields);
        let purpose = fields.optional(&["purpose"], |text| match text {
            "login" => Ok(Purpose::Login),
            "confirm" => Ok(Purpose::Confirm),
            _ => Err("unknown_purpose"),
        });
        let device_token = fields.nullable(&["device_token"], |text| {
            if (1..=128).contains(&text.chars().count()) { Ok(text.to_owned()) } else { Err("length") }
        });
        Some(Self {
            mobile: mobile?,
            purpose: purpose?.unwrap_or(Purpose::Login),
            device_token: device_token?.flatten(),
        })
    }
}

impl Form for VerifyOtp {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mobile = phone(fields);
        let otp = otp(fields);
        // Whatever is not an id of a challenge is the id of none.
        let challenge_id = fields.nullable(&["challenge_id"], |text| Ok(ChallengeId::from_path(text)));
        Some(Self { mobile: mobile?, otp: otp?, challenge_id: challenge_id?.flatten() })
    }
}

/// A number that may be sent a text. Where nothing is really sent, every number may.
pub(super) fn served_phone(fields: &mut Fields<'_>) -> Option<Phone> {
    let codes = &fields.app().config.codes;
    fields.required(MOBILE, |text| {
        let phone = Phone::parse(text, codes.default_country_code.as_deref())?;
        let is_served = !codes.delivery.is_real() || country::is_listed(&phone, &codes.countries);
        if is_served { Ok(phone) } else { Err("phone_not_served") }
    })
}

pub(super) fn phone(fields: &mut Fields<'_>) -> Option<Phone> {
    let country = fields.app().config.codes.default_country_code.as_deref();
    fields.required(MOBILE, |text| Phone::parse(text, country))
}

pub(super) fn otp(fields: &mut Fields<'_>) -> Option<Code> {
    fields.required(OTP, Code::parse)
}
