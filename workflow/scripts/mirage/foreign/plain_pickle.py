"""A pickle as plain data: a small machine of our own in place of Python's.

It knows the opcodes that data need. Nothing is imported or called but the handlers it is given:
each stands for one global and makes a passive value. Any other global leaves a ``Stranger`` in its
place, so that a message can say where it stands and what it is. No length is believed before it is
held to the bytes that are there, byte strings are views into the file, and steps and text are
counted, so a file of any content costs a bounded time and memory.
"""

import struct
from collections.abc import Callable, Mapping
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
    """Reads pickles of one file."""

    def __init__(
        self,
        known: Mapping[str, Handler | None],
        budget: Budget,
        outside: Handler | None = None,
    ) -> None:
        """Set what is known.

        Args:
            known: ``module.name`` -> what makes its value from the call's arguments; None for a
                name that is only mentioned.
            budget: of the file.
            outside: makes the value of a persistent id; None where there may be none.
        """
        self.known, self.budget, self.outside = known, budget, outside
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
                step = _STEPS.get(opcode)
                if step is None:
                    raise Refused(
                        f"it is no pickle of data (byte {opcode:#04x} at {run.place - 1:,})"
                    )
                step(run)
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
        size = struct.calcsize(form)
        if size > len(self.data) - self.place:
            raise Refused("it is cut short")
        self.place += size
        return struct.unpack_from(form, self.data, self.place - size)[0]

    def text(self, size: int, encoding: str = "utf-8") -> str:
        if size > _LONGEST_TEXT:
            raise Refused(f"it claims a text of {size:,} bytes")
        self.machine.budget.take(text=size)
        return bytes(self.bytes(size)).decode(encoding, "surrogatepass")

    def line(self) -> str:
        here = bytes(self.data[self.place : self.place + 1000])
        size = here.index(b"\n") if b"\n" in here else -1
        if size < 0:
            raise Refused("it is damaged or no pickle (a name without an end)")
        self.place += size + 1
        self.machine.budget.take(text=size)
        return here[:size].decode()

    def long(self, size: int) -> int:
        if not 0 <= size <= _LONGEST_INT:
            raise Refused(f"it claims a number of {size:,} bytes")
        return int.from_bytes(self.bytes(size), "little", signed=True)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError
        return self.stack.pop()

    def top(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def drop(self) -> None:
        del self.stack[self.marks.pop() :]

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
            return
        if not isinstance(target, dict):
            raise Refused("it sets items of something else than a mapping")
        put(target, zip(items[::2], items[1::2], strict=True) if len(items) % 2 == 0 else None)

    def build(self) -> None:
        state, target = self.pop(), self.top()
        if isinstance(target, Stranger):
            target.holds.append(state)
        elif hasattr(target, "take_state"):
            target.take_state(state)

    def mapping(self, items: list[Any]) -> None:
        self.push({})
        self.enter(items)

    def remember(self, key: int) -> None:
        self.memo[key] = self.top()

    def global_of(self, module: Any, name: Any) -> None:
        self.push(self.machine.name(module, name))


def put(target: dict[Any, Any], pairs: Any) -> None:
    """Enter pairs into a mapping.

    Raises:
        Refused: a key is neither text nor a whole number. A tuple within a tuple within a tuple
            would do for a key, too, and might take for ever to hash.
    """
    if pairs is None:
        raise Refused("it sets a key without a value")
    for key, value in pairs:
        whole = key is None or (isinstance(key, int) and abs(key) < _LARGEST_KEY)
        if not (whole or isinstance(key, str)):
            raise Refused("it has a key that is neither text nor a whole number")
        target[key] = value


def _proto(run: _Run) -> None:
    version = run.number("<B")
    if version > 5:
        raise Refused(f"it is a pickle of protocol {version}, which is unknown")


def _frame(run: _Run) -> None:
    if run.number("<Q") > len(run.data) - run.place:
        raise Refused("it is cut short, or claims a frame that is not there")


def _outside(run: _Run) -> None:
    identity = run.pop()
    if run.machine.outside is None:
        raise Refused("it refers to something outside it")
    run.push(run.machine.outside(identity))


def _pop(run: _Run) -> None:
    if run.marks and len(run.stack) == run.marks[-1]:
        run.marks.pop()
    else:
        run.pop()


def _constant(value: Any) -> Callable[[_Run], None]:
    return lambda run: run.push(value)


def _number(form: str) -> Callable[[_Run], None]:
    return lambda run: run.push(run.number(form))


def _text(form: str, encoding: str = "utf-8") -> Callable[[_Run], None]:
    return lambda run: run.push(run.text(run.number(form), encoding))


def _bytes(form: str) -> Callable[[_Run], None]:
    return lambda run: run.push(run.bytes(run.number(form)))


def _tuple(count: int) -> Callable[[_Run], None]:
    return lambda run: run.push(run.take(count))


# By the opcode's byte, as named in the standard library's pickletools. Sets become lists: nothing
# here needs them as sets, and hashing is what a hostile file would make slow.
_STEPS: dict[int, Callable[[_Run], None]] = {
    0x80: _proto,
    0x95: _frame,
    ord("("): lambda run: run.marks.append(len(run.stack)),
    ord("0"): _pop,
    ord("1"): lambda run: run.drop(),
    ord("2"): lambda run: run.push(run.top()),
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    ord("J"): _number("<i"),
    ord("K"): _number("<B"),
    ord("M"): _number("<H"),
    ord("G"): _number(">d"),
    0x8A: lambda run: run.push(run.long(run.number("<B"))),
    0x8B: lambda run: run.push(run.long(run.number("<i"))),
    ord("X"): _text("<I"),
    0x8C: _text("<B"),
    0x8D: _text("<Q"),
    ord("U"): _text("<B", "latin-1"),
    ord("T"): _text("<i", "latin-1"),
    ord("C"): _bytes("<B"),
    ord("B"): _bytes("<I"),
    0x8E: _bytes("<Q"),
    0x96: _bytes("<Q"),
    ord(")"): _constant(()),
    ord("t"): lambda run: run.push(tuple(run.since_mark())),
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    ord("]"): lambda run: run.push([]),
    ord("l"): lambda run: run.push(run.since_mark()),
    ord("a"): lambda run: run.extend(list(run.take(1))),
    ord("e"): lambda run: run.extend(run.since_mark()),
    0x8F: lambda run: run.push([]),
    0x90: lambda run: run.extend(run.since_mark()),
    0x91: lambda run: run.push(run.since_mark()),
    ord("}"): lambda run: run.push({}),
    ord("d"): lambda run: run.mapping(run.since_mark()),
    ord("s"): lambda run: run.enter(list(run.take(2))),
    ord("u"): lambda run: run.enter(run.since_mark()),
    ord("q"): lambda run: run.remember(run.number("<B")),
    ord("r"): lambda run: run.remember(run.number("<I")),
    0x94: lambda run: run.remember(len(run.memo)),
    ord("h"): lambda run: run.push(run.memo[run.number("<B")]),
    ord("j"): lambda run: run.push(run.memo[run.number("<I")]),
    ord("c"): lambda run: run.global_of(run.line(), run.line()),
    0x93: lambda run: run.global_of(*run.take(2)),
    ord("R"): lambda run: run.push(run.machine.call(*run.take(2))),
    0x81: lambda run: run.push(run.machine.new(*run.take(2))),
    0x92: lambda run: run.push(_new_with_names(run)),
    ord("b"): lambda run: run.build(),
    ord("Q"): _outside,
}


def _new_with_names(run: _Run) -> Any:
    kind, arguments, named = run.take(3)
    return run.machine.new(kind, (arguments, named) if named else arguments)
