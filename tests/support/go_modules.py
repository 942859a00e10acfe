"""Three Go modules of realistic shape, each with a fault that its tests notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GoModule:
    files: Mapping[str, str]
    failing: tuple[str, ...]
    fixed_line: str
    """As it was before the fault was put in."""


LEDGER = GoModule(
    files={
        "go.mod": "module example.com/ledger\n\ngo 1.20\n",
        "README.md": "# ledger\n\nShares costs among people, in whole cents.\n",
        "money/split.go": """// Package money holds amounts in whole cents.
package money

import (
	"errors"
	"fmt"
)

// ErrNobody is returned where there is nobody to share with.
var ErrNobody = errors.New("nobody to share with")

// Cents is an amount.
type Cents int64

// String gives an amount as people write it.
func (c Cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s%d.%02d", sign, c/100, c%100)
}

// Split shares an amount evenly; the first people get the cents that are left.
func Split(amount Cents, people int) ([]Cents, error) {
	if people < 1 {
		return nil, ErrNobody
	}
	share, left := amount/Cents(people), int(amount%Cents(people))
	shares := make([]Cents, people)
	for i := range shares {
		shares[i] = share
		if i <= left {
			shares[i]++
		}
	}
	return shares, nil
}
""",
        "money/split_test.go": """package money

import (
	"errors"
	"testing"
)

func TestSplit(t *testing.T) {
	cases := []struct {
		name   string
		amount Cents
		people int
		want   []Cents
	}{
		{"one person", 500, 1, []Cents{500}},
		{"no rest", 900, 3, []Cents{300, 300, 300}},
		{"a rest of 2", 1001, 3, []Cents{334, 334, 333}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Split(c.amount, c.people)
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.want {
				if got[i] != c.want[i] {
					t.Errorf("Split(%d, %d) = %v, want %v", c.amount, c.people, got, c.want)
				}
			}
		})
	}
}

func TestSplitAmongNobody(t *testing.T) {
	if _, err := Split(100, 0); !errors.Is(err, ErrNobody) {
		t.Fatalf("Split among nobody: %v", err)
	}
}

func TestString(t *testing.T) {
	if text := Cents(-1205).String(); text != "-12.05" {
		t.Errorf("%q", text)
	}
}
""",
        "book/book.go": """// Package book keeps who paid for whom.
package book

import (
	"sort"

	"example.com/ledger/money"
)

// Book maps people to what they are owed.
type Book struct {
	balance map[string]money.Cents
}

// New makes an empty book.
func New() *Book {
	return &Book{balance: map[string]money.Cents{}}
}

// Pay enters that somebody paid an amount for all of these people.
func (b *Book) Pay(payer string, amount money.Cents, people ...string) error {
	shares, err := money.Split(amount, len(people))
	if err != nil {
		return err
	}
	b.balance[payer] += amount
	for i, person := range people {
		b.balance[person] -= shares[i]
	}
	return nil
}

// Owed tells what a person is owed.
func (b *Book) Owed(person string) money.Cents {
	return b.balance[person]
}

// People lists everybody in the book, in order.
func (b *Book) People() []string {
	names := make([]string, 0, len(b.balance))
	for name := range b.balance {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
""",
        "book/book_test.go": """package book_test

import (
	"testing"

	"example.com/ledger/book"
	"example.com/ledger/money"
)

func TestBalancesAddUpToZero(t *testing.T) {
	b := book.New()
	if err := b.Pay("Ada", 1001, "Ada", "Ben", "Cy"); err != nil {
		t.Fatal(err)
	}
	var sum money.Cents
	for _, name := range b.People() {
		sum += b.Owed(name)
	}
	if sum != 0 {
		t.Errorf("the balances add up to %s", sum)
	}
}

func TestPeopleAreInOrder(t *testing.T) {
	b := book.New()
	_ = b.Pay("Cy", 200, "Ben", "Ada")
	people := b.People()
	if len(people) != 3 || people[0] != "Ada" || people[2] != "Cy" {
		t.Errorf("%v", people)
	}
}
""",
    },
    failing=(
        "money/split_test.go::TestSplit",
        "money/split_test.go::TestSplit/no_rest",
        "money/split_test.go::TestSplit/one_person",
        "money/split_test.go::TestSplit/a_rest_of_2",
        "book/book_test.go::TestBalancesAddUpToZero",
    ),
    fixed_line="		if i < left {",
)
RING = GoModule(
    files={
        "go.mod": "module example.com/ring\n\ngo 1.21\n",
        "ring.go": """// Package ring keeps the newest values of a stream.
package ring

// Buffer keeps a fixed number of values; a new one takes the place of the oldest.
type Buffer[T any] struct {
	values []T
	next   int
	full   bool
}

// New makes a buffer for so many values. It panics where that is less than one.
func New[T any](size int) *Buffer[T] {
	if size < 1 {
		panic("ring: a buffer needs room for a value")
	}
	return &Buffer[T]{values: make([]T, size)}
}

// Len is the number of values that are kept.
func (b *Buffer[T]) Len() int {
	if b.full {
		return len(b.values)
	}
	return b.next
}

// Push adds a value.
func (b *Buffer[T]) Push(value T) {
	b.values[b.next] = value
	b.next++
	if b.next > len(b.values) {
		b.next = 0
		b.full = true
	}
}

// Newest gives the value that came last, and whether there is one.
func (b *Buffer[T]) Newest() (value T, ok bool) {
	if b.Len() == 0 {
		return value, false
	}
	last := (b.next - 1 + len(b.values)) % len(b.values)
	return b.values[last], true
}

// All gives every value, the oldest first.
func (b *Buffer[T]) All() []T {
	if !b.full {
		return append([]T(nil), b.values[:b.next]...)
	}
	return append(append([]T(nil), b.values[b.next:]...), b.values[:b.next]...)
}
""",
        "ring_test.go": """package ring

import (
	"fmt"
	"reflect"
	"testing"
)

func filled(size, count int) *Buffer[int] {
	b := New[int](size)
	for i := 1; i <= count; i++ {
		b.Push(i)
	}
	return b
}

func TestNothingIn(t *testing.T) {
	b := New[string](2)
	if _, ok := b.Newest(); ok || b.Len() != 0 || len(b.All()) != 0 {
		t.Error("an empty buffer holds something")
	}
}

func TestPartlyFull(t *testing.T) {
	if all := filled(4, 3).All(); !reflect.DeepEqual(all, []int{1, 2, 3}) {
		t.Errorf("All() = %v", all)
	}
}

func TestTheOldestGoes(t *testing.T) {
	for _, count := range []int{4, 5, 9} {
		t.Run(fmt.Sprint(count, " values"), func(t *testing.T) {
			b := filled(3, count)
			want := []int{count - 2, count - 1, count}
			if all := b.All(); !reflect.DeepEqual(all, want) {
				t.Errorf("All() = %v, want %v", all, want)
			}
			if newest, _ := b.Newest(); newest != count {
				t.Errorf("Newest() = %d, want %d", newest, count)
			}
		})
	}
}

func TestNoRoom(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a buffer without room was made")
		}
	}()
	New[int](0)
}

