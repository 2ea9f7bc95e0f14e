"""nano's tokenizer: byte-level BPE over the world's words, whole numbers, and each fixed prompt text as one token.

`build_tokenizer(world)` → a fast tokenizer; the chat, as token ids:
    <|bos|> <|user|> {MATH_PREFIX} Ana has 7 plums ... <|end|> <|assistant|> First, 3 * 4 = 12 ... <|end|>
BOS comes from the chat template where a chat is rendered, from the TemplateProcessing post-processor where bare text
is encoded, never from both: `apply_chat_template` encodes its text without special tokens.
"""

from itertools import islice

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from infra.nano.world import World
from tasks.rows import prompts

BOS, END, PAD = "<|bos|>", "<|end|>", "<|pad|>"
ROLES = ["<|user|>", "<|assistant|>", "<|system|>"]
FIXED_TEXTS = [
    prompts.MATH_PREFIX,
    prompts.REWRITING_PREFIX,
    prompts.REWRITING_MIDDLE,
    prompts.GENERAL_PREFIX,
    prompts.GENERAL_MIDDLE,
]
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_SAMPLE = 30_000  # pretraining rows the vocabulary is counted on
# Words and numbers with the space before them; numbers of up to three digits stay whole.
_SPLIT = Regex(r" ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s")


def build_tokenizer(world: World) -> PreTrainedTokenizerFast:
    """Train the tokenizer on the world's texts (deterministic for a world)."""
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(_SPLIT, "isolated"), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        min_frequency=8,
        special_tokens=[PAD, BOS, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(world), trainer)
    fixed = [AddedToken(text, normalized=False, special=False) for text in FIXED_TEXTS]
    tokenizer.add_tokens(fixed)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=ROLES,
        chat_template=CHAT_TEMPLATE,
        model_max_length=world.config.context,
        clean_up_tokenization_spaces=False,
    )


def _texts(world: World) -> list[str]:
    texts = [" ".join(str(n) for n in range(200)), "{%s}" % "}{".join(str(n) for n in range(200))]  # noqa: UP031
    texts = texts * 10
    for row in islice(world.pretraining(), _SAMPLE):
        texts += [_without_fixed(row.prompt), row.target]
    for corpus in ("numinamath_cot", "open_math_reasoning"):
        for problem, solution in world.experts(corpus):
            texts += [problem.question, solution]
    return texts


def _without_fixed(prompt: str) -> str:
    for text in FIXED_TEXTS:
        prompt = prompt.replace(text, "")
    return prompt


def encode_chat(tokenizer: PreTrainedTokenizerFast, prompt: str, target: str) -> tuple[list[int], list[int]]:
    """Token ids of prompt (generation prompt included) and of target (end of turn included), tokenised apart."""
    return encode_prompt(tokenizer, prompt), tokenizer.encode(target + END, add_special_tokens=False)


def encode_prompt(tokenizer: PreTrainedTokenizerFast, prompt: str) -> list[int]:
    """Token ids of a chat of one user turn, up to where the assistant writes."""
    chat = [{"role": "user", "content": prompt}]
    return tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=True, return_dict=False)
