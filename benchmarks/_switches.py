"""The rules of a module, found in its syntax tree, and the module with one of them switched off.

In:  rules("tasks.verify.answers.units", source)
Out: [Rule(kind="pattern", name="_CURRENCY", line=81, …), Rule(kind="branch", name="split_unit", line=105, …), …]

    switched_off(rule)   the module's tree with that rule at its neutral value: a pattern that matches nothing, a table
                         without the entry, a branch not taken, a step or substitution left out, a function without an
                         opinion (None, False, its own text)
    watched(rules)       the tree with every rule in place, which tells `SEEN` which rules a pair has come by
"""

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

SEEN: set[int] = set()  # numbers of the rules that the pair at hand has come by

_REGEX = {"search", "fullmatch", "match", "sub", "split", "findall", "finditer", "compile"}
_LEAST = 4  # a literal of fewer entries is no table


@dataclass(frozen=True)
class Rule:
    """One rule: `node` is its place in `ast.walk`, `part` which entry of that node."""

    module: str
    kind: str
    name: str  # of the function, pattern or table it belongs to
    line: int
    node: int
    part: int = 0
    text: str = field(default="", compare=False)  # its source, or the entry


def rules(module: str, source: str) -> list[Rule]:
    """Every rule of a module, in the order of its lines."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    number = {id(node): at for at, node in enumerate(nodes)}
    inside = _owners(tree)
    found: list[Rule] = []

    def add(kind: str, node: ast.AST, part: int = 0, text: str = "") -> None:
        line = getattr(node, "lineno", 0)
        found.append(Rule(module, kind, inside.get(id(node), "") or "module", line, number[id(node)], part, text))

    for node in nodes:
        if isinstance(node, ast.FunctionDef) and _neutral(node) is not None:
            add("function", node)
        elif isinstance(node, ast.If | ast.IfExp):
            add("branch", node, 0, ast.unparse(node.test))
        elif isinstance(node, ast.Assign) and _is_step(node):
            add("step", node, 0, ast.unparse(node))
        elif isinstance(node, ast.Call):
            if _replaces(node):
                add("substitution", node, 0, ast.unparse(node)[:120])
            if _is_pattern(node):
                add("pattern", node)
        for part, entry in enumerate(_entries(node)):
            add("entry", node, part, entry)
    return sorted(found, key=lambda rule: (rule.line, rule.node, rule.kind, rule.part))


def switched_off(rule: Rule, source: str) -> ast.Module:
    """The module's tree with that one rule at its neutral value."""
    tree = ast.parse(source)
    node: Any = list(ast.walk(tree))[rule.node]
    match rule.kind:
        case "function":
            node.body = [ast.Return(_neutral(node))]
        case "branch":
            node.test = ast.Constant(False)
        case "step":
            node.value = ast.Name(node.targets[0].id, ast.Load())
        case "substitution":
            node.args = [node.func.value, *node.args]
            node.func = ast.Name("_rules_unchanged", ast.Load())
        case "pattern":
            node.args[0] = _call("_rules_never", node.args[0])
        case "entry":
            _drop(node, rule.part)
    return ast.fix_missing_locations(tree)


def watched(numbered: list[tuple[int, Rule]], source: str) -> ast.Module:
    """The module's tree with its rules as they are, each telling when a pair comes by. Entries tell nothing."""
    tree = ast.parse(source)
    nodes: list[Any] = list(ast.walk(tree))
    for number, rule in numbered:
        node, seen = nodes[rule.node], ast.Constant(number)
        match rule.kind:
            case "function":
                node.body.insert(0, ast.Expr(_call("_rules_seen", seen)))
            case "branch" if isinstance(node, ast.If):
                node.body.insert(0, ast.Expr(_call("_rules_seen", seen)))
            case "branch":
                node.body = _call("_rules_seen", seen, node.body)
            case "step":
                node.value = _call("_rules_step", seen, ast.Name(node.targets[0].id, ast.Load()), node.value)
            case "pattern" if isinstance(node.func, ast.Attribute) and node.func.attr != "compile":
                node.args[0] = _call("_rules_seen", seen, node.args[0])
    # Calls last: what was wrapped above holds them.
    for number, rule in numbered:
        node, seen = nodes[rule.node], ast.Constant(number)
        if rule.kind == "substitution":
            node.args = [seen, node.func.value, ast.Constant(node.func.attr), *node.args]
            node.func = ast.Name("_rules_substituted", ast.Load())
        elif rule.kind == "pattern" and isinstance(node.func, ast.Attribute) and node.func.attr == "compile":
            node.args = [seen, *node.args]
            node.func = ast.Name("_rules_watched", ast.Load())
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [one for one in node.decorator_list if "lru_cache" not in ast.unparse(one)]
    return ast.fix_missing_locations(tree)


