"""A pickle as plain data: a small machine of our own in place of Python's.

It knows the opcodes that data need. Nothing is imported or called but the handlers it is given:
each stands for one global and makes a passive value. Any other global leaves a ``Stranger`` in its
place. No length is believed before it is held to the bytes that are there, byte strings are views
into the file, and steps and text are counted, so any file costs a bounded time and memory.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Handler = Callable[..., Any]

MOST_STEPS = 300_000
"""Opcodes of a file, all its nested pickles together; the published ones take some 100,000."""
MOST_TEXT = 32 * 2**20
"""Bytes of text in a file; the published ones carry less than 1 MiB."""
_STOP = 0x2E
_LONGEST_TEXT = 2**20
_LONGEST_INT = 32  # bytes; an integer of a megabyte takes minutes to turn into decimal digits
_MOST_STRANGERS = 20_000
_LARGEST_KEY = 2**60  # integers up to here are their own hashes, so none can be made to collide


class Refused(Exception):  # noqa: N818 - the answer "no", not a failure
    """The pickle is damaged or none that data need; the text says why."""


@dataclass
class Budget:
    """What one file may cost, shared by all pickles in it."""

    steps: int = MOST_STEPS
    text: int = MOST_TEXT

    def take(self, steps: int = 1, text: int = 0) -> None:
        """Count.

        Raises:
            Refused: all is used up.
        """
        self.steps -= steps
        self.text -= text
        if self.steps < 0 or self.text < 0:
            raise Refused("it describes more than any network file does")


@dataclass(frozen=True)
class Name:
    """A global that the pickle names; ``known`` if somebody answers for it."""

    text: str
    known: bool


@dataclass
class Stranger:
    """What an unknown global would have made.

    Attributes:
        name: of the global.
        how: how the pickle makes it, for messages.
        holds: what the pickle gives it; looked through for others, never used.
    """

    name: str
    how: str
    holds: list[Any] = field(default_factory=list)


class Machine:
    """Reads pickles of one file.

    Attributes:
        known: ``module.name`` -> what makes its value from the call's arguments; None for a name
            that is only mentioned.
        strangers: all that is unknown, in the file's order.
    """

    def __init__(self, budget: Budget, outside: Handler | None = None) -> None:
        """Know nothing yet.

        Args:
            budget: of the file.
            outside: makes the value of a persistent id; None where there may be none.
        """
        self.budget, self.outside = budget, outside
        self.known: Mapping[str, Handler | None] = {}
        self.strangers: list[Stranger] = []

    def read(self, data: memoryview, start: int = 0) -> tuple[Any, int]:
        """Read one pickle.

        Args:
            data: the file.
            start: where the pickle begins.

        Returns:
            Its value, and the place behind it.

        Raises:
            Refused: it is damaged, or holds what no data need.
        """
        run = _Run(self, data, start)
        try:
            while True:
                if run.place >= len(data):
                    raise Refused("it is cut short")
                opcode = data[run.place]
                run.place += 1
                if opcode == _STOP:
                    return run.pop(), run.place
                self.budget.take()
                if opcode in _VALUES:
                    run.stack.append(_VALUES[opcode](run))
                elif opcode in _STEPS:
                    _STEPS[opcode](run)
                else:
                    raise Refused(
                        f"it is no pickle of data (byte {opcode:#04x} at {run.place - 1:,})"
                    )
        except (IndexError, KeyError, UnicodeDecodeError) as error:
            raise Refused(f"it is damaged or no pickle (at byte {run.place})") from error

    def name(self, module: Any, name: Any) -> Name:
        """The value of a global."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise Refused("it names a global by something else than text")
        text = f"{module}.{name}"
        if text not in self.known:
            self.stranger(text, "names")
        return Name(text, text in self.known)

    def call(self, function: Any, arguments: Any) -> Any:
        """What a call stands for."""
        if not isinstance(arguments, tuple):
            raise Refused("it calls something without arguments")
        self.budget.take(len(arguments))  # one long tuple may serve many calls
        handler = self.known.get(function.text) if isinstance(function, Name) else None
        if handler is not None:
            try:
                return handler(*arguments)
            except TypeError as error:
                raise Refused(f"it calls {function.text} in an unknown way") from error
        return self.stranger(_called(function), "is made by calling", arguments)

    def new(self, kind: Any, arguments: Any) -> Any:
        """What making an object stands for."""
        if isinstance(kind, Name) and self.known.get(kind.text) is not None:
            return self.call(kind, arguments)
        return self.stranger(_called(kind), "is an object of the class", arguments)

    def stranger(self, name: str, how: str, *holds: Any) -> Stranger:
        """Note something unknown."""
        # The bare name comes first; what is then made of it says more.
        if self.strangers and how != "names" and self.strangers[-1].how == "names":
            self.strangers.pop()
        if len(self.strangers) >= _MOST_STRANGERS:
            raise Refused("it holds thousands of objects that are no data")
        self.strangers.append(Stranger(name, how, list(holds)))
        return self.strangers[-1]


