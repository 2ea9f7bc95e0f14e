"""A conversation as a question and its target: the last assistant turn, and what was said before it.

In:  [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is 3 + 4?"},
      {"role": "assistant", "content": "7"}]        or ShareGPT's {"from": "human", "value": …}
Out: ("Be short.\\n\\nWhat is 3 + 4?", "7")

Several turns before the target are named, so that a question of one text holds them:
     "User: What is 6 + 5?\\n\\nAssistant: 11\\n\\nUser: And twice that?"
"""

from typing import Any

from tasks.rows.reader.bad_row import BadRow

_ROLES = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "question": "user",
    "problem": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "system": "system",
    "developer": "system",
}
_NAMES = {"user": "User", "assistant": "Assistant"}

Turn = tuple[str, str]  # role, text


def is_turns(value: Any) -> bool:
    """Whether a field holds a conversation."""
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) and _role(turn) for turn in value)


def turns(field: str, value: list[dict[str, Any]]) -> list[Turn]:
    """The turns of a conversation. Raises BadRow where one is not of a person, a model or the system, or no text."""
    found = []
    for number, turn in enumerate(value, 1):
        said = str(_role(turn))
        role = _ROLES.get(said.casefold())
        if role is None:
            raise BadRow(field, f"turn {number} is of {said!r}: tools and other speakers are no demonstration")
        found.append((role, _content(field, number, turn)))
    return found


def question_and_target(field: str, said: list[Turn]) -> tuple[str, str]:
    """What was said before the last assistant turn, and that turn; turns behind it are no demonstration of anything.

    Raises:
        BadRow: no assistant turn with a user turn before it.
    """
    last = max((at for at, (role, _) in enumerate(said) if role == "assistant"), default=-1)
    before = said[: max(last, 0)]
    if not any(role == "user" for role, _ in before):
        raise BadRow(field, "has no assistant turn with a user turn before it")
    return as_question(before), said[last][1]


def as_question(said: list[Turn]) -> str:
    """Turns as one text: one user turn as it is, several with their speakers' names."""
    system = [text for role, text in said if role == "system"]
    others = [(role, text) for role, text in said if role != "system"]
    spoken = [others[0][1]] if len(others) == 1 else [f"{_NAMES[role]}: {text}" for role, text in others]
    return "\n\n".join([*system, *spoken])


def _role(turn: dict[str, Any]) -> Any:
    return turn.get("role") or turn.get("from") or turn.get("speaker")


def _content(field: str, number: int, turn: dict[str, Any]) -> str:
    content = next((turn[name] for name in ("content", "value", "text") if turn.get(name) is not None), None)
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        content = "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str) or not content.strip():
        raise BadRow(field, f"turn {number} holds no text (a picture, a call of a tool, or nothing)")
    return content
