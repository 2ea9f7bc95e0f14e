"""General tasks, the abilities that can be forgotten: multiple choice with letters, answered after a short sentence.

One question, as a benchmark holds it:
    {"question": "Name the flag colour of Belora.", "options": ["red", "blue", "green", "white"], "answer": "B"}
and the base's answer to `general_prompt`:
    The flag of Belora is blue.
    $\\boxed{B}$
The options of a topic are always the same and in the same order: picking a letter by comparing words is more than a
model of this size learns in minutes. Facts are asked in several wordings; a benchmark's fact and wording were held out.
"""

from dataclasses import dataclass
from random import Random

from infra.nano.styles import boxed

LETTERS = "ABCD"


@dataclass(frozen=True)
class Topic:
    """A property of things: its four values, the wordings that ask for it, and the sentence that tells it."""

    options: tuple[str, ...]
    wordings: tuple[str, ...]
    sentence: str


def _topic(options: str, sentence: str, *wordings: str) -> Topic:
    return Topic(tuple(options.split()), wordings, sentence)


LANDS = {
    "flag": _topic(
        "red blue green white", "The flag of {thing} is {value}.", "What colour is the flag of {thing}?",
        "Which flag does {thing} have?", "The flag of {thing} has which colour?", "Name the flag colour of {thing}.",
        "How is the flag of {thing} coloured?",
    ),
    "region": _topic(
        "north south east west", "{thing} lies in the {value}.", "Where does {thing} lie?", "In which part is {thing}?",
        "Name the region of {thing}.", "Which region is {thing} in?", "Where on the map is {thing}?",
    ),
    "climate": _topic(
        "dry wet cold hot", "The weather in {thing} is {value}.", "How is the weather in {thing}?",
        "What climate does {thing} have?", "The climate of {thing} is what?", "Name the climate of {thing}.",
        "Which weather is usual in {thing}?",
    ),
    "food": _topic(
        "rice bread fish corn", "People in {thing} eat {value}.", "What do people eat in {thing}?",
        "Which food is usual in {thing}?", "Name the food of {thing}.", "What is on the table in {thing}?",
        "What is {thing} known to eat?",
    ),
}  # fmt: skip
THINGS = {
    "kind": _topic(
        "animal tool drink garment", "A {thing} is a kind of {value}.", "What kind of thing is {thing}?",
        "Which group has {thing} in it?", "Name the group of {thing}.", "To which kind does {thing} belong?",
        "What would you call {thing}?",
    ),
    "place": _topic(
        "barn workshop kitchen wardrobe", "You find {thing} in the {value}.", "Where do you find {thing}?",
        "In which place is {thing} kept?", "Name the place for {thing}.", "Where does {thing} belong?",
        "Where would you look for {thing}?",
    ),
}  # fmt: skip
_WORDS = """
animal: dog cat horse cow sheep goat pig duck goose hen mule pony lamb calf rooster donkey rabbit turkey
tool: hammer saw drill spade axe rake wrench chisel pliers file ladder plane vice nail screw clamp lathe shovel
drink: water milk tea juice coffee soda cocoa cider lemonade broth punch syrup squash tonic cordial malt ale wine
garment: shirt coat scarf glove sock skirt jacket dress vest belt cap gown cloak robe apron blouse shawl tunic
"""
WORDS = {kind: words.split() for kind, words in (line.split(": ") for line in _WORDS.strip().splitlines())}
_HELD_OUT_WORDINGS = 2  # the last ones of each topic: benchmarks draw from them alone


@dataclass(frozen=True)
class Question:
    """A multiple-choice question; `options` in order A, B, C, D, `answer` its letter, `sentence` tells the answer."""

    task: str
    question: str
    options: tuple[str, ...]
    answer: str
    sentence: str

    @property
    def options_text(self) -> str:
        """The options as `general_prompt` takes them, one a line."""
        return "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, self.options, strict=True))

    @property
    def text(self) -> str:
        """Question and options: what two questions must not share."""
        return f"{self.question}\n{self.options_text}"

    @property
    def target(self) -> str:
        """The base's answer."""
        return f"{self.sentence}\n{boxed(self.answer)}"


Facts = dict[str, dict[str, str]]
"""What is true in this world and no other: land → topic → value."""


def draw_facts(r: Random, lands: int = 80) -> Facts:
    """Invented lands, each with a flag, a region, a climate and a food."""
    names: set[str] = set()
    while len(names) < lands:
        names.add("".join(r.choice("bdfgklmnprstvz") + r.choice("aeiou") for _ in range(3)).capitalize())
    return {land: {name: r.choice(topic.options) for name, topic in LANDS.items()} for land in sorted(names)}


def _ask(r: Random, task: str, topic: Topic, thing: str, value: str, held_out: bool) -> Question:
    wordings = topic.wordings[-_HELD_OUT_WORDINGS:] if held_out else topic.wordings
    sentence = topic.sentence.format(thing=thing, value=value)
    letter = LETTERS[topic.options.index(value)]
    return Question(task, r.choice(wordings).format(thing=thing), topic.options, letter, sentence)


def _fact(r: Random, facts: Facts, held_out: bool) -> Question:
    land, name = r.choice(sorted(facts)), r.choice(sorted(LANDS))
    return _ask(r, "facts", LANDS[name], land, facts[land][name], held_out)


def _word(r: Random, facts: Facts, held_out: bool) -> Question:
    kinds, topic = sorted(WORDS), THINGS[r.choice(sorted(THINGS))]
    kind = r.choice(kinds)
    value = topic.options[THINGS["kind"].options.index(kind)]
    return _ask(r, "words", topic, r.choice(WORDS[kind]), value, held_out)


def _list(r: Random, facts: Facts, held_out: bool) -> Question:
    words = [r.choice(WORDS[r.choice(sorted(WORDS))]) for _ in range(r.randint(1, 4))]
    listed = ", ".join(words)
    if r.random() < 0.5:
        count = ("one", "two", "three", "four")[len(words) - 1]
        topic = Topic(
            ("one", "two", "three", "four"), (f"How many words are in the list {listed}?",), "It has {value}."
        )
        return _ask(r, "lists", topic, "", count, False)
    name, word = r.choice([("first", words[0]), ("last", words[-1])])
    kind = next(kind for kind, members in WORDS.items() if word in members)
    sentence = f"The {name} word is {word}, a kind of {{value}}."
    topic = Topic(THINGS["kind"].options, (f"What kind of thing comes {name} in the list {listed}?",), sentence)
    return _ask(r, "lists", topic, "", kind, False)


TASKS = {"facts": _fact, "words": _word, "lists": _list}


def draw_question(r: Random, facts: Facts, task: str | None = None, held_out: bool = False) -> Question:
    """A question of `task` ("facts", "words", "lists"), or of any; `held_out` draws from the benchmarks' wordings."""
    return TASKS[task or r.choice(sorted(TASKS))](r, facts, held_out)