def _called(function: Any) -> str:
    return function.text if isinstance(function, Name) else "something that is no global"


class _Run:
    """The state of the machine within one pickle."""

    def __init__(self, machine: Machine, data: memoryview, place: int) -> None:
        self.machine, self.data, self.place = machine, data, place
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def bytes(self, size: int) -> memoryview:
        if size < 0 or size > len(self.data) - self.place:
            raise Refused(f"it is cut short, or claims {size:,} bytes that are not there")
        self.place += size
        return self.data[self.place - size : self.place]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def text(self, size: int, encoding: str = "utf-8") -> str:
        if size > _LONGEST_TEXT:
            raise Refused(f"it claims a text of {size:,} bytes")
        self.machine.budget.take(text=size)
        return bytes(self.bytes(size)).decode(encoding, "surrogatepass")

    def line(self) -> str:
        here = bytes(self.data[self.place : self.place + 1000])
        size = here.find(b"\n")
        if size < 0:
            raise Refused("it is damaged or no pickle (a name without an end)")
        self.place += size + 1
        self.machine.budget.take(text=size)
        return here[:size].decode()

    def long(self, size: int) -> int:
        if not 0 <= size <= _LONGEST_INT:
            raise Refused(f"it claims a number of {size:,} bytes")
        return int.from_bytes(self.bytes(size), "little", signed=True)

    def pop(self) -> Any:
        return self.take(1)[0]

    def top(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def take(self, count: int) -> tuple[Any, ...]:
        start = len(self.stack) - count
        if start < (self.marks[-1] if self.marks else 0):
            raise IndexError
        items = tuple(self.stack[start:])
        del self.stack[start:]
        return items

    def extend(self, items: list[Any]) -> None:
        target = self.top()
        if isinstance(target, Stranger):
            target.holds.extend(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise Refused("it appends to something else than a list")

    def enter(self, items: list[Any]) -> None:
        target = self.top()
        if isinstance(target, Stranger):
            target.holds.extend(items)
        elif not isinstance(target, dict):
            raise Refused("it sets items of something else than a mapping")
        elif len(items) % 2:
            raise Refused("it sets a key without a value")
        else:
            put(target, zip(items[::2], items[1::2], strict=True))

    def build(self) -> None:
        state, target = self.pop(), self.top()
        if isinstance(target, Stranger):
            target.holds.append(state)
        elif hasattr(target, "take_state"):
            target.take_state(state)

    def mapping(self, items: list[Any]) -> None:
        self.stack.append({})
        self.enter(items)

    def remember(self, key: int) -> None:
        self.memo[key] = self.top()


def put(target: dict[Any, Any], pairs: Iterable[tuple[Any, Any]]) -> None:
    """Enter pairs into a mapping.

    Raises:
        Refused: a key is neither text nor a whole number. A tuple within a tuple within a tuple
            would do for a key, too, and might take for ever to hash.
    """
    for key, value in pairs:
        whole = key is None or (isinstance(key, int) and abs(key) < _LARGEST_KEY)
        if not (whole or isinstance(key, str)):
            raise Refused("it has a key that is neither text nor a whole number")
        target[key] = value


def _proto(run: _Run) -> None:
    version = run.number("<B")
    if version > 5:
        raise Refused(f"it is a pickle of protocol {version}, which is unknown")


def _outside(run: _Run) -> Any:
    if run.machine.outside is None:
        raise Refused("it refers to something outside it")
    return run.machine.outside(run.pop())


def _pop(run: _Run) -> None:
    if run.marks and len(run.stack) == run.marks[-1]:
        run.marks.pop()
    else:
        run.pop()


def _new_with_names(run: _Run) -> Any:
    kind, arguments, named = run.take(3)
    return run.machine.new(kind, (arguments, named) if named else arguments)


# By the opcode's byte, as named in the standard library's pickletools. These push one value. Sets
# become lists: nothing needs them as sets, and hashing is what a hostile file would make slow.
_VALUES: dict[int, Callable[[_Run], Any]] = {
    ord("2"): lambda run: run.top(),
    ord("N"): lambda _: None,
    0x88: lambda _: True,
    0x89: lambda _: False,
    ord("J"): lambda run: run.number("<i"),
    ord("K"): lambda run: run.number("<B"),
    ord("M"): lambda run: run.number("<H"),
    ord("G"): lambda run: run.number(">d"),
    0x8A: lambda run: run.long(run.number("<B")),
    0x8B: lambda run: run.long(run.number("<i")),
    ord("X"): lambda run: run.text(run.number("<I")),
    0x8C: lambda run: run.text(run.number("<B")),
    0x8D: lambda run: run.text(run.number("<Q")),
    ord("U"): lambda run: run.text(run.number("<B"), "latin-1"),
    ord("T"): lambda run: run.text(run.number("<i"), "latin-1"),
    ord("C"): lambda run: run.bytes(run.number("<B")),
    ord("B"): lambda run: run.bytes(run.number("<I")),
    0x8E: lambda run: run.bytes(run.number("<Q")),
    0x96: lambda run: run.bytes(run.number("<Q")),
    ord(")"): lambda _: (),
    ord("t"): lambda run: tuple(run.since_mark()),
    0x85: lambda run: run.take(1),
    0x86: lambda run: run.take(2),
    0x87: lambda run: run.take(3),
    ord("]"): lambda _: [],
    0x8F: lambda _: [],
    ord("l"): lambda run: run.since_mark(),
    0x91: lambda run: run.since_mark(),
    ord("}"): lambda _: {},
    ord("h"): lambda run: run.memo[run.number("<B")],
    ord("j"): lambda run: run.memo[run.number("<I")],
    ord("c"): lambda run: run.machine.name(run.line(), run.line()),
    0x93: lambda run: run.machine.name(*run.take(2)),
    ord("R"): lambda run: run.machine.call(*run.take(2)),
    0x81: lambda run: run.machine.new(*run.take(2)),
    0x92: _new_with_names,
    ord("Q"): _outside,
}
# These change what is there.
_STEPS: dict[int, Callable[[_Run], object]] = {
    0x80: _proto,
    0x95: lambda run: run.number("<Q"),
    ord("("): lambda run: run.marks.append(len(run.stack)),
    ord("0"): _pop,
    ord("1"): lambda run: run.since_mark(),
    ord("a"): lambda run: run.extend(list(run.take(1))),
    ord("e"): lambda run: run.extend(run.since_mark()),
    0x90: lambda run: run.extend(run.since_mark()),
    ord("d"): lambda run: run.mapping(run.since_mark()),
    ord("s"): lambda run: run.enter(list(run.take(2))),
    ord("u"): lambda run: run.enter(run.since_mark()),
    ord("q"): lambda run: run.remember(run.number("<B")),
    ord("r"): lambda run: run.remember(run.number("<I")),
    0x94: lambda run: run.remember(len(run.memo)),
    ord("b"): lambda run: run.build(),
}
