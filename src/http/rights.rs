//! What a person may ask for about the account as a whole: all of its data, and its end.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::auth::OTP;
use super::extract::{Caller, Input};
use super::form::{Fields, Form, Nothing};
use super::visitor::Visitor;
use crate::app::App;
use crate::domain::chat::{Chatroom, Message};
use crate::domain::ids::ChallengeId;
use crate::domain::otp::Code;
use crate::domain::password::Password;
use crate::domain::summary::Summary;
use crate::domain::time::Timestamp;
use crate::domain::usage::DayUsage;
use crate::error::{Error, Result};
use crate::services::closing::{self, Shown};
use crate::services::export::{self, ExportedAccount, ExportedBilling, ExportedEvent, ExportedSession};

/// All that is kept of a user. No password, code or token is in it, nor a digest of one.
#[derive(Debug, Serialize, ToSchema)]
pub struct Export {
    /// When the export was begun; what was written later may be in it or not.
    exported_at: Timestamp,
    /// The account.
    account: ExportedAccount,
    /// What the payment provider knows the user by; `null` for who never bought anything.
    billing: Option<ExportedBilling>,
    /// What was used on each day on which anything was.
    usage: Vec<DayUsage>,
    /// Sessions, live or over, the oldest first.
    sessions: Vec<ExportedSession>,
    /// What happened to the safety of the account, the oldest first.
    security_events: Vec<ExportedEvent>,
    /// Every room, the oldest first.
    chatrooms: Vec<ExportedRoom>,
}

/// A room with everything in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedRoom {
    #[serde(flatten)]
    room: Chatroom,
    /// What was said before, in a few words, where the room is long.
    summary: Option<Summary>,
    /// Every message, the oldest first.
    messages: Vec<Message>,
}

/// What shows that the owner of the account wants it closed: the password or a code. Neither is needed in a session that
/// was begun by a code within 5 minutes; then the body may be absent.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read by the document alone; a body becomes what the service takes")]
pub struct CloseAccount {
    /// The password.
    #[schema(min_length = 1, max_length = 512, nullable = false)]
    password: Option<String>,
    /// A code that was asked for with purpose `confirm`; also read as `otp_code`, `code`.
    #[schema(example = "123456", pattern = "^([0-9]{6}|[0-9]{8})$", nullable = false)]
    otp: Option<String>,
    /// The challenge it answers; the number's newest when absent.
    #[schema(example = json!(null))]
    challenge_id: Option<String>,
}

/// The account is closed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountClosed {
    /// A sentence for a person.
    #[schema(example = "Your account is closed and is being erased.")]
    message: &'static str,
}

/// Export my data
///
/// One JSON document with all that is kept of the caller, written while it is read: however much it is, it begins at
/// once. A connection that ends before the document does means that something failed: ask again.
#[utoipa::path(get, path = "/user/me/export", tag = "user", security(("bearer" = [])),
    responses((status = 200, description = "Everything, as a file", body = Export,
        headers(("Content-Disposition" = String, description = "`attachment`, with the name of the file")))))]
pub async fn export_me(State(app): State<App>, Caller(caller): Caller, _: Input<Nothing>) -> Result<Response> {
    let name = format!("attachment; filename=\"pollux-{}.json\"", app.clock.now().day());
    let name = HeaderValue::try_from(name).map_err(Error::internal)?;
    let body = Body::from_stream(export::export(&app, caller).await?);
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// Close my account
///
/// Ends what is paid for at the payment provider, at once; when that fails, nothing is changed. Then every session ends,
/// the number is free for a new account, and all that was kept is erased within a minute. It can't be taken back.
#[utoipa::path(delete, path = "/user/me", tag = "user", request_body = CloseAccount, security(("bearer" = [])),
    responses((status = 202, description = "Closed, and being erased", body = AccountClosed)))]
pub async fn close_me(
    State(app): State<App>,
    Caller(caller): Caller,
    Visitor(address): Visitor,
    input: Input<Shown>,
) -> Result<Json<AccountClosed>> {
    closing::close_account(&app, caller, &input.body, address).await?;
    Ok(Json(StatusCode::ACCEPTED, AccountClosed { message: "Your account is closed and is being erased." }))
}

impl Form for Shown {
    const MAY_BE_ABSENT: bool = true;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let code_named = fields.sent_as(OTP);
        let password = fields.optional(&["password"], Password::parse);
        let code = fields.optional(OTP, Code::parse);
        let challenge = fields.nullable(&["challenge_id"], |text| Ok(ChallengeId::from_path(text)));
        match (password?, code?, challenge?.flatten()) {
            (None, None, None) => return Some(Self::Nothing),
            (Some(password), None, None) => return Some(Self::Password(password)),
            (None, Some(code), challenge) => return Some(Self::Code(code, challenge)),
            (Some(_), Some(_), _) => fields.flaw(code_named, "one_proof_only"),
            (_, None, Some(_)) => fields.flaw(OTP[0], "required"),
        }
        None
    }
}
