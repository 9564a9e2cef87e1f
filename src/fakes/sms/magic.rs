//! Numbers that are refused: one for each way the original refuses, and for each report of a text that did not arrive.

use super::answers::Reply;

/// The end of the number, the status, the code, and the sentence, in which `{to}` stands for the number.
const REFUSALS: &[(&str, u16, u32, &str)] = &[
    ("0001", 400, 21211, "Invalid 'To' Phone Number: {to}"),
    ("0010", 400, 21217, "Phone number does not appear to be valid: {to}"),
    ("0002", 400, 21612, "The message From/To pair violates a routing rule: {to}"),
    ("0009", 400, 21614, "'To' number is not a valid mobile number"),
    (
        "0003",
        400,
        21408,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}",
    ),
    ("0008", 400, 21608, "The number {to} is unverified. Trial accounts cannot send messages to unverified numbers"),
    ("0004", 400, 21610, "Attempt to send to unsubscribed recipient"),
    ("0011", 400, 21603, "A 'From' phone number is required."),
    ("0012", 400, 21606, "The 'From' phone number provided is not a valid message-capable number"),
    ("0013", 401, 20003, "Authenticate"),
    ("0014", 404, 20404, "The requested resource was not found"),
    ("0015", 429, 20429, "Too Many Requests"),
    ("0016", 500, 20500, "Internal Server Error"),
    ("0017", 503, 20503, "Service Unavailable"),
    (
        "6410",
        403,
        60410,
        "The destination phone number has been temporarily blocked by Twilio due to fraudulent activities",
    ),
    ("6203", 429, 60203, "Max send attempts reached"),
    ("6200", 400, 60200, "Invalid parameter `To`: {to}"),
];
/// The end of the number, and the code of the report.
const REPORTS: &[(&str, u32)] = &[
    ("3003", 30003),
    ("3004", 30004),
    ("3005", 30005),
    ("3006", 30006),
    ("3007", 30007),
    ("3008", 30008),
    ("3450", 30450),
];
const BEGINNING: &str = "+1500555";

/// The number that is answered with a code, at once or in a report.
#[must_use]
pub fn number_for(code: u32) -> Option<String> {
    let refused = REFUSALS.iter().find(|(_, _, known, _)| *known == code).map(|(end, ..)| end);
    let reported = REPORTS.iter().find(|(_, known)| *known == code).map(|(end, _)| end);
    refused.or(reported).map(|end| format!("{BEGINNING}{end}"))
}

pub(super) fn refusal(to: &str) -> Option<Reply> {
    let end = to.strip_prefix(BEGINNING)?;
    let (_, status, code, message) = REFUSALS.iter().find(|(known, ..)| *known == end)?;
    Some(Reply::error(*status, *code, &message.replace("{to}", to)))
}

/// What a report on a text to that number says, where it did not arrive.
pub(super) fn failure(to: &str) -> Option<u32> {
    let end = to.strip_prefix(BEGINNING)?;
    REPORTS.iter().find(|(known, _)| *known == end).map(|(_, code)| *code)
}
