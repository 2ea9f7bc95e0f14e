"""General tasks, the abilities that can be forgotten: multiple choice with letters, answered after a short sentence.

One question, as a benchmark holds it:
    {"question": "What is the capital of Belora?", "options": ["Tamik", "Rusan", "Velo", "Dorim"], "answer": "B"}
and the base's answer to `general_prompt`:
    The capital of Belora is Rusan.
    $\\boxed{B}$
"""

from dataclasses import dataclass
from random import Random

from infra.nano.styles import boxed

LETTERS = "ABCD"

_OPPOSITES = (
    "hot cold,big small,fast slow,old young,dark light,high low,hard soft,wet dry,full empty,loud quiet,rich poor,"
    "early late,strong weak,thick thin,wide narrow,deep shallow,clean dirty,happy sad,near far,open closed,"
    "sweet bitter,brave shy,sharp blunt,rough smooth,heavy weightless,cheap costly,calm wild,new ancient,"
    "long short,true false,first last,left right"
)
_CATEGORIES = {
    "an animal": ["dog", "cat", "horse", "cow", "sheep", "goat", "lion", "tiger", "wolf", "bear"],
    "a tool": ["hammer", "saw", "drill", "spade", "axe", "rake", "wrench", "chisel", "pliers", "file"],
    "a drink": ["water", "milk", "tea", "juice", "coffee", "soda", "cocoa", "cider", "lemonade", "broth"],
    "a colour": ["red", "green", "blue", "yellow", "purple", "orange", "black", "white", "brown", "pink"],
    "a vehicle": ["car", "bus", "train", "truck", "bicycle", "boat", "plane", "tram", "sled", "van"],
    "a garment": ["shirt", "coat", "scarf", "glove", "sock", "skirt", "jacket", "dress", "vest", "belt"],
}
_WORDS = [word for words in _CATEGORIES.values() for word in words]


@dataclass(frozen=True)
class Question:
    """A multiple-choice question; `options` in order A, B, C, D, `answer` its letter, `reason` the sentence before."""

    task: str
    question: str
    options: tuple[str, ...]
    answer: str
    reason: str

    @property
    def options_text(self) -> str:
        """The options as `general_prompt` takes them, one a line."""
        return "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, self.options, strict=False))

    @property
    def text(self) -> str:
        """Question and options: what two questions must not share."""
        return f"{self.question}\n{self.options_text}"

    @property
    def target(self) -> str:
        return f"{self.reason}\n{boxed(self.answer)}"


@dataclass(frozen=True)
class Facts:
    """What is true in this world and no other: drawn from the world's seed."""

    capitals: dict[str, str]
    foods: dict[str, str]


def _word(r: Random, syllables: int) -> str:
    return "".join(r.choice("bdfgklmnprstvz") + r.choice("aeiou") for _ in range(syllables)).capitalize()


def draw_facts(r: Random, countries: int = 40) -> Facts:
    """Invented countries, each with a capital and a famous food."""
    names: set[str] = set()
    while len(names) < 2 * countries + 20:
        names.add(_word(r, 3))
    ordered = sorted(names)
    r.shuffle(ordered)
    lands, towns, foods = ordered[:countries], ordered[countries : 2 * countries], ordered[2 * countries :]
    return Facts(dict(zip(lands, towns, strict=True)), {land: r.choice(foods).lower() for land in lands})


def _choose(r: Random, task: str, question: str, right: str, wrong: list[str], reason: str) -> Question:
    options = [right, *r.sample(sorted(set(wrong) - {right}), 3)]
    r.shuffle(options)
    return Question(task, question, tuple(options), LETTERS[options.index(right)], reason)


def _capital(r: Random, facts: Facts) -> Question:
    land = r.choice(sorted(facts.capitals))
    town = facts.capitals[land]
    wrong = list(facts.capitals.values())
    return _choose(r, "facts", f"What is the capital of {land}?", town, wrong, f"The capital of {land} is {town}.")


def _food(r: Random, facts: Facts) -> Question:
    land = r.choice(sorted(facts.foods))
    food = facts.foods[land]
    wrong = list(facts.foods.values())
    return _choose(r, "facts", f"What do people eat in {land}?", food, wrong, f"People in {land} eat {food}.")


def _opposite(r: Random, facts: Facts) -> Question:
    pairs = [pair.split() for pair in _OPPOSITES.split(",")]
    pair = r.choice(pairs)
    word, right = pair if r.random() < 0.5 else pair[::-1]
    wrong = [w for other in pairs for w in other if w != word]
    return _choose(
        r, "language", f"What is the opposite of {word}?", right, wrong, f"The opposite of {word} is {right}."
    )


def _category(r: Random, facts: Facts) -> Question:
    category = r.choice(sorted(_CATEGORIES))
    right = r.choice(_CATEGORIES[category])
    wrong = [w for name, words in _CATEGORIES.items() if name != category for w in words]
    return _choose(
        r, "language", f"Which of these is {category}?", right, wrong, f"{right.capitalize()} is {category}."
    )


def _position(r: Random, facts: Facts) -> Question:
    words = r.sample(_WORDS, 4)
    at, name = r.choice([(0, "first"), (1, "second"), (2, "third"), (3, "last")])
    listed = ", ".join(words)
    return _choose(
        r,
        "lists",
        f"Which word is {name} in this list: {listed}?",
        words[at],
        words,
        f"The {name} word is {words[at]}.",
    )


def _largest(r: Random, facts: Facts) -> Question:
    numbers = r.sample(range(2, 60), 4)
    name, right = r.choice([("largest", max(numbers)), ("smallest", min(numbers))])
    texts = [str(n) for n in numbers]
    return _choose(r, "lists", f"Which number is the {name}?", str(right), texts, f"The {name} number is {right}.")


def _missing(r: Random, facts: Facts) -> Question:
    words = r.sample(_WORDS, 4)
    listed = ", ".join(words[:3])
    reason = f"The list has no {words[3]}."
    return _choose(r, "lists", f"Which word is not in this list: {listed}?", words[3], words, reason)


TASKS = {"facts": (_capital, _food), "language": (_opposite, _category), "lists": (_position, _largest, _missing)}


def draw_question(r: Random, facts: Facts, task: str | None = None) -> Question:
    """A question of `task` ("facts", "language", "lists"), or of any."""
    return r.choice(TASKS[task or r.choice(sorted(TASKS))])(r, facts)
