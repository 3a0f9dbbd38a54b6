"""What a small bug looks like: changes of one node of a syntax tree."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
NAMES = {
    "min": "max", "max": "min", "amin": "amax", "amax": "amin", "any": "all", "all": "any",
    "mean": "sum", "sum": "mean", "std": "var", "var": "std", "sqrt": "square", "square": "abs",
    "argmax": "argmin", "argmin": "argmax", "floor": "ceil", "detach": "clone", "cos": "sin",
    "sin": "cos", "train_accuracy": "test_accuracy", "height": "width", "width": "height",
    "PAPER": "CORRECTED", "CORRECTED": "PAPER",
}  # fmt: skip
"""Names that are easily taken for one another."""
_PLAIN = {"min", "max", "any", "all", "PAPER", "CORRECTED"}
"""Those of them that also stand alone, not only behind a dot."""
_SPOKEN = {"_log", "progress"}
"""What only talks; its loss is no bug of a result."""


@dataclass(frozen=True)
class Mutant:
    """One changed place of a file.

    Attributes:
        file: path relative to the repository.
        line: first line of the place, from 1.
        was: the text that is replaced.
        becomes: what stands there instead.
        start: offset of the place in the file, in characters.
    """

    file: str
    line: int
    was: str
    becomes: str
    start: int

    def apply(self, source: str) -> str:
        """The whole file with the change."""
        return source[: self.start] + self.becomes + source[self.start + len(self.was) :]


def mutants_of(file: str, source: str) -> list[Mutant]:
    """All mutants of one file, in order of their places."""
    offsets = _line_offsets(source)
    found = {}
    for node in _nodes(ast.parse(source)):
        for becomes in _changes(node):
            start = offsets(node.lineno, node.col_offset)
            stop = offsets(node.end_lineno or node.lineno, node.end_col_offset or 0)
            mutant = Mutant(file, node.lineno, source[start:stop], becomes, start)
            if _parses(mutant.apply(source)):
                found[mutant.start, mutant.was, becomes] = mutant
    return sorted(found.values(), key=lambda mutant: (mutant.start, mutant.becomes))


def _nodes(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Nodes that compute: no annotations, decorators, docstrings, texts, or messages of errors."""
    if isinstance(tree, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom):
        children: list[ast.AST] = []
    elif isinstance(tree, ast.FunctionDef):
        children = [*tree.args.defaults, *filter(None, tree.args.kw_defaults), *tree.body]
    elif isinstance(tree, ast.ClassDef):
        children = list(tree.body)
    elif isinstance(tree, ast.AnnAssign):
        children = [tree.value] if tree.value else []
    elif isinstance(tree, ast.Assign):
        children = [tree.value]
    elif _is_for_types(tree):
        children = []
    elif isinstance(tree, ast.Call) and ast.unparse(tree.func) in ("require", "MirageError"):
        children = [tree.args[0]] if ast.unparse(tree.func) == "require" and tree.args else []
    else:
        children = list(ast.iter_child_nodes(tree))
    if isinstance(tree, ast.expr | ast.stmt):
        yield tree
    for child in children:
        yield from _nodes(child)


def _is_for_types(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"


def _changes(node: ast.expr | ast.stmt) -> Iterator[str]:
    for operator in OPERATORS:
        for changed in operator(node):
            text = ast.unparse(changed)
            yield text if isinstance(node, ast.stmt) or _is_closed(changed) else f"({text})"


def _is_closed(node: ast.AST) -> bool:
    """Whether an expression needs no brackets wherever it stands."""
    kinds = ast.Constant | ast.Name | ast.Attribute | ast.Call | ast.Subscript
    return isinstance(node, kinds)


def comparison(node: ast.AST) -> Iterator[ast.AST]:
    """``<`` for ``<=``, ``==`` for ``!=``, ``in`` for ``not in`` and so on."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            operators = list(node.ops)
            operators[place] = COMPARISONS[type(operator)]()
            yield ast.Compare(node.left, operators, node.comparators)


def arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    """``+`` for ``-``, ``*`` for ``/``, and one operand alone."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in ARITHMETIC:
            yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
        yield node.left
        yield node.right
    if isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value)


def negation(node: ast.AST) -> Iterator[ast.AST]:
    """``-x`` and ``not x`` lose their sign; ``and`` for ``or``; the other branch of a choice."""
    if isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other, node.values)
    if isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)


def constant(node: ast.AST) -> Iterator[ast.AST]:
    """A number next to the one that stands there; ``True`` for ``False``."""
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield (
            ast.UnaryOp(ast.USub(), ast.Constant(1))
            if node.value == 0
            else ast.Constant(node.value - 1)
        )
    elif isinstance(node.value, float):
        yield ast.Constant(2 * node.value or 1.0)


def name(node: ast.AST) -> Iterator[ast.AST]:
    """A neighbouring function or field."""
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr], node.ctx)
    if isinstance(node, ast.Name) and node.id in _PLAIN:
        yield ast.Name(NAMES[node.id], node.ctx)


def argument(node: ast.AST) -> Iterator[ast.AST]:
    """One argument less; the first two exchanged; a method not called."""
    if not isinstance(node, ast.Call):
        return
    for place in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:place] + node.keywords[place + 1 :])
    if len(node.args) > 1:
        yield ast.Call(node.func, node.args[:-1], node.keywords)
        first, second, *rest = node.args
        if ast.dump(first) != ast.dump(second):
            yield ast.Call(node.func, [second, first, *rest], node.keywords)
    if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        yield node.func.value


def removal(node: ast.AST) -> Iterator[ast.AST]:
    """A statement left out."""
    if isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break):
        yield ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    if called and ast.unparse(node.value.func).split(".")[0] not in _SPOKEN:
        yield ast.Pass()


OPERATORS: tuple[Callable[[ast.AST], Iterator[ast.AST]], ...] = (
    comparison, arithmetic, negation, constant, name, argument, removal,
)  # fmt: skip


def _line_offsets(source: str) -> Callable[[int, int], int]:
    """Translate a line and the byte within it, as syntax trees have them, into characters."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(line: int, byte: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:byte].decode())

    return offset


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
