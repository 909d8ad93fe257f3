//! Keys pressed by a person: a collector of digits with its three times, prompts answered by
//! digits, and a question answered by one key.
//!
//! The first-digit time begins when the prompts have ended; a key pressed during them is taken and
//! cuts them. It must not know what the digits mean.

use std::collections::VecDeque;
use std::fmt;

use crate::ident::{LegId, PlayId};
use crate::time::{Duration, Timestamp};

use super::effect::{Effect, Prompt};
use super::{Context, Playing, Timer, earliest};

/// Most digits kept for the next question: a code and some menu keys.
const TYPED_MAX: usize = 16;

/// When a collector is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Silence after the prompts.
    pub first: Duration,
    /// Silence after a digit.
    pub between: Duration,
    /// From the end of the prompts, or the first digit if that came before.
    pub total: Duration,
    /// Most digits.
    pub count: usize,
    /// Ends the entry; not part of it.
    pub terminator: Option<char>,
    /// As the first digit it is an entry by itself.
    pub alone: Option<char>,
}

impl Limits {
    /// Any one key, within `first` of the end of the prompts.
    pub(super) const fn one_key(first: Duration) -> Self {
        let (between, total) = (Duration::MAX, Duration::MAX);
        Self { first, between, total, count: 1, terminator: None, alone: None }
    }
}

/// Collects digits. `Debug` does not show them: they may be a number or a code.
pub(super) struct Collector {
    limits: Limits,
    digits: String,
    started: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Collector {
    /// Takes digits at once; its times begin with [`Collector::start`] or the first digit.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, digits: String::new(), started: None, last: None }
    }

    /// The prompts have ended.
    pub(super) fn start(&mut self, now: Timestamp) {
        self.started.get_or_insert(now);
    }

    /// A key. `Some`: done, by the terminator (the entry may be empty), the count, or a digit that
    /// stands alone.
    pub(super) fn press(&mut self, now: Timestamp, digit: char) -> Option<String> {
        if self.limits.terminator == Some(digit) {
            return Some(std::mem::take(&mut self.digits));
        }
        self.start(now);
        self.last = Some(now);
        self.digits.push(digit);
        let alone = self.digits.len() == 1 && self.limits.alone == Some(digit);
        (alone || self.digits.len() >= self.limits.count).then(|| std::mem::take(&mut self.digits))
    }

    /// `Some`: done, by one of the times; empty: nothing was pressed.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<String> {
        let (at, _) = self.deadline()?;
        (at <= now).then(|| std::mem::take(&mut self.digits))
    }

    pub(super) fn deadline(&self) -> Timer {
        let started = self.started?;
        let total = Some((started + self.limits.total, "digits"));
        let next = match self.last {
            Some(last) => Some((last + self.limits.between, "next digit")),
            None => Some((started + self.limits.first, "first digit")),
        };
        earliest([total, next])
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({} digits)", self.digits.len())
    }
}

/// Digits pressed before anybody asked for them: kept for the next question. `Debug` does not show
/// them.
#[derive(Default)]
pub(super) struct Typed(VecDeque<char>);

impl Typed {
    /// Keeps a digit; the latest [`TYPED_MAX`] count.
    pub(super) fn push(&mut self, digit: char) {
        if self.0.len() >= TYPED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(digit);
    }

    /// The first of them.
    pub(super) fn pop(&mut self) -> Option<char> {
        self.0.pop_front()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Typed({} digits)", self.0.len())
    }
}

/// Prompts answered by digits.
#[derive(Debug)]
pub(super) struct Entry {
    leg: LegId,
    playing: Option<Playing>,
    collector: Collector,
}

impl Entry {
    /// Plays `prompts`; the times of `limits` begin after them.
    pub(super) fn ask(
        ctx: &mut Context<'_>,
        leg: LegId,
        prompts: Vec<Prompt>,
        limits: Limits,
    ) -> Self {
        Self { leg, playing: Some(ctx.play(leg, prompts)), collector: Collector::new(limits) }
    }

    /// A key. `Some`: done; empty: nothing but the terminator. If more digits follow, the prompts
    /// are cut.
    pub(super) fn press(&mut self, ctx: &mut Context<'_>, digit: char) -> Option<String> {
        let done = self.collector.press(ctx.now, digit);
        if done.is_none() && self.playing.take().is_some() {
            ctx.push(Effect::Silence { leg: self.leg });
        }
        done
    }

    pub(super) fn play_ended(&mut self, now: Timestamp, play: PlayId) {
        if self.playing.is_some_and(|playing| playing.is(play)) {
            self.playing = None;
            self.collector.start(now);
        }
    }

