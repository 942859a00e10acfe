"""Key-value caches of a model: for one sequence, a batch of them, and a store of prefixes.

Two kinds of layers are known: attention, whose keys and values grow by a column per token, and
linear attention (Gated DeltaNet), whose state has a fixed size and cannot be taken back. So a
cache is only ever appended to: it is copied and forked, never cropped. A model with other kinds
of layers is served one sequence at a time, its cache copied whole.

A batch is made of single caches of different lengths by padding their keys and values on the
left; the fixed-size states need no padding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, LinearAttentionLayer

SPARE_COLUMNS = 256
"""Room for this many tokens is made at a time, so that appending seldom copies."""


class RoomyLayer(DynamicLayer):
    """An attention layer's keys and values with room at the end, so that appending is a write.

    The layer of the library copies everything for each token.
    """

    def __init__(self, keys: Any, values: Any, columns: int) -> None:
        super().__init__()
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True
        self._roomy_keys, self._roomy_values = keys, values
        self._show(columns)

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._roomy_keys.shape[-2]:
            self._roomy_keys = _with_room(self.keys, end)
            self._roomy_values = _with_room(self.values, end)
        self._roomy_keys[:, :, start:end] = key_states
        self._roomy_values[:, :, start:end] = value_states
        self._show(end)
        return self.keys, self.values

    def _show(self, columns: int) -> None:
        self.keys = self._roomy_keys[:, :, :columns]
        self.values = self._roomy_values[:, :, :columns]


def new_cache(model: Any) -> Any:
    """An empty cache for one sequence."""
    return DynamicCache(config=model.config)


def can_batch(cache: Any) -> bool:
    """True when every layer is of a kind that `assembled` can pad."""
    return all(_is_attention(layer) or _is_linear(layer) for layer in cache.layers)


def cache_bytes(cache: Any) -> int:
    """Device memory its tensors take, in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(cache))


def copied(cache: Any) -> Any:
    """A cache that can be appended to while the original stays as it is."""
    if not can_batch(cache):
        return copy.deepcopy(cache)
    return Cache(layers=[_copied_layer(layer) for layer in cache.layers])


@dataclass(frozen=True)
class CacheRow:
    """One sequence inside a cache."""

    cache: Any
    index: int
    length: int
    """Tokens, the padding not counted."""


def assembled(rows: Sequence[CacheRow], *, old_cache: Any = None) -> Any:
    """A batch with a copy of each of `rows`, padded on the left.

    `old_cache`, a cache that is not needed afterwards, is released layer by layer on the way, so
    that old and new are never in memory together.
    """
    if len(rows) == 1 and not can_batch(rows[0].cache):
        return copy.deepcopy(rows[0].cache)
    longest = max(row.length for row in rows)
    layers = []
    for position in range(len(rows[0].cache.layers)):
        parts = [row.cache.layers[position] for row in rows]
        if _is_linear(parts[0]):
            layers.append(_linear_rows(parts, [row.index for row in rows]))
        else:
            keys = _padded([part.keys for part in parts], rows, longest)
            values = _padded([part.values for part in parts], rows, longest)
            layers.append(RoomyLayer(keys, values, longest))
        if old_cache is not None:
            old_cache.layers[position] = None
    return Cache(layers=layers)


def alone(row: CacheRow) -> Any:
    """A cache of its own for one row of a batch, without the padding."""
    if not can_batch(row.cache):
        return copy.deepcopy(row.cache)
    layers = []
    for layer in row.cache.layers:
        if _is_linear(layer):
            layers.append(_linear_rows([layer], [row.index]))
        else:
            start = layer.keys.shape[-2] - row.length
            row_slice = slice(row.index, row.index + 1)
            keys = layer.keys[row_slice, :, start:].clone()
            values = layer.values[row_slice, :, start:].clone()
            layers.append(_attention_layer(keys, values))
    return Cache(layers=layers)


def _is_attention(layer: Any) -> bool:
    return type(layer) in (DynamicLayer, RoomyLayer)


def _is_linear(layer: Any) -> bool:
    return type(layer) is LinearAttentionLayer


def _tensors(cache: Any) -> Iterable[Any]:
    for layer in cache.layers:
        states = [getattr(layer, "keys", None), getattr(layer, "values", None)]
        for name in ("conv_states", "recurrent_states"):
            states += list(getattr(layer, name, {}).values())
        yield from (state for state in states if isinstance(state, torch.Tensor))


def _copied_layer(layer: Any) -> Any:
    if _is_linear(layer):
        return _linear_rows([layer], [0])
    # Keys and values are never written in place outside a batch: sharing them is safe.
    return _attention_layer(layer.keys, layer.values)


def _attention_layer(keys: Any, values: Any) -> Any:
    layer = DynamicLayer()
    if keys is not None:
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
    return layer


def _linear_rows(layers: Sequence[Any], rows: Sequence[int]) -> Any:
    """A linear-attention layer whose row i is a copy of row `rows[i]` of `layers[i]`."""
    batch_layer = LinearAttentionLayer(number_of_states=layers[0].number_of_states)
    first = layers[0]
    for state in range(first.number_of_states):
        for name, flag in (
            ("conv_states", "is_conv_states_initialized"),
            ("recurrent_states", "is_recurrent_states_initialized"),
        ):
            if getattr(first, flag)[state]:
                states = [
                    getattr(layer, name)[state][at : at + 1]
                    for layer, at in zip(layers, rows, strict=True)
                ]
                getattr(batch_layer, name)[state] = torch.cat(states).clone()
                getattr(batch_layer, flag)[state] = True
        batch_layer.has_previous_state[state] = first.has_previous_state[state]
        batch_layer.conv_kernel_size[state] = first.conv_kernel_size[state]
    batch_layer.dtype, batch_layer.device = first.dtype, first.device
    return batch_layer


def _padded(tensors: Sequence[Any], rows: Sequence[CacheRow], longest: int) -> Any:
    first = tensors[0]
    shape = (len(rows), first.shape[1], longest + SPARE_COLUMNS, first.shape[3])
    batch = first.new_zeros(shape)
    for at, (tensor, row) in enumerate(zip(tensors, rows, strict=True)):
        start = tensor.shape[-2] - row.length
        batch[at, :, longest - row.length : longest] = tensor[row.index, :, start:]
    return batch


def _with_room(tensor: Any, columns: int) -> Any:
    rows, heads, length, size = tensor.shape
    buffer = tensor.new_zeros((rows, heads, columns + SPARE_COLUMNS, size))
    buffer[:, :, :length] = tensor
    return buffer
