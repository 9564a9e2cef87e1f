//! Rooms, their pages, and what a room takes with it.

use futures_util::future::join_all;
use pollux::domain::chat::{ROOMS, Role, Status};
use pollux::domain::ids::{ChatroomId, MessageId, UserId};
use pollux::domain::text::{Instructions, Name};
use pollux::storage::{ChatroomChange, NewChatroom, Refusal};

use super::{NOON, Person, Saying, Store, minutes, new_room, on_both_engines, refusal};

/// Makes rooms behind the store's back: going through it 500 times says nothing more.
async fn fill(store: &Store, person: &Person, rooms: i64) {
    let (bytes, series) = if store.is_postgres() {
        ("decode(lpad(to_hex(n), 32, '0'), 'hex')", format!("from generate_series(1, {rooms}) n"))
    } else {
        let series = format!(
            "from (with recursive c(n) as (select 1 union all select n + 1 from c where n < {rooms}) select n from c)"
        );
        ("cast(printf('%016d', n) as blob)", series)
    };
    let phone = person.phone.as_str();
    let text = format!(
        "insert into chatrooms (id, user_id, name, named, created_at, updated_at)
         select {bytes}, (select id from users where phone = '{phone}'), 'room', 0, 0, 0 {series}"
    );
    store.execute(&text).await;
}

