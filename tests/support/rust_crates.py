"""Six Rust projects of realistic shape, each with a fault that its tests notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RustCrate:
    files: Mapping[str, str]
    failing: tuple[str, ...]
    fixed_line: str
    """As it was before the fault was put in."""


def manifest(name: str) -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'


LEDGER = RustCrate(
    files={
        "Cargo.toml": manifest("ledger"),
        "README.md": "# ledger\n\nShares costs among people, in whole cents.\n",
        "src/lib.rs": """//! Shares costs among people.

pub mod split;

/// An amount as people write it.
pub fn written(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}
""",
        "src/split.rs": """//! Amounts in shares.

/// There is nobody to share with.
#[derive(Debug, PartialEq)]
pub struct Nobody;

/// Shares an amount evenly; the first people get the cents that are left.
pub fn split(amount: i64, people: usize) -> Result<Vec<i64>, Nobody> {
    if people == 0 {
        return Err(Nobody);
    }
    let share = amount / people as i64;
    let left = (amount % people as i64) as usize;
    Ok((0..people)
        .map(|i| if i <= left { share + 1 } else { share })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_goes_to_the_first() {
        assert_eq!(split(1001, 3), Ok(vec![334, 334, 333]));
    }

    #[test]
    fn nobody_gets_nothing() {
        assert_eq!(split(100, 0), Err(Nobody));
    }
}
""",
        "tests/written.rs": """use ledger::written;

#[test]
fn debts_have_a_sign() {
    assert_eq!(written(-1205), "-12.05");
}
""",
    },
    failing=("src/split.rs::split::tests::a_rest_goes_to_the_first",),
    fixed_line="        .map(|i| if i < left { share + 1 } else { share })",
)
"""Its tests stand beside the fault, in one file."""

RING = RustCrate(
    files={
        "Cargo.toml": manifest("ring"),
        "src/lib.rs": """//! A buffer that forgets the oldest.

/// Keeps the last values, at most as many as it has places.
pub struct Ring<T> {
    places: Vec<Option<T>>,
    begin: usize,
    count: usize,
}

impl<T: Clone> Ring<T> {
    /// A ring with so many places.
    pub fn new(places: usize) -> Self {
        Ring {
            places: vec![None; places],
            begin: 0,
            count: 0,
        }
    }

    /// Adds a value; where there is no place the oldest goes, and is returned.
    pub fn push(&mut self, value: T) -> Option<T> {
        let size = self.places.len();
        let end = (self.begin - self.count) % size;
        let oldest = self.places[end].replace(value);
        if self.count == size {
            self.begin = (self.begin + 1) % size;
        } else {
            self.count += 1;
        }
        oldest
    }

    /// The values, the oldest first.
    pub fn values(&self) -> Vec<T> {
        let size = self.places.len();
        (0..self.count)
            .filter_map(|i| self.places[(self.begin + i) % size].clone())
            .collect()
    }
}
""",
        "tests/ring.rs": """use ring::Ring;

#[test]
fn it_keeps_the_order() {
    let mut ring = Ring::new(3);
    for value in 1..=2 {
        ring.push(value);
    }
    assert_eq!(ring.values(), [1, 2]);
}

#[test]
fn it_forgets_the_oldest() {
    let mut ring = Ring::new(2);
    ring.push('a');
    ring.push('b');
    assert_eq!(ring.push('c'), Some('a'));
    assert_eq!(ring.values(), ['b', 'c']);
}

#[test]
fn an_empty_one_has_no_values() {
    assert!(Ring::<u8>::new(4).values().is_empty());
}
""",
    },
    failing=("tests/ring.rs::it_keeps_the_order", "tests/ring.rs::it_forgets_the_oldest"),
    fixed_line="        let end = (self.begin + self.count) % size;",
)
SETTINGS = RustCrate(
    files={
        "Cargo.toml": manifest("settings"),
        "src/lib.rs": """//! Settings in lines of `key = value`.

use std::collections::HashMap;

mod line;

/// What a text of settings says.
pub fn read(text: &str) -> Result<HashMap<String, String>, String> {
    let mut settings = HashMap::new();
    for (number, row) in text.lines().enumerate() {
        if row.trim().is_empty() || row.trim_start().starts_with('#') {
            continue;
        }
        let (key, value) = line::pair(row).ok_or(format!("line {}: no key", number + 1))?;
        settings.insert(key.to_string(), value.to_string());
    }
    Ok(settings)
}
""",
        "src/line.rs": """/// Key and value of a line.
pub fn pair(row: &str) -> Option<(&str, &str)> {
    let (key, value) = row.rsplit_once('=')?;
    let key = key.trim();
    if key.is_empty() {
        return None;
    }
    Some((key, value.trim()))
}
""",
        "tests/settings.rs": """use settings::read;

#[test]
fn a_value_may_hold_an_equals_sign() {
    let settings = read("# mail\\nquery = to=ops&when=now\\n").unwrap();
    assert_eq!(settings.get("query").map(String::as_str), Some("to=ops&when=now"));
}

#[test]
fn blanks_do_not_count() {
    let settings = read("\\n  port =  8080 \\n").unwrap();
    assert_eq!(settings["port"], "8080");
}

#[test]
fn a_line_without_a_key_has_a_number() {
    assert_eq!(read("a = 1\\n= 2\\n"), Err("line 2: no key".to_string()));
}
""",
    },
    failing=("tests/settings.rs::a_value_may_hold_an_equals_sign",),
    fixed_line="    let (key, value) = row.split_once('=')?;",
)
"""Its fault lies in a module that the tests do not see."""
SPANS = RustCrate(
    files={
        "Cargo.toml": manifest("spans"),
        "src/lib.rs": """//! Spans of days.

/// Spans with their ends, in order, those that meet in one.
pub fn merged(spans: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut sorted = spans.to_vec();
    sorted.sort();
    let mut result: Vec<(u32, u32)> = Vec::new();
    for (begin, end) in sorted {
        match result.last_mut() {
            Some(last) if begin <= last.1 + 1 => last.1 = last.1.min(end),
            _ => result.push((begin, end)),
        }
    }
    result
}

/// The days in all spans.
pub fn days(spans: &[(u32, u32)]) -> u32 {
    merged(spans).iter().map(|(begin, end)| end - begin + 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_meet_are_one() {
        assert_eq!(merged(&[(4, 6), (1, 3)]), [(1, 6)]);
    }

    #[test]
    fn those_apart_stay() {
        assert_eq!(merged(&[(8, 9), (1, 3)]), [(1, 3), (8, 9)]);
    }

    #[test]
    fn days_count_once() {
        assert_eq!(days(&[(1, 5), (3, 8)]), 8);
    }
}
""",
    },
    failing=("src/lib.rs::tests::those_that_meet_are_one", "src/lib.rs::tests::days_count_once"),
    fixed_line="            Some(last) if begin <= last.1 + 1 => last.1 = last.1.max(end),",
)
SIEVE = RustCrate(
    files={
        "Cargo.toml": manifest("sieve"),
        "src/lib.rs": """//! Primes.

/// The primes up to a number, that number included.
pub fn primes(last: usize) -> Vec<usize> {
    let mut is_prime = vec![true; last + 1];
    let mut found = Vec::new();
    for number in 2..last {
        if !is_prime[number] {
            continue;
        }
        found.push(number);
        let mut multiple = number * number;
        while multiple <= last {
            is_prime[multiple] = false;
            multiple += number;
        }
    }
    found
}
""",
        "tests/primes.rs": """use sieve::primes;

#[test]
fn the_last_counts() {
    assert_eq!(primes(13), [2, 3, 5, 7, 11, 13]);
}

#[test]
fn squares_are_none() {
    assert_eq!(primes(10), [2, 3, 5, 7]);
}
""",
    },
    failing=("tests/primes.rs::the_last_counts",),
    fixed_line="    for number in 2..=last {",
)
STORE = RustCrate(
    files={
        "Cargo.toml": '[workspace]\nmembers = ["goods", "store"]\nresolver = "2"\n',
        "goods/Cargo.toml": manifest("goods"),
        "goods/src/lib.rs": """//! Goods in a store.

use std::collections::BTreeMap;

/// What there is of each.
#[derive(Default)]
pub struct Goods {
    counts: BTreeMap<String, u32>,
}

impl Goods {
    /// Puts some in.
    pub fn add(&mut self, name: &str, count: u32) {
        *self.counts.entry(name.to_string()).or_insert(0) += count;
    }

    /// Takes some out, as many as there are.
    pub fn take(&mut self, name: &str, count: u32) -> u32 {
        let Some(there) = self.counts.get_mut(name) else {
            return 0;
        };
        let taken = count.max(*there);
        *there -= taken;
        taken
    }

    /// Names of what there is none of.
    pub fn missing(&self) -> Vec<&str> {
        let none = self.counts.iter().filter(|(_, count)| **count == 0);
        none.map(|(name, _)| name.as_str()).collect()
    }
}
""",
        "store/Cargo.toml": manifest("store") + '\n[dependencies]\ngoods = { path = "../goods" }\n',
        "store/src/lib.rs": """//! Orders.

use goods::Goods;

/// What is delivered of an order, and whether that is all of it.
pub fn deliver(goods: &mut Goods, order: &[(&str, u32)]) -> (u32, bool) {
    let mut sum = 0;
    let mut is_whole = true;
    for (name, count) in order {
        let taken = goods.take(name, *count);
        sum += taken;
        is_whole = is_whole && taken == *count;
    }
    (sum, is_whole)
}
""",
        "store/tests/orders.rs": """use goods::Goods;
use store::deliver;

fn goods() -> Goods {
    let mut goods = Goods::default();
    goods.add("nails", 10);
    goods.add("screws", 4);
    goods
}

#[test]
fn a_small_order_is_whole() {
    assert_eq!(deliver(&mut goods(), &[("nails", 3), ("screws", 4)]), (7, true));
}

#[test]
fn a_large_order_takes_what_is_there() {
    let mut goods = goods();
    assert_eq!(deliver(&mut goods, &[("screws", 4)]), (4, true));
    assert_eq!(goods.missing(), ["screws"]);
}
""",
    },
    failing=("store/tests/orders.rs::a_small_order_is_whole",),
    fixed_line="        let taken = count.min(*there);",
)
"""A workspace; its fault lies in another package than the tests."""
CRATES = {
    "ledger": LEDGER,
    "ring": RING,
    "settings": SETTINGS,
    "spans": SPANS,
    "sieve": SIEVE,
    "store": STORE,
}
