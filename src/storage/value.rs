//! Values and rows as both engines speak them: nothing, a whole number, text, bytes.

use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::domain::ids::{AttemptId, ChallengeId, ChatroomId, EventId, JobId, MessageId, SessionId, SubjectId, UserId};
use crate::domain::time::{Day, Timestamp};
use crate::error::{Error, Result};

/// One parameter or one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// SQL null.
    Null,
    /// A whole number: counts, milliseconds, days, flags.
    Int(i64),
    /// Text.
    Text(String),
    /// An id, kept in place: nearly every row has some.
    Id([u8; 16]),
    /// Other bytes, such as hashes.
    Bytes(Vec<u8>),
}

macro_rules! value_from {
    ($($type:ty => |$it:ident| $value:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($it: $type) -> Self {
                $value
            }
        }
    )+};
}

value_from! {
    i64 => |number| Value::Int(number),
    u32 => |number| Value::Int(i64::from(number)),
    bool => |flag| Value::Int(i64::from(flag)),
    &str => |text| Value::Text(text.to_owned()),
    String => |text| Value::Text(text),
    &[u8] => |bytes| <[u8; 16]>::try_from(bytes).map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::Id),
    [u8; 16] => |bytes| Value::Id(bytes),
    [u8; 32] => |bytes| Value::Bytes(bytes.to_vec()),
    Timestamp => |moment| Value::Int(moment.as_millis()),
    Day => |day| Value::Int(day.number()),
}

macro_rules! value_from_ids {
    ($($id:ident),+) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Id(id.bytes())
            }
        }

        impl Column for $id {
            fn read(value: Value) -> Option<Self> {
                match value {
                    Value::Id(bytes) => Some(Self::from_bytes(bytes)),
                    _ => None,
                }
            }
        }
    )+};
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A type that a column can be read into.
pub trait Column: Sized {
    /// The value, or none when the column holds something else.
    fn read(value: Value) -> Option<Self>;
}

value_from_ids!(UserId, SessionId, ChallengeId, ChatroomId, MessageId, JobId, SubjectId, AttemptId, EventId);

impl Column for i64 {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }
}

impl Column for u32 {
    fn read(value: Value) -> Option<Self> {
        i64::read(value)?.try_into().ok()
    }
}

impl Column for bool {
    fn read(value: Value) -> Option<Self> {
        i64::read(value).map(|number| number != 0)
    }
}

impl Column for String {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Id(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl Column for Timestamp {
    fn read(value: Value) -> Option<Self> {
        i64::read(value).map(Self::from_millis)
    }
}

impl Column for Day {
    fn read(value: Value) -> Option<Self> {
        i64::read(value).map(Self::from_number)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::read(other).map(Some),
        }
    }
}

/// One row, read column by column from the left.
#[derive(Debug)]
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// Wraps the columns of a row.
    #[must_use]
    pub fn new(columns: Vec<Value>) -> Self {
        Self(columns.into_iter())
    }

    /// The next column; a wrong type or a missing column is a fault of ours.
    pub fn column<T: Column>(&mut self) -> Result<T> {
        let value = self.0.next().ok_or_else(|| Error::internal("a row has fewer columns than were read"))?;
        T::read(value).ok_or_else(|| Error::internal("a column holds another type than was read"))
    }
}

/// What a row is made into; one mapper serves both engines.
pub trait FromRow: Sized {
    /// Reads the columns in the order in which the statement names them.
    fn from_row(row: Row) -> Result<Self>;
}

impl<T: Column> FromRow for (T,) {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok((row.column()?,))
    }
}

impl<T: Column, U: Column> FromRow for (T, U) {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok((row.column()?, row.column()?))
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Id(bytes) => ValueRef::Blob(bytes),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Value {
    /// Copies a column out of SQLite.
    pub fn from_sqlite(value: ValueRef<'_>) -> Result<Self, rusqlite::Error> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Int(number),
            ValueRef::Real(_) => return Err(rusqlite::Error::InvalidQuery),
            ValueRef::Text(text) => {
                Self::Text(String::from_utf8(text.to_vec()).map_err(|_| rusqlite::Error::InvalidQuery)?)
            }
            ValueRef::Blob(bytes) => bytes.into(),
        })
    }

    /// Copies a column out of PostgreSQL.
    pub fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        let kind = row.columns()[index].type_();
        Ok(match *kind {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(index)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(index)?.into(),
            Type::BYTEA => row.try_get::<_, Option<&[u8]>>(index)?.into(),
            _ => row.try_get::<_, Option<String>>(index)?.into(),
        })
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Int(number) => number.to_sql_checked(kind, out),
            Self::Text(text) => text.to_sql_checked(kind, out),
            Self::Id(bytes) => bytes.as_slice().to_sql_checked(kind, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
