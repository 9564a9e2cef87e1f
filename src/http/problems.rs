//! What each problem code means, for whoever follows the `type` of a problem.

use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::error::status_and_title;
use crate::error::{Code, Error, Result};

/// A problem document, as every error is told (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A page on this server that explains the code.
    #[schema(example = "/problems/not_found")]
    r#type: String,
    /// The kind of problem.
    #[schema(example = "Not found")]
    title: String,
    /// The status, once more.
    #[schema(example = 404)]
    status: u16,
    /// The stable name to decide by.
    #[schema(example = "not_found")]
    code: String,
    /// A sentence for a person.
    #[schema(example = "There is no such thing here.")]
    detail: String,
    /// The request's id, to be quoted in a report.
    #[schema(example = "req_0193d1f66c1e7c529a0e1f0c")]
    instance: String,
    /// The wrong members, where that is the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<ProblemFlaw>>,
    /// The limits that refused, where that is the problem.
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated_policies: Option<Vec<String>>,
}

/// One wrong member.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemFlaw {
    /// A JSON pointer to the member, or `?` and the key of the query.
    #[schema(example = "/mobile")]
    pointer: String,
    /// The broken rule.
    #[schema(example = "phone_format")]
    code: String,
}

/// What a code means.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemKind {
    /// The stable name.
    #[schema(example = "quota_exceeded")]
    code: &'static str,
    /// The status it comes with.
    #[schema(example = 429)]
    status: u16,
    /// The kind of problem.
    #[schema(example = "Daily message limit reached")]
    title: &'static str,
    /// What it means and what to do.
    #[schema(example = "The day's messages are used up; the RateLimit header says when more come.")]
    meaning: &'static str,
}

/// Explain a problem
#[utoipa::path(get, path = "/problems/{code}", tag = "about",
    params(("code" = String, Path, description = "The code of a problem")),
    responses((status = 200, description = "What it means", body = ProblemKind)))]
pub async fn show_problem(Path(code): Path<String>) -> Result<Json<ProblemKind>> {
    let code = Code::ALL.iter().copied().find(|known| known.as_str() == code).ok_or_else(Error::not_found)?;
    let (status, title) = status_and_title(code);
    let kind = ProblemKind { code: code.as_str(), status: status.as_u16(), title, meaning: meaning(code) };
    Ok(Json(StatusCode::OK, kind))
}

fn meaning(code: Code) -> &'static str {
    match code {
        Code::MalformedRequest => {
            "The bytes are not a valid HTTP request, or name no host. Check the client or the proxy before us."
        }
        Code::InvalidJson => "The body must be one JSON value in UTF-8, without a member twice and not deeper than 32.",
        Code::InvalidCursor => "Use next_cursor as it came, for the same list and the same user.",
        Code::IdempotencyKeyInvalid => "Send one Idempotency-Key of 1 to 255 visible ASCII characters, or none.",
        Code::WebhookSignatureInvalid => {
            "The call must be signed with the secret of this endpoint, over what was sent; an event within five minutes."
        }
        Code::WebhookPayloadInvalid => {
            "The event is signed, but it can't be read, or it is of the other mode (test or live)."
        }
        Code::AuthenticationRequired => "Send Authorization: Bearer with the access token of a sign-in.",
        Code::TokenInvalid => "The token was not made here, or not for this. Sign in again.",
        Code::TokenExpired => "The token was good, but its time is over. Refresh it or sign in again.",
        Code::SessionEnded => "The session was signed out or revoked. Sign in again.",
        Code::OtpInvalid => {
            "The code is wrong, old, used, or not for this number or purpose. Ask for a new one if need be."
        }
        Code::RefreshTokenInvalid => "The refresh token was not given out here, or its session is over. Sign in again.",
        Code::RefreshTokenReused => {
            "A refresh token is good once. This one was used before, so its session was ended in case it was copied. \
             Sign in again."
        }
        Code::CredentialsInvalid => {
            "The password is not that of this number, or the number has none. A code signs in without a password."
        }
        Code::ReauthenticationRequired => "Give the current password, or sign in with a code and try within 5 minutes.",
        Code::NotFound => "There is no such thing, or it is not yours.",
        Code::MethodNotAllowed => "The path is right, the method is not; the Allow header lists the methods.",
        Code::NotAcceptable => "We cannot answer in the media types that Accept asks for.",
        Code::RequestTimeout => "The body must make progress within 15 seconds and be whole within 30.",
        Code::IdempotencyInProgress => "The first request with this key still runs. Try again in a second.",
        Code::ReplyInProgress => "A reply of this message is being written. Wait for it, or stop it.",
        Code::ReplyNotFailed => "Only a reply that failed can be tried again. Regenerate asks for a further one.",
        Code::RoomLimitReached => "An account holds 500 rooms. Delete some first.",
        Code::AlreadySubscribed => "There is a subscription already; the portal and the status say how it stands.",
        Code::BodyTooLarge => "A JSON body holds at most 64 KiB, a webhook 512 KiB.",
        Code::UriTooLong => "The target may have 8 KiB at most.",
        Code::UnsupportedMediaType => "Send application/json in UTF-8, without a content coding.",
        Code::MisdirectedRequest => {
            "This server does not serve this host name. The operator lists names in ALLOWED_HOSTS."
        }
        Code::ValidationFailed => "The members in errors break a rule each; the pointer says which member.",
        Code::IdempotencyKeyReused => "The key was used with another body or path. Use a new key for a new request.",
        Code::QuotaExceeded => "The day's messages are used up; the RateLimit header says when more come.",
        Code::RateLimited => "Too many requests in too short a time; Retry-After says when to go on.",
        Code::OtpResendTooSoon => "A code was sent less than a minute ago, and it is still good.",
        Code::OtpSendLimited => "No more codes can be sent for now. Try later.",
        Code::OtpAttemptsExceeded => "This code has had its five guesses. Ask for a new one.",
        Code::HeadersTooLarge => "The head may have 16 KiB and 100 fields at most.",
        Code::Internal => "Our fault. Quote the request's id when you report it.",
        Code::PaymentProviderError => "The payment provider failed or took too long. Nothing was changed; try again.",
        Code::BillingNotConfigured => "The operator has not set up payments here, so the Pro plan is not for sale.",
        Code::Unavailable => {
            "Something we depend on is away. Try again after Retry-After, with the same Idempotency-Key."
        }
        Code::Overloaded => "Too much work is waiting. Try again after Retry-After.",
    }
}
