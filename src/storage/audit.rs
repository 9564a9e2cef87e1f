//! Security events: written in the transaction of what they tell, where there is one.

use super::statement::{params, statements};
use super::value::Value;
use super::{Db, Write};
use crate::domain::audit::{Event, Whose};
use crate::domain::time::Timestamp;
use crate::error::Result;

statements! {
    EVENT_ADD = "insert into security_events (id, user_id, kind, session_id, address, detail, created_at)
        select ?1, coalesce((select u.id from users u where u.id = ?2), (select u.id from users u where u.phone = ?3)),
          ?4, ?5, ?6, ?7, ?8";
    OLD_SECURITY_EVENTS_SWEPT = "delete from security_events where created_at < ?1";
}

impl Write {
    /// A step that notes an event, so that the event is there exactly when its cause is.
    #[must_use]
    pub(super) fn noting(self, event: &Event) -> Self {
        let (user, phone) = match &event.whose {
            Whose::Nobody => (Value::Null, Value::Null),
            Whose::User(id) => ((*id).into(), Value::Null),
            Whose::Number(phone) => (Value::Null, phone.as_str().into()),
        };
        let address = event.address.as_deref();
        let told =
            params![event.id, user, phone, event.kind.as_str(), event.session_id, address, event.detail, event.at];
        self.then(&EVENT_ADD, told)
    }
}

impl Db {
    /// Notes an event that stands for itself.
    pub async fn add_security_event(&self, event: &Event) -> Result<()> {
        self.write(Write::new().noting(event)).await?;
        Ok(())
    }

    /// Forgets events from before a moment.
    pub async fn sweep_security_events(&self, before: Timestamp) -> Result<()> {
        self.write(Write::new().then(&OLD_SECURITY_EVENTS_SWEPT, params![before])).await?;
        Ok(())
    }
}
