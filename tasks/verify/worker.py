"""A child process that compares answers: one JSON line in, one JSON line out.

In:  {"gold": "\\\\frac{1}{2}", "answer": "0.5"}
Out: {"verdict": "correct", "reason": "math-verify"}
"""

import json
import sys


def main() -> None:
    """Answer line by line until end of file."""
    from math_verify import parse, verify

    for line in sys.stdin:
        row = json.loads(line)
        gold = parse(f"$\\boxed{{{row['gold']}}}$", parsing_timeout=None)
        answer = parse(f"$\\boxed{{{row['answer']}}}$", parsing_timeout=None)
        equal = verify(gold, answer, timeout_seconds=None)
        reply = {"verdict": "correct" if equal else "wrong", "reason": "math-verify"}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
