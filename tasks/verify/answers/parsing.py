"""LaTeX to SymPy, by math-verify's parser. Runs in a child process only.

In:  read("\\frac{x}{7}+\\frac{2}{7}")
Out: x/7 + 2/7      (None for what is no expression; Undecided for what is too large to read)
"""

import re
from functools import lru_cache
from typing import Any

from antlr4 import PredictionMode
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, _Latex2Sympy

from tasks.verify.answers.arguments import bracketed
from tasks.verify.answers.limits import refuse


class Undecided(Exception):
    """A value that is refused or has no number: says why."""


class _Parser(_Latex2Sympy):  # type: ignore[misc]
    """math-verify's parser, faster and stricter.

    It starts at the grammar's relation rule (lists and brackets are taken apart before) and predicts in SLL mode, which
    gives the tree of LL mode wherever it succeeds and is several times faster in Python; else it reads as math-verify
    does. What it did not read to the end is refused: math-verify would answer with the part that it read."""

    def parse(self, latex_str: str) -> Any:
        for mode, whole in ((PredictionMode.SLL, False), (PredictionMode.LL, False), (PredictionMode.LL, True)):
            try:
                self._parser = self.create_parser(latex_str)
                self._parser._interp.predictionMode = mode
                if whole:
                    expression = super().parse(latex_str)
                    self._at_end()
                    return expression
                relation = self._parser.relation()
                self._at_end()
                return self.convert_relation(relation)
            except RecursionError:
                raise
            except Exception:
                if whole:
                    raise
        raise ValueError("not reached")

    def create_parser(self, latex_str: str) -> Any:
        self._parser = super().create_parser(latex_str)
        return self._parser

    def _at_end(self) -> None:
        if self._parser.getCurrentToken().type != -1:  # antlr's end of file
            raise ValueError("read in part only")


_PLAIN_FUNCTION = re.compile(
    r"(?<![A-Za-z\\])(arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|exp)(?![A-Za-z])"
)
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)")
_OF_DEGREES = re.compile(r"\\(sin|cos|tan|cot|sec|csc)(\^\{?[0-9]\}?)? *([0-9.]+)\^\\circ")


@lru_cache(maxsize=4096)
def read(latex: str) -> Any:
    """The SymPy expression of a value or relation; None where it cannot be read. Raises Undecided if too large."""
    reason = refuse(latex)
    if reason:
        raise Undecided(reason)
    try:
        config = ConversionConfig(interpret_as_mixed_fractions=True, lowercase_symbols=False)
        text = _prepared(latex)
        expression = _Parser(is_real=None, convert_degrees=False, config=config).parse(text)
    except RecursionError:
        raise Undecided("nested too deeply to read") from None
    except MemoryError:
        raise
    except Exception:
        return None
    if isinstance(expression, (list, tuple, str)) or expression is None:
        return None
    return expression


def _prepared(latex: str) -> str:
    text = latex.replace("«", r"\text{").replace("»", "}").replace("¶", r"\\")
    text = _PLAIN_FUNCTION.sub(r"\\\1 ", text)
    if _TRIGONOMETRIC.search(text):  # brackets: the parser takes all factors that follow into the function
        text = _OF_DEGREES.sub(r"\\\1\2(\3\\cdot\\frac{\\pi}{180})", text)
        text = re.sub(r"(?<=[0-9])\^\\circ", r"\\cdot\\frac{\\pi}{180}", text)
    text = bracketed(text)
    return re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", text)