func ExampleBuffer_All() {
	fmt.Println(filled(2, 1).All())
	// Output: [1]
}
""",
    },
    failing=(
        "ring_test.go::TestTheOldestGoes",
        "ring_test.go::TestTheOldestGoes/4_values",
        "ring_test.go::TestTheOldestGoes/5_values",
        "ring_test.go::TestTheOldestGoes/9_values",
    ),
    fixed_line="	if b.next >= len(b.values) {",
)
"""Its fault ends the process by a panic, in a part of a test."""
SETTINGS = GoModule(
    files={
        "go.mod": "module example.com/settings\n\ngo 1.20\n",
        "internal/scan/scan.go": """// Package scan reads lines of the form `key = value`.
package scan

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Line is one setting and where it stands.
type Line struct {
	Section, Key, Value string
	Number              int
}

// Lines reads all settings. Empty lines and those that begin with # are passed over.
func Lines(r io.Reader) ([]Line, error) {
	var lines []Line
	section := ""
	scanner := bufio.NewScanner(r)
	for number := 1; scanner.Scan(); number++ {
		text := strings.TrimSpace(scanner.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			section = strings.TrimSpace(text[1 : len(text)-1])
			continue
		}
		at := strings.LastIndex(text, "=")
		if at < 1 {
			return nil, fmt.Errorf("line %d: no key", number)
		}
		lines = append(lines, Line{
			Section: section,
			Key:     strings.TrimSpace(text[:at]),
			Value:   unquoted(strings.TrimSpace(text[at+1:])),
			Number:  number,
		})
	}
	return lines, scanner.Err()
}

func unquoted(text string) string {
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}
""",
        "settings.go": """// Package settings reads settings of a program.
package settings

import (
	"io"
	"strconv"
	"strings"

	"example.com/settings/internal/scan"
)

// Settings maps `section.key` to a value.
type Settings map[string]string

// Read reads settings. A later value of a key counts.
func Read(r io.Reader) (Settings, error) {
	lines, err := scan.Lines(r)
	if err != nil {
		return nil, err
	}
	settings := Settings{}
	for _, line := range lines {
		name := line.Key
		if line.Section != "" {
			name = line.Section + "." + line.Key
		}
		settings[name] = line.Value
	}
	return settings, nil
}

// Int gives a number, or another where there is none.
func (s Settings) Int(name string, otherwise int) int {
	number, err := strconv.Atoi(s[name])
	if err != nil {
		return otherwise
	}
	return number
}

// List gives the parts of a value between commas.
func (s Settings) List(name string) []string {
	var parts []string
	for _, part := range strings.Split(s[name], ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
""",
        "settings_test.go": """package settings

import (
	"strings"
	"testing"
)

const text = `
# where it listens
port = 8080
name = "a name"

[ mail ]
from = ops@example.com
query = to=ops&when=now
cc = a@example.com, , b@example.com
`

func read(t *testing.T, text string) Settings {
	t.Helper()
	settings, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return settings
}

func TestPlainValues(t *testing.T) {
	settings := read(t, text)
	for name, want := range map[string]string{"name": "a name", "mail.from": "ops@example.com"} {
		if settings[name] != want {
			t.Errorf("%s = %q, want %q", name, settings[name], want)
		}
	}
}

func TestAValueMayHoldAnEqualsSign(t *testing.T) {
	if value := read(t, text)["mail.query"]; value != "to=ops&when=now" {
		t.Errorf("mail.query = %q", value)
	}
}

func TestNumbersAndLists(t *testing.T) {
	settings := read(t, text)
	if port := settings.Int("port", 1); port != 8080 {
		t.Errorf("port = %d", port)
	}
	if other := settings.Int("name", 7); other != 7 {
		t.Errorf("name = %d", other)
	}
	if list := settings.List("mail.cc"); len(list) != 2 || list[1] != "b@example.com" {
		t.Errorf("cc = %q", list)
	}
}

func TestALineWithoutAKey(t *testing.T) {
	_, err := Read(strings.NewReader("a = 1\\n= 2\\n"))
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}
""",
    },
    failing=("settings_test.go::TestAValueMayHoldAnEqualsSign",),
    fixed_line='		at := strings.Index(text, "=")',
)
"""Its fault lies in a package that the tests do not import themselves."""
MODULES = {"ledger": LEDGER, "ring": RING, "settings": SETTINGS}
