"""The plots of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.evaluation.report.summary import Share, TaskRow
from agent.evaluation.report.svg import Axis, drawing, element, line, rectangle, title, words
from agent.evaluation.statistics.intervals import Interval

WIDTH = 640
_LEFT, _RIGHT, _ROW = 150, 26, 46
_CELL, _MAP_WIDTH = 15, 980
MAX_LABEL_CHARACTERS = 19


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A share with its interval, and a claim where there is one."""

    label: str
    share: Share
    claimed: float | None = None


def bars(rows: Sequence[Bar]) -> str:
    """Shares from 0 to 100 %, each with its 95 % interval."""
    height = _ROW * len(rows) + 30
    axis = Axis(low=0.0, high=1.0, begin=_LEFT, end=WIDTH - _RIGHT)
    parts = [_percent_grid(axis, 6, height - 24)]
    for number, row in enumerate(rows):
        parts.append(_bar(row, axis, 8 + number * _ROW))
    return drawing(WIDTH, height, "".join(parts), "Shares solved, with 95 % intervals")


def _bar(row: Bar, axis: Axis, top: float) -> str:
    middle, (low, high) = top + 15, row.share.interval
    tip = f"{row.label}: {_percent(row.share.value)} ({_percent(low)} to {_percent(high)})"
    parts = [
        words(_LEFT - 12, middle + 4, _label(row.label), text_anchor="end", class_="label"),
        rectangle(axis.begin, top, axis.at(row.share.value) - axis.begin, 30, "bar", tip),
        line(axis.at(low), middle, axis.at(high), middle, "interval"),
        line(axis.at(low), middle - 6, axis.at(low), middle + 6, "interval"),
        line(axis.at(high), middle - 6, axis.at(high), middle + 6, "interval"),
    ]
    if row.claimed is not None:
        place = axis.at(row.claimed)
        parts.append(line(place, top - 5, place, top + 35, "claim"))
        parts.append(words(place, top + 42, "claimed", text_anchor="middle", class_="tick claimed"))
    return "".join(parts)


def pass_curve(shares: Mapping[int, Share]) -> str:
    """pass@k over k, on a logarithmic axis, with its interval as a band."""
    height, ks = 260, list(shares)
    across = Axis(low=0.0, high=math.log(max(ks)), begin=52, end=WIDTH - _RIGHT)
    up = Axis(low=0.0, high=1.0, begin=height - 34, end=12)
    points = [(across.at(math.log(k)), shares[k]) for k in ks]
    upper = [(x, up.at(share.interval[1])) for x, share in points]
    lower = [(x, up.at(share.interval[0])) for x, share in reversed(points)]
    parts = [_percent_rows(up, across), _path([*upper, *lower], "band", close=True)]
    parts.append(_path([(x, up.at(share.value)) for x, share in points], "curve"))
    for k, (x, share) in zip(ks, points, strict=True):
        tip = f"pass@{k}: {_percent(share.value)}"
        parts.append(_dot(x, up.at(share.value), "dot", tip))
        parts.append(words(x, height - 14, str(k), text_anchor="middle", class_="tick"))
    parts.append(words((52 + WIDTH) / 2, height, "answers a task (k)", class_="tick middle"))
    return drawing(WIDTH, height + 6, "".join(parts), "pass@k by k")


def solved_over(rows: Sequence[TaskRow], values: Sequence[float], name: str) -> str:
    """Share of the tasks that were solved for at most so much: seconds or tokens, a step curve."""
    height = 260
    costs = sorted(v for row, v in zip(rows, values, strict=True) if row.solved)
    most, least = max([*values, 1.0]), min(costs, default=0.0)
    across = Axis(low=math.log1p(least / 2), high=math.log1p(most), begin=52, end=WIDTH - _RIGHT)
    up = Axis(low=0.0, high=1.0, begin=height - 34, end=12)
    points = [(across.begin, up.at(0.0))]
    for number, value in enumerate(costs, start=1):
        x = across.at(math.log1p(value))
        points += [(x, points[-1][1]), (x, up.at(number / len(rows)))]
    points.append((across.end, points[-1][1]))
    area = [*points, (across.end, up.begin), (across.begin, up.begin)]
    parts = [_percent_rows(up, across), _path(area, "band", close=True), _path(points, "curve")]
    for value in (number for number in _round_numbers(most) if number > least / 2):
        x = across.at(math.log1p(value))
        parts.append(words(x, height - 14, f"{value:,g}", text_anchor="middle", class_="tick"))
    parts.append(words((52 + WIDTH) / 2, height, f"{name} a task", class_="tick middle"))
    return drawing(WIDTH, height + 6, "".join(parts), f"Share solved by {name}")


