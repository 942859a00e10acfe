"""Signs in patches of JavaScript and Go: each seen where it is, none in plain fixes."""

from __future__ import annotations

import pytest

from agent.selection.overfitting.anti_patterns import cautions_of


def signs(path: str, added: str, old: str = "") -> list[str]:
    pair = old.encode(), f"{old}\n{added}\n".encode()
    return [caution.sentence for caution in cautions_of({path: pair})]


@pytest.mark.parametrize(
    ("added", "sign"),
    [
        ("try { seen(one); } catch { }", "swallows"),
        ("try { seen(one); } catch (error) { return null; }", "swallows"),
        ("try { seen(one); } finally { return; }", "swallows"),
        ("ask(one).catch(() => null);", "swallows"),
        ("ask(one).then(null, () => 0);", "swallows"),
        ("class P { #x; constructor(x) { this.#x = x; } }", "hides fields"),
        ("const all = new WeakMap();", "hides fields"),
        ("Object.defineProperty(this, 'x', { value: x });", "hides fields"),
        ("class P { toJSON() { return {}; } }", "hides fields"),
        ("exports.Refused = TypeError;", "makes an error of its own"),
        ("if (Date.now() > 5) return 6;", "asks the machine"),
        ("const fs = require('node:fs');", "asks the machine"),
        ("fetch('https://example.org');", "asks the machine"),
    ],
)
def test_a_sign_in_javascript(added: str, sign: str) -> None:
    assert [one for one in signs("lib/a.js", added) if one.startswith(sign)]
    assert signs("lib/a.js", "total(1);", added) == []
    assert signs("lib/a.py", added) == []


@pytest.mark.parametrize(
    ("added", "sign"),
    [
        ('func x() { os.Stat("calc_" + "t") }', "asks the machine"),
        ('func x() { filepath.Glob("*_te*") }', "asks the machine"),
        ("func x() bool { return time.Now().Year() > 2030 }", "asks the machine"),
        ('func x() { net.LookupHost("example.org") }', "asks the machine"),
        ("func x(see func(int)) { go see(1) }", "does not wait"),
        ("func (k *Kind) Unwrap() []error { return all }", "makes one error another"),
        ("var ErrMissing = ErrDenied", "makes one error another"),
    ],
)
def test_a_sign_in_go(added: str, sign: str) -> None:
    assert [one for one in signs("calc.go", added) if one.startswith(sign)]
    assert signs("calc.go", "func y() {}", added) == []


@pytest.mark.parametrize(
    ("path", "added"),
    [
        ("a.js", "if (one < two) return two; else throw new RangeError('no');"),
        ("a.js", "try { seen(one); } catch (error) { done(error); }"),
        ("a.js", "try { seen(one); } catch (error) { throw new Refused('no'); }"),
        ("a.js", "try { seen(one); } finally { close(one); }"),
        ("a.ts", "// try { } catch { }\nconst date = new Date(text);"),
        ("a.js", "class Refused extends Error {}"),
        ("a.go", "// go see(1)\nfunc add(a, b int) int { return a + b }"),
        ("a.go", 'var ErrMissing = errors.New("missing")'),
        ("a.go", "func x(at time.Time) bool { return at.IsZero() }"),
    ],
)
def test_plain_code_carries_none(path: str, added: str) -> None:
    assert signs(path, added) == []
