"""
One row of the method table: a name, who handles it, which parameters it takes, and where it runs.

There is no other way to a method than its row; the rows also give the method list in the docs.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, TypeVar, overload

from sequencer.primitives.transaction import Transaction

from .backend import Backend
from .errors import InvalidParameters, RpcError
from .parameters import Malformed, Parameter

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


HandleTogether: TypeAlias = Callable[[Backend, Sequence[list[object]]], Awaitable[Sequence[object | RpcError]]]
"""Answers all calls of the method in one batch: the arguments of each in, a result or an error for each out."""

OnAnswered: TypeAlias = Callable[[Sequence[object | RpcError]], None]
"""Hears a result or an error for each call."""

HandleDecoded: TypeAlias = Callable[[Backend, Sequence[bytes], Sequence[Transaction], OnAnswered], None]
"""Takes raw transactions that are decoded already and answers all of them once."""


class Runs(Enum):
    """Where a handler runs."""

    ON_LOOP = "loop"
    """It only looks at memory, or is async and waits."""
    READING = "reader threads"
    """It reads the store."""
    CALLING = "caller threads"
    """It executes code."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method; `handle` takes the backend and one value a parameter, and returns what JSON can hold."""

    name: str
    summary: str
    handle: Callable[..., object]
    parameters: tuple[Parameter[object], ...]
    runs: Runs
    together: HandleTogether | None = None
    """For a method whose calls in one batch cost less together than one by one."""
    decoded: HandleDecoded | None = None
    """For the method whose calls the native front reads."""

    def decode(self, values: list[object]) -> list[object]:
        """One argument a parameter, or InvalidParameters with the parameter's name and what is wrong with it."""
        parameters = self.parameters
        if len(values) > len(parameters):
            raise InvalidParameters(f"{len(values)} values, {self.name} takes at most {len(parameters)}")
        arguments = []
        for index, parameter in enumerate(parameters):
            value = values[index] if index < len(values) else None
            if value is None and not parameter.is_required:
                arguments.append(parameter.default)
                continue
            if index >= len(values):
                raise InvalidParameters(f"{parameter.name} is missing")
            try:
                arguments.append(parameter.read(value))
            except Malformed as reason:
                raise InvalidParameters(f"{parameter.name}: {reason}") from None
        return arguments


@overload
def method(name: str, handle: Callable[[Backend], object], /, *, runs: Runs = ...) -> Method: ...
@overload
def method(name: str, handle: Callable[[Backend, A], object], a: Parameter[A], /, *, runs: Runs = ...) -> Method: ...
@overload
def method(
    name: str, handle: Callable[[Backend, A, B], object], a: Parameter[A], b: Parameter[B], /, *, runs: Runs = ...
) -> Method: ...
@overload
def method(
    name: str,
    handle: Callable[[Backend, A, B, C], object],
    a: Parameter[A],
    b: Parameter[B],
    c: Parameter[C],
    /,
    *,
    runs: Runs = ...,
) -> Method: ...
@overload
def method(
    name: str,
    handle: Callable[[Backend, A, B, C, D], object],
    a: Parameter[A],
    b: Parameter[B],
    c: Parameter[C],
    d: Parameter[D],
    /,
    *,
    runs: Runs = ...,
) -> Method: ...
def method(
    name: str, handle: Callable[..., object], /, *parameters: Parameter[object], runs: Runs = Runs.READING
) -> Method:
    """A row; the parameters have the types that the handler takes. The summary is the handler's first line."""
    summary = (handle.__doc__ or "").strip().split("\n")[0]
    return Method(name, summary, handle, parameters, runs)
