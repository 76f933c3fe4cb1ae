"""Read the exercises of a chapter: text, stub, check, solution, their needs.

An exercise with a check names it with what it judges, as in `check_fit(fit)`.
From the solution comes what defines `fit`; from the chapter, what both need.
"""

import ast
import builtins
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

MARK = re.compile(
    r"^(`{3,})\{(exercise|solution)(-start|-end)?\} *(\S*)\n((?::.*\n)*)", re.M
)
CALL = re.compile(r"`(check_\w+)\(([\w, ]+)\)`")
LEVEL = re.compile(r"\*\*(\w+)")
BUILTINS = {*dir(builtins)}
FIRST = {"value", "iter", "generators"}  # read before targets and elements
SCOPES = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp)
SCOPES += (ast.GeneratorExp,)
ANEW = (ast.Assign, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass
class Exercise:
    """One exercise of a chapter."""

    label: str
    text: str = ""
    given: list[str] = field(
        default_factory=list
    )  # code between it and solution
    solution: list[tuple[str, str]] = field(
        default_factory=list
    )  # kind, source

    @property
    def level(self) -> str:
        """Return Warm-up, Core or Open, without what follows."""
        return found[1] if (found := LEVEL.search(self.text)) else "Warm"

    @property
    def call(self) -> tuple[str, list[str]] | None:
        """Return the check, and the names that it judges."""
        found = CALL.search(self.text)
        return (found[1], found[2].split(", ")) if found else None

    def answer(self) -> list[str]:
        """Return the statements of the solution that make what is judged."""
        code = [source for kind, source in self.solution if kind == "code"]
        return slice_of(statements(code), set(self.call[1]))[0]

    def arguments(self, node: ast.FunctionDef) -> list[str]:
        """Return a function's arguments: the text's, or those it needs."""
        if told := re.search(rf"`{node.name}\(([\w, ]+)\)`", self.text):
            return told[1].split(", ")
        least = len(node.args.args) - len(node.args.defaults)
        return [arg.arg for arg in node.args.args[:least]]

    def stub(self) -> str:
        """Return what a student begins with: signatures, or names of values."""
        defined = {}
        for node in ast.walk(ast.parse("\n".join(self.answer()))):
            if isinstance(node, ast.FunctionDef):
                defined[node.name] = (
                    f"def {node.name}({', '.join(self.arguments(node))}):\n"
                    "    raise NotImplementedError  # your code here"
                )
        values = (
            defined.get(n, f"{n} = None  # your value here")
            for n in self.call[1]
        )
        return "\n\n\n".join(values)


def parts(cells: list[NotebookNode]) -> Iterator[tuple[str, str, str]]:
    """Yield where a piece stands, its kind and source."""
    where = "text"
    for cell in cells:
        if cell.cell_type == "code":
            yield where, "code", cell.source
            continue
        rest = cell.source
        while found := MARK.search(rest):
            yield where, "markdown", rest[: found.start()]
            fence, kind, edge, name, options = found.groups()
            rest = rest[found.end() :]
            body, _, rest = f"\n{rest}".partition(f"\n{fence}")
            where = "text" if edge == "-end" else kind
            if kind == "exercise" and edge != "-end":
                yield (
                    "label",
                    "markdown",
                    re.search(r":label: *(\S+)", options)[1],
                )
            if not edge:
                yield where, "markdown", body
                where = "text"
        yield where, "markdown", rest


def read(cells: list[NotebookNode]) -> tuple[list[str], list[Exercise]]:
    """Return the code of the chapter's text, and its exercises."""
    code, exercises = [], []
    for where, kind, source in parts(cells):
        if where == "label":
            exercises.append(Exercise(source))
        elif where == "exercise" and kind == "markdown":
            exercises[-1].text += source
        elif where == "solution" and exercises:
            exercises[-1].solution.append((kind, source.strip()))
        elif kind == "code" and exercises:
            exercises[-1].given.append(source)
            code += [] if "@check" in source else [source]  # an answer's data
        elif kind == "code":
            code.append(source)
    return code, exercises


def statements(sources: Iterable[str]) -> list[str]:
    """Split cells into statements, without magic and comments."""
    found = []
    for source in sources:
        for node in ast.parse(source).body:
            first = min([node.lineno, *(d.lineno for d in decorators(node))])
            found.append(
                "\n".join(source.splitlines()[first - 1 : node.end_lineno])
            )
    return found


def decorators(node: ast.stmt) -> list[ast.expr]:
    """Return what stands before a definition."""
    return getattr(node, "decorator_list", [])


def reads(node: ast.AST, bound: set[str]) -> set[str]:
    """Return the names that code reads before it sets them; `bound` grows."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        return {node.id} - bound - BUILTINS
    found = names_in(node.target) if isinstance(node, ast.AugAssign) else set()
    found -= bound
    if isinstance(node, SCOPES):
        for default in getattr(getattr(node, "args", None), "defaults", []):
            found |= reads(default, bound)  # outside
        bound = bound | own_names(node)
    for name in sorted(node._fields, key=lambda name: name not in FIRST):
        inner = getattr(node, name, None)
        parts_of = inner if isinstance(inner, list) else [inner]
        nodes = (each for each in parts_of if isinstance(each, ast.AST))
        found = found.union(*(reads(each, bound) for each in nodes))
    return found


def own_names(scope: ast.AST) -> set[str]:
    """Return the names that a function or comprehension has for itself."""
    inside = [*ast.walk(scope)]
    stored = {
        n.id
        for n in inside
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return stored | {n.arg for n in inside if isinstance(n, ast.arg)}


def writes(source: str) -> tuple[set[str], set[str]]:
    """Return the names that a statement may change, and those set anew."""
    (node,) = ast.parse(source).body
    top = symtable.symtable(source, "", "exec").get_symbols()
    bound = {s.get_name() for s in top if s.is_assigned() or s.is_imported()}
    changed = set()
    for inner in ast.walk(node):
        call = inner.value if isinstance(inner, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            changed |= names_in(call.func) if drawn(call) else names_in(call)
        elif isinstance(getattr(inner, "ctx", None), ast.Store | ast.Del):
            if isinstance(inner, ast.Attribute | ast.Subscript):
                changed |= names_in(inner.value)  # x[i] = 1 changes x
    return bound | changed, bound if isinstance(node, ANEW) else set()


def names_in(node: ast.AST) -> set[str]:
    """Return all names of an expression."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def drawn(call: ast.Call) -> bool:
    """Tell whether a call only draws."""
    return any(
        re.match("ax|fig|plt|left$|right$|top$", n) for n in names_in(call.func)
    )


def slice_of(
    sources: list[str], wanted: set[str]
) -> tuple[list[str], set[str]]:
    """Keep the statements that names need, and tell which names are left."""
    needs = [reads(ast.parse(s), set()) for s in sources]
    made = [writes(source) for source in sources]
    inside = {}  # what a function reads when it is called
    for source, need, (names, _) in zip(sources, needs, made):
        if (
            source.lstrip("@").startswith(("def ", "class "))
            or source[0] == "@"
        ):
            for name in names:
                inside[name] = inside.get(name, set()) | need
    kept, wanted = [], close(wanted, inside)
    for source, need, (names, anew) in reversed([*zip(sources, needs, made)]):
        if names & wanted:
            kept.append(source)
            wanted = close((wanted - anew) | need, inside)
    return kept[::-1], wanted


def close(names: set[str], inside: dict[str, set[str]]) -> set[str]:
    """Add what the functions among the names read, and so on."""
    while more := set().union(*(inside.get(n, set()) for n in names)) - names:
        names = names | more
    return names


def needed(code: list[str], exercises: list[Exercise]) -> list[str]:
    """Return the statements of the text that the checked exercises need."""
    wanted: set[str] = set()
    for exercise in exercises:
        answer = exercise.answer() if exercise.call else []
        for source in statements(exercise.given) + answer:
            wanted |= reads(ast.parse(source), set())
    return slice_of(statements(code), wanted)[0]
