//! Passwords: signing in by one, resetting and changing it.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::auth::{OtpSent, Tokens, otp, phone, served_phone};
use super::extract::{Caller, Input, Wished};
use super::form::{Fields, Form, Names};
use super::visitor::{CodeChecker, Visitor};
use crate::app::App;
use crate::domain::ids::ChallengeId;
use crate::domain::otp::{Code, Purpose};
use crate::domain::password::{NewPassword, Password};
use crate::domain::phone::Phone;
use crate::error::{Error, Result};
use crate::services::auth::{self, CodeWish, Guess};
use crate::services::passwords::{self, Change};

const NEW: Names = &["new_password", "newPassword"];
const OLD: Names = &["old_password", "oldPassword", "current_password", "currentPassword"];

/// A number and its password.
#[derive(Debug, ToSchema)]
pub struct LogIn {
    /// The phone number; also read as `mobile_number`, `mobileNumber`, `phone`.
    #[schema(value_type = String, example = "+15005550006")]
    mobile: Phone,
    /// The password, byte for byte; at most 512 bytes.
    #[schema(value_type = String, example = "seven green herons", min_length = 1, max_length = 512)]
    password: Password,
}

/// Whose password is to be set anew.
#[derive(Debug, ToSchema)]
pub struct ForgotPassword {
    /// The phone number; also read as `mobile_number`, `mobileNumber`, `phone`.
    #[schema(value_type = String, example = "+15005550006")]
    mobile: Phone,
}

/// A code that was asked for to reset the password, and the new one.
#[derive(Debug, ToSchema)]
pub struct ResetPassword {
    /// The phone number; also read as `mobile_number`, `mobileNumber`, `phone`.
    #[schema(value_type = String, example = "+15005550006")]
    mobile: Phone,
    /// The code; also read as `otp_code`, `code`.
    #[schema(value_type = String, example = "123456", pattern = "^([0-9]{6}|[0-9]{8})$")]
    otp: Code,
    /// The challenge it answers; the number's newest when absent.
    #[schema(value_type = Option<String>, example = "0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11")]
    challenge_id: Option<ChallengeId>,
    /// The new password, of 8 to 128 characters of any kind; also read as `newPassword`.
    #[schema(value_type = String, example = "seven green herons", min_length = 8, max_length = 128)]
    new_password: NewPassword,
}

/// A new password, and what shows that the caller may set it.
#[derive(Debug, ToSchema)]
pub struct ChangePassword {
    /// The new password, of 8 to 128 characters of any kind; also read as `newPassword`.
    #[schema(value_type = String, example = "seven green herons", min_length = 8, max_length = 128)]
    new_password: NewPassword,
    /// The current password; needed unless none is set or the session was begun by a code within 5 minutes. Also read
    /// as `oldPassword`, `current_password`, `currentPassword`.
    #[schema(value_type = Option<String>, example = json!(null), min_length = 1, max_length = 512)]
    old_password: Option<Password>,
    #[schema(ignore)]
    new_named: &'static str,
}

/// The password is set.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordSet {
    /// A sentence for a person.
    #[schema(example = "The password is set.")]
    message: &'static str,
}

/// Sign in with a password
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = LogIn,
    responses((status = 200, description = "Signed in", body = Tokens)))]
pub async fn log_in(State(app): State<App>, Visitor(address): Visitor, input: Input<LogIn>) -> Result<Json<Tokens>> {
    let LogIn { mobile, password } = input.body;
    Ok(Json(StatusCode::OK, passwords::log_in(&app, &mobile, &password, address).await?.into()))
}

/// Send a code to set a new password
///
/// Any number gets the same answer, whether or not it has an account.
#[utoipa::path(post, path = "/auth/forgot-password", tag = "auth", request_body = ForgotPassword,
    responses((status = 200, description = "A code is on its way", body = OtpSent)))]
pub async fn forgot_password(
    State(app): State<App>,
    Visitor(address): Visitor,
    Wished(locale): Wished,
    input: Input<ForgotPassword>,
) -> Result<Json<OtpSent>> {
    let phone = &input.body.mobile;
    let wish = CodeWish { phone, purpose: Purpose::Reset, device_token: None, address, locale };
    Ok(Json(StatusCode::OK, auth::send_code(&app, wish).await?.into()))
}

/// Set a new password with a code
///
/// Takes a code that was asked for by `/auth/forgot-password`, and ends all sessions of the number.
#[utoipa::path(post, path = "/auth/reset-password", tag = "auth", request_body = ResetPassword,
    responses((status = 200, description = "The password is set", body = PasswordSet)))]
pub async fn reset_password(
    State(app): State<App>,
    CodeChecker(address): CodeChecker,
    input: Input<ResetPassword>,
) -> Result<Json<PasswordSet>> {
    let ResetPassword { mobile, otp, challenge_id, new_password } = input.body;
    let guess = Guess { phone: &mobile, code: &otp, challenge: challenge_id, address };
    passwords::reset(&app, &guess, &new_password).await?;
    let message = "The password is set and all sessions have ended. Please sign in.";
    Ok(Json(StatusCode::OK, PasswordSet { message }))
}

/// Set or change the password
///
/// Needs the current password, unless none is set or the session was begun by a code within 5 minutes. Ends the
/// caller's other sessions.
#[utoipa::path(post, path = "/auth/change-password", tag = "auth", request_body = ChangePassword,
    security(("bearer" = [])), responses((status = 200, description = "The password is set", body = PasswordSet)))]
pub async fn change_password(
    State(app): State<App>,
    Caller(caller): Caller,
    Visitor(address): Visitor,
    input: Input<ChangePassword>,
) -> Result<Json<PasswordSet>> {
    let ChangePassword { new_password, old_password, new_named } = input.body;
    let user = app.db.user(caller.user_id).await?.ok_or_else(Error::not_found)?;
    if new_password.is_number(&user.phone) {
        return Err(Error::invalid(format!("/{new_named}"), "password_common"));
    }
    let change = Change { new: new_password, old: old_password };
    passwords::change(&app, caller, &change, address).await?;
    Ok(Json(StatusCode::OK, PasswordSet { message: "The password is set and your other sessions have ended." }))
}

impl Form for LogIn {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mobile = phone(fields);
        let password = fields.required(&["password"], Password::parse);
        Some(Self { mobile: mobile?, password: password? })
    }
}

impl Form for ForgotPassword {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        served_phone(fields).map(|mobile| Self { mobile })
    }
}

impl Form for ResetPassword {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mobile = phone(fields);
        let otp = otp(fields);
        let challenge_id = fields.nullable(&["challenge_id"], |text| Ok(ChallengeId::from_path(text)));
        let named = fields.sent_as(NEW);
        let new_password = fields.required(NEW, NewPassword::parse);
        if let (Some(mobile), Some(password)) = (&mobile, &new_password)
            && password.is_number(mobile)
        {
            fields.flaw(named, "password_common");
        }
        Some(Self { mobile: mobile?, otp: otp?, challenge_id: challenge_id?.flatten(), new_password: new_password? })
    }
}

impl Form for ChangePassword {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let new_named = fields.sent_as(NEW);
        let new_password = fields.required(NEW, NewPassword::parse);
        let old_password = fields.nullable(OLD, Password::parse);
        Some(Self { new_password: new_password?, old_password: old_password?.flatten(), new_named })
    }
}
