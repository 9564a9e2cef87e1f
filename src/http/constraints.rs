//! What the document says of values beyond their types: the rules of `domain`, as patterns that a client can check by.

use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Components, Header, HeaderBuilder, RefOr};

/// A phone number as people write it, where no default country code is set: with one, shorter numbers are read too.
pub const PHONE: &str = r"^[-. ()]*\+?[-. ()]*[1-9]([-. ()]*[0-9]){7,14}[-. ()]*$";
/// A name: one line that is not blank, without marks that reorder what stands around it.
pub const NAME: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028-\u202f\u205f\u2066-\u2069\u3000]",
    r"[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$"
);
/// Prose: not blank, with no controls but tab and line ends.
pub const PROSE: &str = concat!(
    r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
);
/// Anything without NUL.
pub const PASSWORD: &str = r"^[^\u0000]*$";

/// The pattern of each member of a body that has one under all names it stands by.
const MEMBERS: [(&str, &str); 7] = [
    ("mobile", PHONE),
    ("name", NAME),
    ("instructions", PROSE),
    ("content", PROSE),
    ("password", PASSWORD),
    ("new_password", PASSWORD),
    ("old_password", PASSWORD),
];

/// The members of a message that is no reply.
const MEMBERS_OF_A_MESSAGE: usize = 6;

/// Gives the members of a body their patterns.
pub(super) fn constrain(body: &mut utoipa::openapi::schema::Object) {
    for (member, pattern) in MEMBERS {
        if let Some(RefOr::T(Schema::Object(schema))) = body.properties.get_mut(member) {
            schema.pattern = Some(pattern.to_owned());
        }
    }
}

/// Says that a message without the members of a reply has none of them, which the types alone tell as «null».
pub(super) fn tell_messages_from_replies(components: &mut Components) {
    let Some(RefOr::T(Schema::AllOf(message))) = components.schemas.get_mut("Message") else { return };
    for part in &mut message.items {
        let RefOr::T(Schema::OneOf(either)) = part else { continue };
        let plain = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .description(Some("For a user's message: no more"))
            .max_properties(Some(MEMBERS_OF_A_MESSAGE));
        either.items.truncate(1);
        either.items.push(plain.into());
    }
}

/// The headers that come with problems of a status.
pub(super) fn headers_of(status: u16) -> Vec<(&'static str, Header)> {
    let limit = [
        ("RateLimit", header("How the limit stands", r#"^"[a-z-]+";r=[0-9]+;t=[0-9]+$"#)),
        ("RateLimit-Policy", header("The limit that refused", r#"^"[a-z-]+";q=[0-9]+;w=[0-9]+$"#)),
    ];
    let wait = ("Retry-After", header("Seconds until it is worth another try", "^[1-9][0-9]*$"));
    match status {
        401 => vec![("WWW-Authenticate", header("What is asked for", "^Bearer$"))],
        429 => limit.into_iter().chain([wait]).collect(),
        503 => vec![wait],
        _ => Vec::new(),
    }
}

fn header(description: &str, pattern: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).pattern(Some(pattern));
    HeaderBuilder::new().schema(Some(text)).description(Some(description)).build()
}
