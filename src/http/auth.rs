//! Sign-up, codes, sign-in and sign-out.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::Json;
use super::extract::{CodeChecker, Input, Newcomer, TokenHolder, Visitor};
use super::form::{Fields, Form, Names, Nothing};
use super::users::Me;
use crate::app::App;
use crate::domain::ids::ChallengeId;
use crate::domain::otp::{Code, Purpose};
use crate::domain::phone::Phone;
use crate::domain::text::Name;
use crate::error::Result;
use crate::services::auth::{self, Scope};
use crate::services::plans;

const MOBILE: Names = &["mobile", "mobile_number", "mobileNumber", "phone"];
const OTP: Names = &["otp", "otp_code", "code"];

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
    #[schema(value_type = Option<String>, example = json!(null))]
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

/// Which sessions to end.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SignOut {
    /// `others` or `all`; this session alone when absent.
    #[param(value_type = Option<String>, required = false)]
    scope: Scope,
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
    input: Input<SendOtp>,
) -> Result<Json<OtpSent>> {
    let SendOtp { mobile, purpose, device_token } = input.body;
    let sent = auth::send_code(&app, &mobile, purpose, device_token.as_deref(), address).await?;
    let answer = OtpSent {
        message: "A code was sent.",
        challenge_id: sent.challenge_id,
        expires_in: sent.expires_in.as_secs(),
        resend_after: sent.resend_after.as_secs(),
        otp: sent.echo.map(|code| code.as_str().to_owned()),
    };
    Ok(Json(StatusCode::OK, answer))
}

/// Sign in with a code
#[utoipa::path(post, path = "/auth/verify-otp", tag = "auth", request_body = VerifyOtp,
    responses((status = 200, description = "Signed in", body = Tokens)))]
pub async fn verify_otp(State(app): State<App>, _: CodeChecker, input: Input<VerifyOtp>) -> Result<Json<Tokens>> {
    let VerifyOtp { mobile, otp, challenge_id } = input.body;
    let signed_in = auth::verify_code(&app, &mobile, &otp, challenge_id).await?;
    let quota = plans::quota(&app, signed_in.user.id, signed_in.user.tier).await?;
    let answer = Tokens {
        access_token: signed_in.access_token,
        token_type: "bearer",
        expires_in: signed_in.expires_in.as_secs(),
        refresh_token: signed_in.refresh_token,
        device_token: signed_in.device_token,
        user: Me::new(signed_in.user, quota),
    };
    Ok(Json(StatusCode::OK, answer))
}

/// Sign out
#[utoipa::path(post, path = "/auth/logout", tag = "auth", params(SignOut), security(("bearer" = [])),
    responses((status = 204, description = "The sessions have ended")))]
pub async fn log_out(
    State(app): State<App>,
    TokenHolder(bearer): TokenHolder,
    input: Input<Nothing, SignOut>,
) -> Result<StatusCode> {
    auth::sign_out(&app, bearer, input.query.scope).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Form for SignUp {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.ignored("password");
        let mobile = phone(fields);
        let name = fields.optional(&["name"], Name::parse);
        Some(Self { mobile: mobile?, name: name? })
    }
}

impl Form for SendOtp {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mobile = phone(fields);
        let purpose = fields.optional(&["purpose"], |text| match text {
            "login" => Ok(Purpose::Login),
            "confirm" => Ok(Purpose::Confirm),
            _ => Err("unknown_purpose"),
        });
        let device_token = fields.nullable(&["device_token"], |text| {
            if (1..=128).contains(&text.len()) { Ok(text.to_owned()) } else { Err("length") }
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
        let otp = fields.required(OTP, Code::parse);
        // Whatever is not an id of a challenge is the id of none.
        let challenge_id = fields.nullable(&["challenge_id"], |text| Ok(ChallengeId::from_path(text)));
        Some(Self { mobile: mobile?, otp: otp?, challenge_id: challenge_id?.flatten() })
    }
}

impl Form for SignOut {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let scope = fields.optional(&["scope"], |text| match text {
            "others" => Ok(Scope::Others),
            "all" => Ok(Scope::All),
            _ => Err("unknown_scope"),
        });
        Some(Self { scope: scope?.unwrap_or(Scope::This) })
    }
}

fn phone(fields: &mut Fields<'_>) -> Option<Phone> {
    let country = fields.app().config.codes.default_country_code.as_deref();
    fields.required(MOBILE, |text| Phone::parse(text, country))
}
