from __future__ import annotations

from agent.source.go.functions import go_functions
from agent.source.structure import FunctionSpan

TEXT = """package a

type Shape interface {
	Area() float64
}

func (s *Square[T]) Area(scale int) (area float64, err error) {
	if scale > 0 { // }
		text := "}"
		_ = `}
`
	}
	return 1, nil
}

func Map[T any](
	values []T,
	f func(T) T,
) []T {
	go func() {
		f(values[0])
	}()
	return values
}
"""


def test_functions_and_methods_with_their_lines() -> None:
    assert go_functions(TEXT) == (
        FunctionSpan("Area", 7, 14),
        FunctionSpan("Map", 16, 24),
        FunctionSpan("", 20, 22),
    )


def test_what_is_not_closed_has_no_span() -> None:
    assert go_functions("func f() {\n\tif x {\n}\n") == ()
