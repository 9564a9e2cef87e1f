//! What a user has used, a day at a time.

use serde::Serialize;
use utoipa::ToSchema;

use super::time::Day;

/// The longest span that is told at once, in days: a year with its 29 February.
pub const LONGEST_SPAN: i64 = 366;
/// The span that is told when none is asked for, in days.
pub const USUAL_SPAN: i64 = 30;

/// What was used on one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayUsage {
    /// The day.
    pub day: Day,
    /// Messages, as the quota counts them: those whose reply failed are not among them.
    #[schema(example = 3)]
    pub messages: i64,
    /// Tokens of the conversations that were sent to the model.
    #[schema(example = 420)]
    pub prompt_tokens: i64,
    /// Tokens of its replies.
    #[schema(example = 1300)]
    pub reply_tokens: i64,
}

/// A span of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
}

impl Span {
    /// The span between what was asked for: up to today, and the usual one, where an end is missing. Says at which end it
    /// is wrong, and how.
    pub fn of(from: Option<Day>, to: Option<Day>, today: Day) -> Result<Self, (&'static str, &'static str)> {
        let last = to.unwrap_or(today);
        let first = from.unwrap_or_else(|| last.plus(1 - USUAL_SPAN));
        let told = if to.is_some() { "to" } else { "from" };
        if first > last {
            return Err((told, "before_from"));
        }
        if last.number() - first.number() >= LONGEST_SPAN {
            return Err((told, "span_too_long"));
        }
        Ok(Self { from: first, to: last })
    }

    /// Every day of the span, those of nothing included.
    #[must_use]
    pub fn fill(self, used: &[DayUsage]) -> Vec<DayUsage> {
        let mut used = used.iter().copied().peekable();
        let days = (self.from.number()..=self.to.number()).map(Day::from_number);
        let nothing = |day| DayUsage { day, messages: 0, prompt_tokens: 0, reply_tokens: 0 };
        days.map(|day| used.next_if(|known| known.day == day).unwrap_or_else(|| nothing(day))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day::from_number(20_778);

    #[test]
    fn a_span_ends_today_and_is_thirty_days_unless_it_is_told() {
        let usual = Span::of(None, None, TODAY).unwrap();
        assert_eq!((usual.from, usual.to), (TODAY.plus(-29), TODAY));
        assert_eq!(Span::of(Some(TODAY), None, TODAY).unwrap(), Span { from: TODAY, to: TODAY });
        let to = Span::of(None, Some(TODAY.plus(-100)), TODAY).unwrap();
        assert_eq!((to.from, to.to), (TODAY.plus(-129), TODAY.plus(-100)));
    }

    #[test]
    fn a_span_is_at_most_a_year_and_never_backwards() {
        let span = |from: i64, to: i64| Span::of(Some(TODAY.plus(from)), Some(TODAY.plus(to)), TODAY);
        assert!(span(-365, 0).is_ok());
        assert_eq!(span(-366, 0), Err(("to", "span_too_long")));
        assert_eq!(span(1, 0), Err(("to", "before_from")));
        assert_eq!(Span::of(Some(TODAY.plus(1)), None, TODAY), Err(("from", "before_from")));
        assert_eq!(Span::of(Some(TODAY.plus(-366)), None, TODAY), Err(("from", "span_too_long")));
    }

    #[test]
    fn a_span_is_filled_without_a_gap() {
        let used = DayUsage { day: TODAY, messages: 2, prompt_tokens: 3, reply_tokens: 4 };
        let filled = Span { from: TODAY.plus(-1), to: TODAY.plus(1) }.fill(&[used]);
        assert_eq!(filled.iter().map(|day| day.messages).collect::<Vec<_>>(), [0, 2, 0]);
        assert_eq!(filled[1], used);
    }
}
