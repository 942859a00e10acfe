"""What is read of Rust without a parser."""

from __future__ import annotations

import pytest

from agent.source.rust.code import masked
from agent.source.rust.functions import rust_functions
from agent.source.rust.test_regions import regions_of_tests


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ('let a = "}\\""; b', "let a =      ; b"),
        ('r#"a " }"# + b', "           + b"),
        ("'a' + b'\\'' + '\\u{1F600}' + x", "    +       +             + x"),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
        ("/* a", "    "),
        ('"a', "  "),
    ],
)
def test_texts_are_blank(text: str, code: str) -> None:
    assert len(masked(text)) == len(text)
    assert " ".join(masked(text).split()) == " ".join(code.split())


def test_functions_and_methods() -> None:
    text = """fn one() -> [u8; 3] { [1; 3] }
impl<T> X<T> {
    pub async fn two<K: Into<u8>, V>(&self, k: K) -> HashMap<K, V>
    where
        V: Ord,
    {
        let inner = |x| { x };
    }
}
trait Y { fn none(&self) -> u8; fn three(&self) { "}" } }
fn open() {
"""
    spans = [(span.name, span.first, span.last) for span in rust_functions(text)]
    assert spans == [("one", 1, 1), ("two", 3, 8), ("three", 10, 10)]


@pytest.mark.parametrize(
    "region",
    [
        '#[test]\nfn a() { "}" }',
        '#[tokio::test(flavor = "x")]\nasync fn a() {}',
        "#[allow(x)]\n#[cfg(test)]\nmod tests {\n    fn helper() {}\n}",
        "#[cfg(all(test, unix))]\nfn helper() -> [u8; 2] { [1, 2] }",
        "#[cfg(test)]\nuse a::b;",
        "#[cfg_attr(test, derive(Debug))]",
        "proptest! { fn a(x in 0..9) {} }",
        "#[rstest]\n#[case(1)]\nfn a(#[case] x: u8) {}",
    ],
)
def test_what_is_the_tests_in_a_source(region: str) -> None:
    text = f"fn before() {{}}\n\n{region}\n\nfn after() {{}}\n"
    assert [one.text for one in regions_of_tests(text)] == [region]


def test_macros_that_make_tests_and_where_they_are_used() -> None:
    macro = "macro_rules! case { ($n:ident) => { #[test] fn $n() {} } }"
    text = f"{macro}\ncase!(one);\nother!(two);\n"
    assert [one.text for one in regions_of_tests(text)] == [macro, "case!(one)"]


@pytest.mark.parametrize(
    "text", ["#[derive(Clone)]\nstruct A;", "// #[test]\nfn a() {}", '"#[test]"']
)
def test_other_attributes_and_texts_are_none(text: str) -> None:
    assert regions_of_tests(text) == ()


def test_a_file_for_tests_alone_is_one_region() -> None:
    text = "#![cfg(test)]\nfn a() {}\n"
    assert [one.text for one in regions_of_tests(text)] == [text]