on_both_engines! {
    async fn a_room_is_kept_as_it_was_made_and_shown_to_its_owner_alone(store) {
        let (person, other) = (store.person().await, store.person().await);
        let new = NewChatroom {
            name: Some(Name::parse("गोवा").unwrap()),
            instructions: Some("Be brief.".to_owned()),
            model: Some("gemini-x".to_owned()),
            ..new_room(&person, NOON)
        };
        let made = store.db.add_chatroom(&new, None).await.unwrap();
        assert_eq!(store.db.chatroom(new.id, person.id).await.unwrap(), Some(made));
        assert_eq!(store.db.chatroom(new.id, other.id).await.unwrap(), None);
        let unnamed = NewChatroom { name: None, ..new_room(&person, NOON) };
        store.db.add_chatroom(&unnamed, None).await.unwrap();
        assert_eq!(store.db.chatroom(unnamed.id, person.id).await.unwrap().unwrap().name, "New chat");
    }

    async fn nobody_has_more_rooms_than_may_be_however_many_are_made_at_once(store) {
        let person = store.person().await;
        fill(store, &person, ROOMS - 3).await;
        let rooms: Vec<_> = (0..20).map(|_| new_room(&person, NOON)).collect();
        let made = join_all(rooms.iter().map(|room| store.db.add_chatroom(room, None))).await;
        let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 3);
        assert!(refused.into_iter().all(|outcome| refusal(outcome) == Refusal::RoomLimit));
        assert_eq!(store.count("chatrooms").await, ROOMS);
        let nobody = Person { id: UserId::new(NOON), phone: store.fresh_phone(), session: person.session };
        let refused = store.db.add_chatroom(&new_room(&nobody, NOON), None).await;
        assert_eq!(refusal(refused), Refusal::NotFound);
    }

    async fn rooms_are_listed_by_activity_without_gap_or_double(store) {
        let (person, other) = (store.person().await, store.person().await);
        store.room(&other).await;
        let mut made = Vec::new();
        for minute in [0, 0, 0, 1, 2] {
            let room = new_room(&person, NOON + minutes(minute));
            made.push(store.db.add_chatroom(&room, None).await.unwrap().id);
        }
        store.accept(&Saying::new(&person, made[0], NOON + minutes(5)), None).await.unwrap();
        let mut after = None;
        let mut listed = Vec::new();
        loop {
            let page = store.db.chatrooms(person.id, after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.updated_at, last.id));
            listed.extend(page.into_iter().map(|room| (room.updated_at, room.id)));
        }
        assert_eq!(listed.first().map(|(_, id)| *id), Some(made[0]));
        assert!(listed.is_sorted_by(|left, right| left > right), "{listed:?}");
        assert_eq!(listed.len(), 5);
    }

    async fn a_change_touches_what_it_names_and_clears_what_it_empties(store) {
        let (person, other) = (store.person().await, store.person().await);
        let room = store.room(&person).await;
        let brief = Instructions::parse("Be brief.").unwrap();
        let all = ChatroomChange {
            without_summary: false,
            name: Some(Name::parse("Goa").unwrap()),
            instructions: Some(Some(brief)),
            model: Some(Some("gemini-x".to_owned())),
        };
        assert_eq!(refusal(store.db.change_chatroom(room, other.id, all.clone()).await), Refusal::NotFound);
        store.db.change_chatroom(room, person.id, all).await.unwrap();
        store.db.change_chatroom(room, person.id, ChatroomChange::default()).await.unwrap();
        let cleared = ChatroomChange { instructions: Some(None), ..ChatroomChange::default() };
        store.db.change_chatroom(room, person.id, cleared).await.unwrap();
        let found = store.db.chatroom(room, person.id).await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.instructions, found.model.as_deref()), ("Goa", None, Some("gemini-x")));
        assert_eq!(store.number("select named from chatrooms").await, 1);
    }

    async fn messages_are_paged_both_ways_and_shown_to_the_owner_alone(store) {
        let (person, other) = (store.person().await, store.person().await);
        let room = store.room(&person).await;
        let first = store.say(&person, room).await;
        for _ in 0..2 {
            store.say(&person, room).await;
        }
        let seqs = |page: Vec<pollux::storage::Listed>| page.iter().map(|listed| listed.seq).collect::<Vec<_>>();
        assert_eq!(seqs(store.db.messages_forward(room, person.id, 0, 4).await.unwrap()), [1, 2, 3, 4]);
        assert_eq!(seqs(store.db.messages_forward(room, person.id, 4, 4).await.unwrap()), [5, 6]);
        assert_eq!(seqs(store.db.messages_backward(room, person.id, i64::MAX, 4).await.unwrap()), [6, 5, 4, 3]);
        assert_eq!(seqs(store.db.messages_backward(room, person.id, 3, 4).await.unwrap()), [2, 1]);
        assert!(store.db.messages_forward(room, other.id, 0, 4).await.unwrap().is_empty());
        assert!(store.db.messages_backward(room, other.id, 9, 4).await.unwrap().is_empty());

        let reply = store.db.message(first.reply, room, person.id).await.unwrap().unwrap();
        assert_eq!((reply.role, reply.status, reply.content.as_str()), (Role::Assistant, Status::Pending, ""));
        assert_eq!(reply.reply.unwrap().reply_to, first.message);
        let said = store.db.message(first.message, room, person.id).await.unwrap().unwrap();
        assert_eq!((said.role, said.status, said.reply), (Role::User, Status::Complete, None));
        assert!(store.db.message(first.reply, room, other.id).await.unwrap().is_none());
        let elsewhere = store.room(&person).await;
        assert!(store.db.message(first.reply, elsewhere, person.id).await.unwrap().is_none());
        assert!(store.db.message(MessageId::new(NOON), room, person.id).await.unwrap().is_none());
    }

    async fn a_room_goes_with_its_messages_and_jobs_and_keeps_what_was_used(store) {
        let (person, other) = (store.person().await, store.person().await);
        let (room, kept) = (store.room(&person).await, store.room(&person).await);
        for place in [room, kept] {
            store.say(&person, place).await;
        }
        store.say(&person, room).await;
        assert_eq!(refusal(store.db.delete_chatroom(room, other.id).await), Refusal::NotFound);
        assert_eq!((store.count("messages").await, store.count("jobs").await), (6, 3));
        store.db.delete_chatroom(room, person.id).await.unwrap();
        assert_eq!(refusal(store.db.delete_chatroom(room, person.id).await), Refusal::NotFound);
        assert_eq!((store.count("messages").await, store.count("jobs").await), (2, 1));
        assert_eq!(store.db.used(person.id, NOON.day()).await.unwrap(), 3);
        assert_eq!(store.claim(9, NOON).await.len(), 1);
        assert_eq!(refusal(store.db.delete_chatroom(ChatroomId::new(NOON), person.id).await), Refusal::NotFound);
    }
}
