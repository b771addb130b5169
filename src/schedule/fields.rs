//! Crontab's five fields to the sets of numbers that they name. Every error names the field and what to write.

use super::CronError;
use crate::domain::secret::could_be_key;

/// What there is to know of one of the five.
struct Kind {
    name: &'static str,
    first: u32,
    last: u32,
    /// names of the numbers from `first` on
    names: &'static [&'static str],
    /// what may stand in it
    allowed: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind { name: "minute", first: 0, last: 59, names: &[], allowed: "write 0 to 59" },
    Kind { name: "hour", first: 0, last: 23, names: &[], allowed: "write 0 to 23" },
    Kind { name: "day of month", first: 1, last: 31, names: &[], allowed: "write 1 to 31" },
    Kind {
        name: "month",
        first: 1,
        last: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        allowed: "write 1 to 12, or JAN to DEC",
    },
    Kind {
        name: "weekday",
        first: 0,
        last: 6,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        allowed: "write 0 to 7 (0 and 7 are Sunday), or SUN to SAT",
    },
];
const WEEKDAY: usize = 4;

/// The short forms, and what they stand for.
const SHORT: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The five fields, understood.
pub(super) struct Fields {
    sets: [Numbers; 5],
    /// True for "every so often", false for "at this time of the day"; see [`crate::schedule`].
    pub(super) interval: bool,
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, CronError> {
        let text = text.trim();
        if could_be_key(text) {
            return Err(CronError::new("what stands here could be a key and isn't shown", short_forms()));
        }
        if text.starts_with('@') {
            let spelt_out = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(text)).map(|(_, full)| *full);
            return match spelt_out {
                Some(full) => Self::of(full),
                None => Err(CronError::new(format!("{text:?} is no short form"), short_forms())),
            };
        }
        Self::of(text)
    }

    fn of(text: &str) -> Result<Self, CronError> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let Ok([minute, hour, day, month, weekday]) = <[&str; 5]>::try_from(parts.as_slice()) else {
            let (count, s) = (parts.len(), if parts.len() == 1 { "" } else { "s" });
            let todo = "write five: minute, hour, day of month, month, weekday (there are no seconds and no years)";
            return Err(CronError::new(format!("{text:?} has {count} field{s}"), todo));
        };
        let [minutes, hours, days, months, weekdays] = KINDS;
        let sets =
            [minutes.read(minute)?, hours.read(hour)?, days.read(day)?, months.read(month)?, weekdays.read(weekday)?];
        let fields = Self { sets, interval: minute.starts_with('*') || hour.starts_with('*') };
        // Most crons then take either, some both: whatever was meant, somebody would be surprised.
        if fields.restricts(2, day) && fields.restricts(WEEKDAY, weekday) {
            let what = format!("both the day of month ({day}) and the weekday ({weekday}) are restricted");
            return Err(CronError::new(what, "write * for one of them: crons disagree on whether both must fit"));
        }
        Ok(fields)
    }

    /// Only what begins with `*` and leaves nothing out is without restriction to every cron.
    fn restricts(&self, field: usize, text: &str) -> bool {
        !(text.starts_with('*') && self.sets.get(field) == KINDS.get(field).map(Kind::all).as_ref())
    }

    /// The expression as the `cron` crate takes it: with seconds, and weekdays by name, for their numbers begin elsewhere.
    pub(super) fn spelt_for_the_crate(&self) -> String {
        let mut text = "0".to_owned();
        for (kind, set) in KINDS.iter().zip(self.sets) {
            text.push(' ');
            text.push_str(&kind.spell(set));
        }
        text
    }
}

/// A set of numbers below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers(u64);

impl Numbers {
    const fn with(self, number: u32) -> Self {
        Self(self.0 | 1 << (number % u64::BITS))
    }

    const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    const fn has(self, number: u32) -> bool {
        self.0 & (1 << (number % u64::BITS)) != 0
    }
}

