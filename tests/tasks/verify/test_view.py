"""Verdicts are shown by how often each reason came, with a row of each."""

from pathlib import Path

from tasks.rows.jsonl import write_rows
from tasks.runtime.store.store import Manifest, Store
from tasks.verify.view import view


def row(number: int, verdict: str, reason: str, valid: bool | None = None) -> dict[str, object]:
    reasoning = None if valid is None else {"valid": valid, "reason": "<b>step 2</b>", "judge": "arithmetic/3"}
    passed = verdict == "correct" and valid is True
    return {
        "id": f"r{number}",
        "passed": passed,
        "answer": {"verdict": verdict, "reason": reason},
        "reasoning": reasoning,
    }


def test_reasons_are_counted_and_a_judges_words_are_not_among_them(tmp_path: Path) -> None:
    home, key = Store(tmp_path), "a" * 32
    home.partial(key).mkdir(parents=True)
    rows = [row(n, "correct", "identical", True) for n in range(6)]
    rows += [row(6, "wrong", "compared form by form"), row(7, "wrong", "compared form by form")]
    rows += [row(8, "correct", "same integer", False), row(9, "no_answer", "no answer found")]
    write_rows(home.partial(key) / "verdicts.jsonl", rows)
    home.publish(Manifest(kind="verify", key=key))
    shown = view({"": home.manifest(key)}, home).splitlines()
    assert shown[2].startswith("| passed |  | 6 | 60\\.0") and shown[2].endswith("| r0 |")
    assert shown[3].startswith("| wrong | compared form by form | 2 |") and shown[3].endswith("| r6 |")
    assert any(line.startswith("| reasoning | arithmetic\\/3 | 1 |") for line in shown)
    assert "step 2" not in "\n".join(shown)
