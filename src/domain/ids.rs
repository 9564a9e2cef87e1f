//! Identifiers: UUIDv7, so that they sort by birth, wrapped so that one kind is never passed for another.

use std::fmt;

use rand::RngExt as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::time::Timestamp;

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new id born at `now`; the rest is random, so it can't be guessed from its neighbours.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                Self(uuid_v7(now))
            }

            /// Reads an id out of a path; what is not an id becomes one that no object has, so that a
            /// malformed, an unknown and a foreign id take the same way and get the same answer.
            #[must_use]
            pub fn from_path(text: &str) -> Self {
                Self::parse(text).unwrap_or(Self(Uuid::nil()))
            }

            /// Reads the hyphenated form and no other.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != 36 {
                    return None;
                }
                Uuid::try_parse(text).ok().map(Self)
            }

            /// Reads the form without hyphens, as others carry it for us.
            #[must_use]
            pub fn parse_bare(text: &str) -> Option<Self> {
                if text.len() != 32 {
                    return None;
                }
                Uuid::try_parse(text).ok().map(Self)
            }

            /// The 16 bytes that storage keeps.
            #[must_use]
            pub fn bytes(self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// The reverse of [`Self::bytes`].
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an id"))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <String as utoipa::PartialSchema>::schema()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                <String as utoipa::ToSchema>::name()
            }
        }
    )+};
}

id_types! {
    /// A person's account.
    UserId,
    /// One signed-in device of a user.
    SessionId,
    /// One code that was asked for.
    ChallengeId,
    /// A room of a user.
    ChatroomId,
    /// A message of a room: the user's or the model's.
    MessageId,
    /// A unit of work in the queue.
    JobId,
    /// What a job is about, whatever its kind.
    SubjectId,
    /// One try of a user to buy.
    AttemptId,
    /// Something that happened to the safety of an account.
    EventId,
}

fn uuid_v7(now: Timestamp) -> Uuid {
    let random: [u8; 10] = rand::rng().random();
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_birth() {
        let earlier = UserId::new(Timestamp::from_millis(1_000));
        let later = UserId::new(Timestamp::from_millis(2_000));
        assert!(earlier < later);
    }

    #[test]
    fn what_is_not_an_id_is_an_id_that_nobody_has() {
        let nobody = ChatroomId::from_path("00000000-0000-0000-0000-000000000000");
        for text in ["", "1", "..", "0193d1f66c1e7c529a0e1f0c7f0f4a11", "{0193d1f6-6c1e-7c52-9a0e-1f0c7f0f4a11}"] {
            assert_eq!(ChatroomId::from_path(text), nobody, "{text}");
        }
    }

    #[test]
    fn an_id_survives_its_text_and_its_bytes() {
        let id = MessageId::new(Timestamp::from_millis(1_795_255_200_000));
        assert_eq!(MessageId::parse(&id.to_string()), Some(id));
        assert_eq!(MessageId::from_bytes(id.bytes()), id);
    }
}