impl Kind {
    fn all(&self) -> Numbers {
        (self.first..=self.last).fold(Numbers::default(), Numbers::with)
    }

    fn is_weekday(&self) -> bool {
        self.last == 6
    }

    fn read(&self, field: &str) -> Result<Numbers, CronError> {
        field.split(',').try_fold(Numbers::default(), |all, item| Ok(all.and(self.item(item)?)))
    }

    /// One item of a list: `*`, `5`, `MON`, `1-5`, `*/15`, `8-18/2`.
    fn item(&self, item: &str) -> Result<Numbers, CronError> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(self.step(step)?)),
            None => (item, None),
        };
        let (from, to) = match (span, span.split_once('-')) {
            ("*", _) => (self.first, self.last),
            (_, Some((from, to))) => self.range(from, to)?,
            (_, None) if step.is_some() => {
                let todo = format!("write where it ends, as in \"{span}-{}/{}\"", self.last, step.unwrap_or(1));
                return Err(self.wrong(&format!("{item:?} is a step without a range"), &todo));
            }
            (_, None) => self.number(span).map(|number| (number, number))?,
        };
        let step = step.unwrap_or(1) as usize;
        // Sunday is 7 as well.
        let number = |number| if self.is_weekday() { number % 7 } else { number };
        Ok((from..=to).step_by(step).map(number).fold(Numbers::default(), Numbers::with))
    }

    fn range(&self, from: &str, to: &str) -> Result<(u32, u32), CronError> {
        let (first, mut last) = (self.number(from)?, self.number(to)?);
        if self.is_weekday() && last == 0 && first > 0 {
            last = 7; // the Sunday at the week's end
        }
        if first <= last {
            return Ok((first, last));
        }
        let todo = format!("write two, as in \"{from}-{},{}-{to}\"", self.label(self.last), self.label(self.first));
        Err(self.wrong(&format!("{from}-{to} runs backwards"), &todo))
    }

    fn step(&self, text: &str) -> Result<u32, CronError> {
        let longest = self.last - self.first;
        match text.parse() {
            Ok(step) if (1..=longest).contains(&step) => Ok(step),
            Ok(0) => Err(self.wrong("a step of 0 goes nowhere", &format!("write a step from 1 to {longest}"))),
            Ok(step) => {
                let todo = format!("write a step from 1 to {longest}; each {} begins anew", self.within());
                Err(self.wrong(&format!("a step of {step} never comes round"), &todo))
            }
            Err(_) => {
                Err(self.wrong(&format!("{text:?} is not a step"), &format!("write a number from 1 to {longest}")))
            }
        }
    }

    fn number(&self, text: &str) -> Result<u32, CronError> {
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.first + u32::try_from(index).unwrap_or_default());
        }
        let last = if self.is_weekday() { 7 } else { self.last };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && (self.first..=last).contains(&number) => Ok(number),
            _ if digits => Err(self.wrong(&format!("{text} is out of range"), self.allowed)),
            _ => Err(self.wrong(&format!("{text:?} is not a {}", self.name), self.allowed)),
        }
    }

    /// What a step of this field starts over in.
    const fn within(&self) -> &'static str {
        match self.last {
            59 => "hour",
            23 => "day",
            31 => "month",
            12 => "year",
            _ => "week",
        }
    }

    /// A number as people write it in this field.
    fn label(&self, number: u32) -> String {
        let name = number.checked_sub(self.first).and_then(|index| self.names.get(index as usize));
        name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
    }

    fn spell(&self, set: Numbers) -> String {
        if set == self.all() {
            return "*".to_owned();
        }
        let numbers = (self.first..=self.last).filter(|number| set.has(*number));
        numbers.map(|number| self.label(number)).collect::<Vec<_>>().join(",")
    }

    fn wrong(&self, what: &str, todo: &str) -> CronError {
        CronError::new(format!("{}: {what}", self.name), todo)
    }
}

fn short_forms() -> String {
    format!("write five fields, or one of {}", SHORT.map(|(short, _)| short).join(", "))
}
