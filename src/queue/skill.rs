//! Skills and what an interaction asks of them.
//!
//! ```text
//! expression = all { "|" all }         all  = one { "&" one }
//! one        = "!" one | "(" expression ")" | name [ comparison level ]
//! comparison = "=" | "!=" | "<" | "<=" | ">" | ">="     level = 0..100
//! ```
//!
//! A bare name means `> 0`, a skill that an agent does not have is 0, an empty text asks nothing.
//! Must not: know queues or agents.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Levels (0 to 100) by the name of the skill; a missing one is 0.
pub type Skills = BTreeMap<String, u8>;

/// Longest text of an expression, in bytes.
pub const TEXT_MAX: usize = 512;
/// Deepest nesting of parentheses and `!`.
pub const DEPTH_MAX: usize = 16;
/// Highest level.
pub const LEVEL_MAX: u8 = 100;

/// `english >= 5 & (billing | sales > 0)`; cheap to clone. The default asks nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SkillExpression(Arc<Node>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Node {
    #[default]
    Anybody,
    Compare(Box<str>, Comparison, u8),
    Not(Box<Node>),
    All(Vec<Node>),
    Either(Vec<Node>),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Longest first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

/// Why a text is no expression: where (in characters, from 1), what, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("skill expression, at character {position}: {problem}; {remedy}")]
pub struct SkillError {
    /// The character, counted from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: String,
    /// What to write instead.
    pub remedy: &'static str,
}

impl SkillExpression {
    /// Reads an expression; an empty text asks nothing.
    pub fn parse(text: &str) -> Result<Self, SkillError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        if text.len() > TEXT_MAX {
            parser.at = text.floor_char_boundary(TEXT_MAX);
            return Err(parser.error("it is too long", "write at most 512 bytes"));
        }
        parser.skip_space();
        if parser.rest().is_empty() {
            return Ok(Self::default());
        }
        let node = parser.expression()?;
        match parser.rest().chars().next() {
            None => Ok(Self(Arc::new(node))),
            Some(c) => Err(parser.error(
                &format!("`{c}` is not expected"),
                "write `&` or `|` between two conditions",
            )),
        }
    }

    /// Do these skills meet it?
    pub fn satisfied_by(&self, skills: &Skills) -> bool {
        self.0.holds(skills)
    }

    /// The conditions that these skills do not meet, as they are written: of several that must all
    /// be met those that are not, of alternatives the whole. None if they meet it.
    pub fn unmet_by(&self, skills: &Skills) -> Vec<String> {
        let mut unmet = Vec::new();
        self.0.collect_unmet(skills, &mut unmet);
        unmet
    }

    /// Every skill it names, in order of the text, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.collect_names(&mut names);
        names
    }
}

impl fmt::Display for SkillExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for SkillExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Node {
    fn holds(&self, skills: &Skills) -> bool {
        match self {
            Node::Anybody => true,
            Node::Compare(name, comparison, level) => {
                let has = skills.get(&**name).copied().unwrap_or(0);
                match comparison {
                    Comparison::Equal => has == *level,
                    Comparison::NotEqual => has != *level,
                    Comparison::Less => has < *level,
                    Comparison::AtMost => has <= *level,
                    Comparison::More => has > *level,
                    Comparison::AtLeast => has >= *level,
                }
            }
            Node::Not(inner) => !inner.holds(skills),
            Node::All(parts) => parts.iter().all(|part| part.holds(skills)),
            Node::Either(parts) => parts.iter().any(|part| part.holds(skills)),
        }
    }

    fn collect_unmet(&self, skills: &Skills, unmet: &mut Vec<String>) {
        match self {
            _ if self.holds(skills) => {}
            Node::All(parts) => parts.iter().for_each(|part| part.collect_unmet(skills, unmet)),
            Node::Anybody | Node::Compare(..) | Node::Not(_) | Node::Either(_) => {
                unmet.push(self.to_string());
            }
        }
    }

