//! What an error of the server or of the way to it means.

use tokio_postgres::error::SqlState;

use crate::error::Error;

/// Tells trouble that may pass (connections, locks, a restart, a full disk) from a fault of ours.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(in crate::storage) fn failed(error: tokio_postgres::Error) -> Error {
    let kind = kind_of(&error);
    // What the server says in detail may hold values: numbers and texts of people, which no log may have.
    let note = match error.as_db_error() {
        Some(told) => format!("{}: {}", told.code().code(), told.message()),
        None => error.to_string(),
    };
    kind(note)
}

fn kind_of(error: &tokio_postgres::Error) -> fn(String) -> Error {
    let Some(state) = error.code() else {
        return if error.is_closed() || is_io(error) { Error::unavailable } else { Error::internal };
    };
    let passing = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    let class = &state.code()[..2];
    if passing.contains(state) || matches!(class, "08" | "53" | "57" | "58") {
        return Error::unavailable;
    }
    Error::internal
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error + 'static>::is::<std::io::Error>)
}