def heat_map(runs: Sequence[tuple[str, Mapping[str, float]]], tasks: Sequence[str]) -> str:
    """Task by run: how large a share of the answers solves each task. Rows are wrapped."""
    columns = (_MAP_WIDTH - _LEFT - 10) // _CELL if len(runs) > 1 else (_MAP_WIDTH - 4) // _CELL
    edge = _LEFT if len(runs) > 1 else 2
    parts, top = [], 2.0
    for begin in range(0, len(tasks), columns):
        chunk = tasks[begin : begin + columns]
        for name, shares in runs:
            if len(runs) > 1:
                y = top + _CELL - 4
                parts.append(words(edge - 10, y, _label(name), text_anchor="end", class_="tick"))
            for place, task in enumerate(chunk):
                parts.append(_cell(edge + place * _CELL, top, task, shares.get(task)))
            top += _CELL
        top += 8 if len(runs) > 1 else 0
    return drawing(_MAP_WIDTH, top + 4, "".join(parts), "Tasks solved")


def differences(rows: Sequence[tuple[str, float, Interval]]) -> str:
    """Differences of shares with their intervals, around nought."""
    reach = max([0.05, *(abs(end) for _, _, interval in rows for end in interval)])
    height = 34 * len(rows) + 34
    axis = Axis(low=-reach, high=reach, begin=_LEFT, end=WIDTH - _RIGHT)
    parts = [line(axis.at(0.0), 4, axis.at(0.0), height - 24, "axis")]
    for number, (label, value, (low, high)) in enumerate(rows):
        y = 20 + 34 * number
        tip = f"{label}: {value * 100:+.1f} points ({low * 100:+.1f} to {high * 100:+.1f})"
        parts.append(words(_LEFT - 12, y + 4, _label(label), text_anchor="end", class_="label"))
        parts.append(line(axis.at(low), y, axis.at(high), y, "interval"))
        parts.append(_dot(axis.at(value), y, "dot", tip))
    for end in (-reach, 0.0, reach):
        x = axis.at(end)
        parts.append(words(x, height - 6, f"{end * 100:+.0f}", text_anchor="middle", class_="tick"))
    return drawing(WIDTH, height, "".join(parts), "Differences of shares, in points")


def _cell(x: float, y: float, task: str, share: float | None) -> str:
    value = 0.0 if share is None else share
    cell = _CELL - 2
    return element(
        "rect",
        title(task + (": no answer" if share is None else f": {_percent(value)} solved")),
        x=x,
        y=y,
        width=cell,
        height=cell,
        rx=3,
        class_="missing" if share is None else "solved" if share else "unsolved",
        style=f"opacity:{0.35 + 0.65 * value:.2f}" if value else "",
    )


def _percent_grid(axis: Axis, top: float, bottom: float) -> str:
    parts = []
    for percent in range(0, 101, 20):
        x = axis.at(percent / 100)
        parts.append(line(x, top, x, bottom, "grid"))
        parts.append(words(x, bottom + 16, f"{percent} %", text_anchor="middle", class_="tick"))
    return "".join(parts)


def _percent_rows(up: Axis, across: Axis) -> str:
    parts = []
    for percent in range(0, 101, 25):
        y = up.at(percent / 100)
        parts.append(line(across.begin, y, across.end, y, "grid"))
        x = across.begin - 8
        parts.append(words(x, y + 4, f"{percent} %", text_anchor="end", class_="tick"))
    return "".join(parts)


def _path(points: Sequence[tuple[float, float]], class_: str, *, close: bool = False) -> str:
    steps = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("path", d=f"M{steps}{'Z' if close else ''}", class_=class_)


def _dot(x: float, y: float, class_: str, tip: str) -> str:
    return element("circle", title(tip), cx=x, cy=y, r=4.5, class_=class_)


def _round_numbers(most: float) -> list[float]:
    """1, 10, 100, … up to the largest."""
    return [float(10**power) for power in range(0, int(math.log10(max(most, 1.0))) + 1)]


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _label(text: str) -> str:
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[: MAX_LABEL_CHARACTERS - 1] + "…"