    fn collect_names<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Node::Anybody => {}
            Node::Compare(name, ..) => {
                if !names.contains(&&**name) {
                    names.push(name);
                }
            }
            Node::Not(inner) => inner.collect_names(names),
            Node::All(parts) | Node::Either(parts) => {
                parts.iter().for_each(|part| part.collect_names(names));
            }
        }
    }

    /// A part of a chain or of `!`: in parentheses unless it binds tighter.
    fn print_within(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::All(_) | Node::Either(_) => write!(f, "({self})"),
            Node::Anybody | Node::Compare(..) | Node::Not(_) => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = |f: &mut fmt::Formatter<'_>, parts: &[Node], sign: &str| {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    write!(f, " {sign} ")?;
                }
                match (sign, part) {
                    ("|", Node::All(_)) => write!(f, "{part}")?,
                    _ => part.print_within(f)?,
                }
            }
            Ok(())
        };
        match self {
            Node::Anybody => Ok(()),
            Node::Compare(name, Comparison::More, 0) => f.write_str(name),
            Node::Compare(name, comparison, level) => {
                let sign = COMPARISONS.iter().find(|(_, c)| c == comparison).map_or("", |(s, _)| s);
                write!(f, "{name} {sign} {level}")
            }
            Node::Not(inner) => {
                f.write_str("!")?;
                match **inner {
                    Node::Compare(..) => write!(f, "({inner})"),
                    Node::Anybody | Node::Not(_) | Node::All(_) | Node::Either(_) => {
                        inner.print_within(f)
                    }
                }
            }
            Node::All(parts) => chain(f, parts, "&"),
            Node::Either(parts) => chain(f, parts, "|"),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, problem: &str, remedy: &'static str) -> SkillError {
        let position = self.text[..self.at].chars().count() + 1;
        SkillError { position, problem: problem.into(), remedy }
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = self.rest().starts_with(sign);
        if there {
            self.at += sign.len();
            self.skip_space();
        }
        there
    }

    fn expression(&mut self) -> Result<Node, SkillError> {
        let first = self.all()?;
        self.chain(first, "|", Self::all, Node::Either)
    }

    fn all(&mut self) -> Result<Node, SkillError> {
        let first = self.one()?;
        self.chain(first, "&", Self::one, Node::All)
    }

    fn chain(
        &mut self,
        first: Node,
        sign: &str,
        next: fn(&mut Self) -> Result<Node, SkillError>,
        join: fn(Vec<Node>) -> Node,
    ) -> Result<Node, SkillError> {
        let mut parts = vec![first];
        while self.take(sign) {
            parts.push(next(self)?);
        }
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => Ok(join(parts)),
        }
    }

    fn one(&mut self) -> Result<Node, SkillError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("it is nested too deeply", "nest at most 16 levels"));
        }
        let node = if self.take("!") {
            Node::Not(Box::new(self.one()?))
        } else if self.take("(") {
            let inner = self.expression()?;
            if !self.take(")") {
                return Err(self.error("a parenthesis is open", "close it with `)`"));
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, SkillError> {
        let in_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let end = self.rest().find(|c| !in_name(c)).unwrap_or(self.rest().len());
        let name = &self.rest()[..end];
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let remedy = "write the name of a skill: a letter, then letters, digits, `_`, `-`, `.`";
            return Err(self.error("a skill is missing", remedy));
        }
        self.at += end;
        self.skip_space();
        let Some(&(_, sign)) = COMPARISONS.iter().find(|(sign, _)| self.take(sign)) else {
            return Ok(Node::Compare(name.into(), Comparison::More, 0));
        };
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        match rest[..end].parse() {
            Ok(level) if level <= LEVEL_MAX => {
                self.at += end;
                self.skip_space();
                Ok(Node::Compare(name.into(), sign, level))
            }
            _ => Err(self.error("a level is missing or too high", "write a number from 0 to 100")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skills(list: &[(&str, u8)]) -> Skills {
        list.iter().map(|&(name, level)| (name.to_string(), level)).collect()
    }

    #[test]
    fn an_expression_is_met_or_not() {
        let ann = skills(&[("english", 7), ("billing", 1), ("sales", 0)]);
        let table = [
            ("", true),
            ("english", true),
            ("sales", false),
            ("french", false),
            ("french = 0", true),
            ("english >= 7 & english <= 7", true),
            ("english>7|billing", true),
            ("sales & french | english", true),
            ("sales & (french | english)", false),
            ("!(sales | french) & english != 6", true),
            ("!!english < 8", true),
            ("english=100", false),
        ];
        for (text, met) in table {
            let expression = SkillExpression::parse(text).unwrap();
            assert_eq!(expression.satisfied_by(&ann), met, "{text}");
        }
    }

    #[test]
    fn an_error_says_where_and_what_to_do() {
        let table = [
            ("english >=", 11, "0 to 100"),
            ("english > 101", 11, "0 to 100"),
            ("a & | b", 5, "name of a skill"),
            ("(a | b", 7, "`)`"),
            ("a b", 3, "`&` or `|`"),
            ("a)", 2, "`&` or `|`"),
            ("é", 1, "name of a skill"),
            ("!!!!!!!!!!!!!!!!!a", 17, "16 levels"),
        ];
        for (text, position, remedy) in table {
            let error = SkillExpression::parse(text).unwrap_err();
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.remedy.contains(remedy), "{text}: {error}");
        }
        let long = SkillExpression::parse(&"é".repeat(300)).unwrap_err();
        assert_eq!(long.position, 257);
    }

    #[test]
    fn it_prints_with_the_parentheses_it_needs() {
        let table = [
            ("a>0", "a"),
            ("(a&b)|c", "a & b | c"),
            ("a&(b|c)", "a & (b | c)"),
            ("!a", "!(a)"),
            ("! ( a | b ) & c>=5", "!(a | b) & c >= 5"),
            ("  ", ""),
        ];
        for (text, printed) in table {
            assert_eq!(SkillExpression::parse(text).unwrap().to_string(), printed);
        }
    }

    fn node() -> impl Strategy<Value = Node> {
        let sign = prop::sample::select(COMPARISONS.map(|(_, c)| c).to_vec());
        let leaf = ("[a-z][a-z0-9_.-]{0,5}", sign, 0..=LEVEL_MAX)
            .prop_map(|(name, sign, level)| Node::Compare(name.into(), sign, level));
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|n| Node::Not(Box::new(n))),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Node::All),
                prop::collection::vec(inner, 2..4).prop_map(Node::Either),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(
            node in node(),
            levels in prop::collection::vec(0u8..100, 3),
        ) {
            let expression = SkillExpression(Arc::new(node));
            let text = expression.to_string();
            prop_assume!(text.len() <= TEXT_MAX);
            let again = SkillExpression::parse(&text).unwrap();
            prop_assert_eq!(again.to_string(), text);
            let names = expression.names();
            let skills = names.iter().zip(&levels).map(|(n, &l)| (n.to_string(), l)).collect();
            prop_assert_eq!(again.satisfied_by(&skills), expression.satisfied_by(&skills));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[a-c0-9 !&|()<>=é]{0,40}") {
            if let Ok(expression) = SkillExpression::parse(&text) {
                prop_assert_eq!(SkillExpression::parse(&expression.to_string()), Ok(expression));
            }
        }
    }
}
