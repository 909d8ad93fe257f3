//! How a phone is told to answer by itself. RFC 5373 came late: most makes have a header of their
//! own, and a header that a phone does not know makes it ring.

/// What a phone understands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AutoAnswer {
    /// It rings until somebody answers.
    #[default]
    Off,
    /// `Alert-Info: info=alert-autoanswer`, a parameter alone.
    AlertInfo,
    /// The same after a URI, as RFC 3261 section 20.4 has it, and at once.
    AlertInfoDelay0,
    /// `Call-Info` with `answer-after=0`.
    CallInfoAnswerAfter0,
    /// RFC 5373.
    AnswerMode,
}

impl AutoAnswer {
    /// The headers of an INVITE, as [`super::Invitation::headers`] takes them. Their URIs lead
    /// nowhere: a phone must not fetch a ring tone for a call that it answers.
    pub fn headers(self) -> Vec<(&'static str, String)> {
        let (name, value) = match self {
            AutoAnswer::Off => return Vec::new(),
            AutoAnswer::AlertInfo => ("Alert-Info", "info=alert-autoanswer"),
            AutoAnswer::AlertInfoDelay0 => {
                ("Alert-Info", "<http://ringback.invalid>;info=alert-autoanswer;delay=0")
            }
            AutoAnswer::CallInfoAnswerAfter0 => {
                ("Call-Info", "<sip:ringback.invalid>;answer-after=0")
            }
            AutoAnswer::AnswerMode => ("Answer-Mode", "Auto"),
        };
        vec![(name, value.to_owned())]
    }
}