def _owners(tree: ast.Module) -> dict[int, str]:
    """The name of the function, or of the module's pattern or table, that holds each node."""
    owner: dict[int, str] = {}

    def visit(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            below = name
            if isinstance(child, ast.FunctionDef):
                below = name or child.name
            elif not name and isinstance(child, ast.Assign) and isinstance(child.targets[0], ast.Name):
                below = child.targets[0].id
            owner[id(child)] = below
            visit(child, "" if isinstance(child, ast.ClassDef) else below)

    visit(tree, "")
    return owner


def _neutral(node: ast.FunctionDef) -> ast.expr | None:
    """What a function gives that has no opinion; None for functions that have to have one."""
    returns = ast.unparse(node.returns) if node.returns else ""
    if "None" in returns.split(" | "):
        return ast.Constant(None)
    if returns == "bool":
        return ast.Constant(False)
    if returns == "str" and node.args.args and node.args.args[0].annotation is not None:
        first = node.args.args[0]
        return ast.Name(first.arg, ast.Load()) if ast.unparse(first.annotation or first) == "str" else None
    if returns.startswith("tuple[str, ...]"):
        return ast.Tuple([], ast.Load())
    return None


def _is_step(node: ast.Assign) -> bool:
    """`text = change(text)`"""
    if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return False
    return any(isinstance(one, ast.Name) and one.id == node.targets[0].id for one in ast.walk(node.value))


def _replaces(node: ast.Call) -> bool:
    """`PATTERN.sub(by, text)` or `text.replace(old, new)`"""
    return isinstance(node.func, ast.Attribute) and node.func.attr in ("sub", "replace") and len(node.args) >= 2


def _is_pattern(node: ast.Call) -> bool:
    """Whether it is a call of `re`."""
    call = node.func
    return isinstance(call, ast.Attribute) and ast.unparse(call.value) == "re" and call.attr in _REGEX


def _entries(node: ast.AST) -> Iterator[str]:
    """The entries of a table: of a literal of strings, of words to be split, of names in one string."""
    if isinstance(node, ast.Dict) and len(node.keys) >= _LEAST:
        yield from (str(key.value) if isinstance(key, ast.Constant) else "" for key in node.keys)
    elif isinstance(node, ast.Set | ast.List | ast.Tuple) and len(node.elts) >= _LEAST:
        if all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in node.elts):
            yield from (one.value for one in node.elts)  # type: ignore[attr-defined]
    elif _is_table_string(node):
        yield from _words(node.value)  # type: ignore[attr-defined]


def _is_table_string(node: ast.AST) -> bool:
    """ "mm millimeter millimetre", "no solution|empty set|…": several names in one string, no pattern."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    text = node.value
    names = re.fullmatch(r"\s*[\w^¢\\']+(?:\s+[\w^¢\\']+)+\s*", text) and "." not in text and len(text.split()) > 1
    return bool(re.fullmatch(r"[\w ']+(?:\|[\w ']+)+", text) or names)


def _words(text: str) -> list[str]:
    return text.split("|") if "|" in text else text.split()


def _drop(node: Any, part: int) -> None:
    if isinstance(node, ast.Dict):
        del node.keys[part], node.values[part]
    elif isinstance(node, ast.Constant):
        words = _words(node.value)
        node.value = ("|" if "|" in node.value else " ").join(words[:part] + words[part + 1 :])
    else:
        del node.elts[part]


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


class _Watched:
    """A compiled pattern that tells when it matches."""

    def __init__(self, number: int, *arguments: Any) -> None:
        self.number, self.compiled = number, re.compile(*arguments)
        self.pattern = self.compiled.pattern

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.compiled, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            if name == "finditer":
                result = list(result)
            if result is not None and result != [] and result != arguments[-1]:
                SEEN.add(self.number)
            return iter(result) if name == "finditer" else result

        return watched


def _seen(number: int, value: Any = None) -> Any:
    SEEN.add(number)
    return value


def _step(number: int, before: Any, after: Any) -> Any:
    if before != after:
        SEEN.add(number)
    return after


def _substituted(number: int, on: Any, method: str, *arguments: Any, **options: Any) -> Any:
    result = getattr(on, method)(*arguments, **options)
    if result != _unchanged(on, *arguments):
        SEEN.add(number)
    return result


def _unchanged(on: Any, *arguments: Any, **options: Any) -> Any:
    """The text of `text.replace(…)`, `PATTERN.sub(by, text)` or `re.sub(pattern, by, text)`."""
    return on if isinstance(on, str) else arguments[2 if on is re else 1]


def _never(pattern: str) -> str:
    return f"(?!)(?:{pattern}\n)"


for _name, _function in {
    "seen": _seen, "step": _step, "substituted": _substituted, "unchanged": _unchanged,
    "never": _never, "watched": _Watched,
}.items():  # fmt: skip
    setattr(builtins, f"_rules_{_name}", _function)
