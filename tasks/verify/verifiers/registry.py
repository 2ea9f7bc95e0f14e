"""Verifiers by name: the built-in ones, and those that installed packages declare as entry points.

In:  "multiple_choice", VerifierOptions()        Out: a ChoiceVerifier

A package of your own declares one in its pyproject.toml; the name is then known to every command:
    [project.entry-points."rewriting_agent.verifiers"]
    icd10 = "my_package.verifiers:Icd10"         called with VerifierOptions; an AnswerVerifier (tasks/verify/types.py)
"""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tasks.runtime.files.meant import meant
from tasks.verify.answers.config import ComparisonConfig
from tasks.verify.types import AnswerVerifier
from tasks.verify.verifiers.math import MathVerifier
from tasks.verify.verifiers.options import VerifierOptions

MATH = "math"
GROUP = "rewriting_agent.verifiers"
HERE = "tasks.verify.verifiers"
# Name → class, version, and the options it reads. A version is in the keys: raise it where verdicts change.
BUILT_IN: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "multiple_choice": ("multiple_choice:ChoiceVerifier", 1, ("pattern",)),
    "exact": ("exact:ExactVerifier", 1, ("pattern", "ignore_case")),
    "numeric": ("numeric:NumericVerifier", 1, ("pattern", "tolerance", "relative_tolerance")),
    "json_schema": ("json_schema:JsonVerifier", 1, ("schema_file", "same_fields")),
    "judge": ("judge_alone:JudgeAlone", 1, ()),
    "code": ("code:CodeVerifier", 2, ("code_sandbox", "code_seconds", "code_memory_mib")),
    "instructions": ("instructions:InstructionsVerifier", 1, ()),
    "refusal": ("refusal:RefusalVerifier", 1, ()),
    "python": ("python_function:PythonVerifier", 1, ("function",)),
}


def names() -> list[str]:
    """Names of all verifiers that there are on this machine."""
    return [MATH, *BUILT_IN, *sorted(one.name for one in entry_points(group=GROUP))]


def sentence(name: str) -> str:
    """What a verifier decides by, for people: of a built-in one the sentence that its module opens with."""
    if name in (MATH, *BUILT_IN):
        module = MATH if name == MATH else BUILT_IN[name][0].partition(":")[0]
        said = import_module(f"{HERE}.{module}").__doc__ or ""
        return said.partition("\n")[0].partition(": ")[2]
    found = _entry_point(name)
    return f"of the package {found.dist.name if found.dist else found.value}"


def require_known(name: str, options: VerifierOptions) -> None:
    """Raises ValueError where there is no such verifier, or it does not read one of the options that are set."""
    if name == MATH:
        reads: set[str] = set()
    elif name in BUILT_IN:
        reads = set(BUILT_IN[name][2])
    else:
        _entry_point(name)
        reads = set(VerifierOptions.model_fields)
    if unread := sorted(options.given() - reads):
        takes = ", ".join(sorted(reads)) or "none"
        raise ValueError(f"the verifier {name} does not read options.{unread[0]}; its options: {takes}")


def identity(name: str) -> str:
    """What the key holds of a verifier: its name and version; of another package's the package and its version."""
    if name in BUILT_IN:
        return f"{name}/{BUILT_IN[name][1]}"
    found = _entry_point(name)
    package = f"{found.dist.name}=={found.dist.version}" if found.dist else found.value
    return f"{name}/{package}"


def make(name: str, options: VerifierOptions, comparison: ComparisonConfig) -> AnswerVerifier:
    """The verifier of that name, with the comparison's limits where it is `math`.

    Raises:
        ValueError: there is none, or its options do not fit.
    """
    require_known(name, options)
    if name == MATH:
        return MathVerifier(comparison)
    if name in BUILT_IN:
        module, _, of = BUILT_IN[name][0].partition(":")
        made: Any = getattr(import_module(f"{HERE}.{module}"), of)(options)
    else:
        made = _entry_point(name).load()(options)
    return made  # type: ignore[no-any-return]


def _entry_point(name: str) -> EntryPoint:
    found = list(entry_points(group=GROUP, name=name))
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} installed packages declare a verifier {name!r}: {', '.join(o.value for o in found)}"
        )
    if not found:
        raise ValueError(f"there is no verifier {name!r}: {meant(name, names())}")
    return found[0]
