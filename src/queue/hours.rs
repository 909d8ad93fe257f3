//! Business hours as UTC intervals: open or not, close of business. Zones and daylight saving time
//! stay outside.

use crate::time::Timestamp;

/// When a queue is open, as UTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hours {
    /// Always.
    RoundTheClock,
    /// Half-open intervals `[open, close)` in order; those that touch are one business day.
    Intervals(Vec<(Timestamp, Timestamp)>),
}

impl Hours {
    /// Is it open at this instant?
    pub fn open_at(&self, now: Timestamp) -> bool {
        match self {
            Hours::RoundTheClock => true,
            Hours::Intervals(list) => list.iter().any(|&(open, close)| open <= now && now < close),
        }
    }

    /// Close of business for what becomes due at `due`: the end of the interval that contains it,
    /// or of the next one if it is closed then. `None`: never closes, or opens no more.
    pub fn close_after(&self, due: Timestamp) -> Option<Timestamp> {
        match self {
            Hours::RoundTheClock => None,
            Hours::Intervals(list) => {
                let first = list.iter().position(|&(_, close)| due < close)?;
                let mut end = list[first].1;
                for &(open, close) in &list[first + 1..] {
                    if open > end {
                        break;
                    }
                    end = end.max(close);
                }
                Some(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_of_business_is_the_end_of_the_day_it_is_due() {
        let at = Timestamp::from_seconds;
        let hours = Hours::Intervals(vec![(at(10), at(20)), (at(20), at(30)), (at(50), at(60))]);
        let table = [
            (9, false, Some(30)),
            (10, true, Some(30)),
            (20, true, Some(30)),
            (30, false, Some(60)),
            (59, true, Some(60)),
            (60, false, None),
        ];
        for (now, open, close) in table {
            assert_eq!(hours.open_at(at(now)), open, "{now}");
            assert_eq!(hours.close_after(at(now)), close.map(at), "{now}");
        }
        assert!(Hours::RoundTheClock.open_at(at(0)));
        assert_eq!(Hours::RoundTheClock.close_after(at(0)), None);
    }
}