    /// `Some`: done, by one of the times; empty: nothing was pressed.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<String> {
        if self.playing.is_some_and(|playing| playing.is_overdue(now)) {
            self.playing = None;
            self.collector.start(now);
        }
        self.collector.expire(now)
    }

    pub(super) fn deadline(&self) -> Timer {
        match &self.playing {
            Some(playing) => playing.deadline(),
            None => self.collector.deadline(),
        }
    }
}

/// Prompts answered by one key.
#[derive(Debug)]
pub(super) struct Question(Entry);

/// What came of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// This key.
    Key(char),
    /// No key in time.
    Silence,
}

impl Question {
    /// Plays `prompts`; after them there is `first` to press a key.
    pub(super) fn ask(
        ctx: &mut Context<'_>,
        leg: LegId,
        prompts: Vec<Prompt>,
        first: Duration,
    ) -> Self {
        Self(Entry::ask(ctx, leg, prompts, Limits::one_key(first)))
    }

    pub(super) fn press(&mut self, ctx: &mut Context<'_>, digit: char) -> Option<Answer> {
        self.0.press(ctx, digit).map(answer)
    }

    pub(super) fn play_ended(&mut self, now: Timestamp, play: PlayId) {
        self.0.play_ended(now, play);
    }

    /// Were the prompts said, so that nothing is heard any more?
    pub(super) fn is_said(&self) -> bool {
        self.0.playing.is_none()
    }

    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Answer> {
        self.0.expire(now).map(answer)
    }

    pub(super) fn deadline(&self) -> Timer {
        self.0.deadline()
    }
}

fn answer(digits: String) -> Answer {
    digits.chars().next().map_or(Answer::Silence, Answer::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        first: Duration::from_secs(5),
        between: Duration::from_secs(2),
        total: Duration::from_secs(7),
        count: 4,
        terminator: Some('#'),
        alone: Some('9'),
    };

    /// Keys at seconds; `p`: the prompts end; `.`: only time. The result and its second.
    fn run(steps: &[(i64, char)]) -> Option<(i64, String)> {
        let mut collector = Collector::new(LIMITS);
        for &(second, step) in steps {
            let now = Timestamp::from_seconds(second);
            if let Some((at, _)) = collector.deadline()
                && let Some(done) = collector.expire(now.min(at))
            {
                return Some((at.as_ms() / 1000, done));
            }
            let done = match step {
                'p' => {
                    collector.start(now);
                    None
                }
                '.' => collector.expire(now),
                digit => collector.press(now, digit),
            };
            if let Some(done) = done {
                return Some((second, done));
            }
        }
        None
    }

    #[test]
    fn an_entry_ends_by_count_terminator_or_one_of_the_times() {
        type Row = (&'static str, &'static [(i64, char)], Option<(i64, &'static str)>);
        let table: &[Row] = &[
            ("count", &[(0, 'p'), (1, '1'), (1, '2'), (2, '3'), (2, '4')], Some((2, "1234"))),
            ("terminator", &[(0, 'p'), (1, '1'), (2, '#')], Some((2, "1"))),
            ("terminator alone", &[(0, 'p'), (1, '#')], Some((1, ""))),
            ("a digit that stands alone", &[(0, 'p'), (1, '9')], Some((1, "9"))),
            ("the same among others", &[(0, 'p'), (1, '1'), (1, '9'), (2, '#')], Some((2, "19"))),
            ("first digit", &[(0, 'p'), (4, '.'), (9, '.')], Some((5, ""))),
            ("between digits", &[(0, 'p'), (1, '1'), (2, '2'), (9, '.')], Some((4, "12"))),
            ("total", &[(0, 'p'), (4, '1'), (5, '2'), (6, '3'), (9, '.')], Some((7, "123"))),
            ("no time during the prompts", &[(0, '.'), (99, '.')], None),
            ("a key during the prompts", &[(3, '1'), (9, '.')], Some((5, "1"))),
            ("prompts that end after a key", &[(3, '1'), (4, 'p'), (9, '.')], Some((5, "1"))),
        ];
        for (name, steps, expected) in table {
            let expected = expected.map(|(second, digits)| (second, digits.to_owned()));
            assert_eq!(run(steps), expected, "{name}");
        }
    }

    #[test]
    fn digits_do_not_print() {
        let mut collector = Collector::new(LIMITS);
        collector.press(Timestamp::from_ms(0), '7');
        assert_eq!(format!("{collector:?}"), "Collector(1 digits)");
        let mut typed = Typed::default();
        "12345678901234567".chars().for_each(|digit| typed.push(digit));
        assert_eq!((format!("{typed:?}").as_str(), typed.pop()), ("Typed(16 digits)", Some('2')));
    }
}
