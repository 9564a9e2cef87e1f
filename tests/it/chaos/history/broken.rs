//! The judge on trial: a sound history passes, and each broken one is found out.

use super::{DayCount, Flaw, History, Line, Person, Sent};

fn sent(number: usize) -> Sent {
    Sent { id: format!("m{number}"), reply: format!("r{number}"), content: format!("message {number}") }
}

fn lines(sent: &Sent) -> [Line; 2] {
    let line = |id: &str, reply_to: Option<&String>, content: String| Line {
        id: id.to_owned(),
        reply_to: reply_to.cloned(),
        status: "complete".to_owned(),
        outcome: if reply_to.is_some() { "completed" } else { "" }.to_owned(),
        content,
    };
    let echo = format!("Echo of 1 turns (0badcafe): {}", sent.content);
    [line(&sent.id, None, sent.content.clone()), line(&sent.reply, Some(&sent.id), echo)]
}

/// Two people with two rooms of three messages each, one more offer refused.
fn sound() -> History {
    let person = |first: usize| {
        let accepted: Vec<Sent> = (first..first + 6).map(sent).collect();
        let rooms = accepted.chunks(3).map(|room| room.iter().flat_map(lines).collect()).collect();
        let days = vec![DayCount { used: 4, kept: 4 }, DayCount { used: 2, kept: 2 }];
        Person { wanted: 7, refused: 1, accepted, rooms, days }
    };
    History { people: vec![person(0), person(100)], stored: 24, jobs: 0 }
}

/// What is found when one thing is changed in the first person's story, or around it.
fn found(change: impl FnOnce(&mut History)) -> Vec<Flaw> {
    let mut history = sound();
    change(&mut history);
    history.stored = history.people.iter().flat_map(|person| &person.rooms).map(Vec::len).sum();
    history.judge().into_iter().map(|(flaw, _)| flaw).collect()
}

fn found_in_room(change: impl FnOnce(&mut Vec<Line>)) -> Vec<Flaw> {
    found(|history| change(&mut history.people[0].rooms[0]))
}

#[test]
fn a_sound_history_has_no_flaws() {
    assert_eq!(found(|_| {}), []);
    let failed = found(|history| {
        history.people[0].rooms[0][1].status = "failed".to_owned();
        history.people[0].days[0] = DayCount { used: 3, kept: 3 };
    });
    assert_eq!(failed, []);
}

#[test]
fn what_is_lost_is_missed() {
    assert!(found_in_room(|room| drop(room.drain(2..4))).contains(&Flaw::Lost));
    assert!(found_in_room(|room| drop(room.remove(3))).contains(&Flaw::Lost));
    assert!(found_in_room(|room| room.truncate(4)).contains(&Flaw::Lost));
    assert_eq!(found(|history| history.people[0].wanted += 1), [Flaw::Unanswered]);
}

#[test]
fn what_is_doubled_is_seen() {
    let again = |room: &mut Vec<Line>| room.extend(lines(&sent(1)));
    assert!(found_in_room(again).contains(&Flaw::Doubled));
    let second_reply = |room: &mut Vec<Line>| room.insert(2, Line { id: "r0b".to_owned(), ..room[1].clone() });
    assert!(found_in_room(second_reply).contains(&Flaw::Doubled));
    let same_answer = found(|history| history.people[0].accepted[1] = sent(0));
    assert!(same_answer.contains(&Flaw::Doubled) && same_answer.contains(&Flaw::Unasked));
}

#[test]
fn what_nobody_was_told_of_is_seen() {
    let stranger = |room: &mut Vec<Line>| room.extend(lines(&sent(50)));
    assert!(found_in_room(stranger).iter().all(|flaw| *flaw == Flaw::Unasked));
    assert_eq!(found_in_room(stranger).len(), 2);
    let mut hidden = sound();
    hidden.stored += 1;
    assert_eq!(hidden.judge()[0].0, Flaw::Unasked);
}

#[test]
fn what_is_swapped_is_seen() {
    let texts = |room: &mut Vec<Line>| {
        let other = room[3].content.clone();
        room[3].content = std::mem::replace(&mut room[1].content, other);
    };
    assert_eq!(found_in_room(texts), [Flaw::Swapped, Flaw::Swapped]);
    assert_eq!(found_in_room(|room| room[0].content.push('!')), [Flaw::Swapped]);
    assert_eq!(found_in_room(|room| room.swap(1, 3)), [Flaw::Misplaced, Flaw::Misplaced]);
    let whole = |room: &mut Vec<Line>| room.rotate_left(2);
    assert_eq!(found_in_room(whole), [Flaw::Misplaced]);
    let elsewhere = found(|history| {
        let pair: Vec<Line> = history.people[0].rooms[0].drain(..2).collect();
        history.people[1].rooms[0].extend(pair);
    });
    assert!(elsewhere.contains(&Flaw::Lost) && elsewhere.contains(&Flaw::Unasked));
}

#[test]
fn a_longer_text_that_ends_alike_is_no_quotation() {
    let alike = |room: &mut Vec<Line>| "Echo of 1 turns (0badcafe): a message 0".clone_into(&mut room[1].content);
    assert_eq!(found_in_room(alike), [Flaw::Swapped]);
    let of_demo = |text: &str| {
        let text = text.to_owned();
        found_in_room(|room| room[1].content = text)
    };
    assert_eq!(of_demo("You said: \"message 0\". I saw 1 turn."), []);
    assert_eq!(of_demo("You said: \"message 00\". I saw 1 turn."), [Flaw::Swapped]);
}

#[test]
fn what_is_not_over_is_seen() {
    for status in ["pending", "generating"] {
        assert_eq!(found_in_room(|room| status.clone_into(&mut room[1].status)), [Flaw::Unfinished]);
    }
    assert_eq!(found(|history| history.jobs = 1), [Flaw::Unfinished]);
}

#[test]
fn what_is_miscounted_is_seen() {
    assert!(found(|history| history.people[0].days[0].used += 1).contains(&Flaw::Miscounted));
    assert!(found(|history| history.people[0].days[1].used -= 1).contains(&Flaw::Miscounted));
    // The sum is right, and each day is wrong.
    let moved = found(|history| {
        history.people[0].days[0].used += 1;
        history.people[0].days[1].used -= 1;
    });
    assert_eq!(moved, [Flaw::Miscounted, Flaw::Miscounted]);
    // A unit of a failed reply that never came back.
    let kept = found_in_room(|room| room[1].status = "failed".to_owned());
    assert_eq!(kept, [Flaw::Miscounted]);
}
