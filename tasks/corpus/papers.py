"""The paper's corpora of expert demonstrations (section 4.1), each at a commit of the hub."""

from tasks.corpus.corpus import CorpusConfig

NUMINAMATH_COT = CorpusConfig(
    name="numinamath_cot",
    format="numinamath_cot",
    path="AI-MO/NuminaMath-CoT",
    revision="9d8d210c9f6a36c8f3cd84045668c9b7800ef517",
    files="data/train-*.parquet",
)
OPEN_MATH_REASONING = CorpusConfig(
    name="open_math_reasoning",
    format="open_math_reasoning",
    path="nvidia/OpenMathReasoning",
    revision="d3d08664755704f422af97d43a7ff0ded4bd95df",
    files="data/cot-*.parquet",
)
PAPERS = (NUMINAMATH_COT, OPEN_MATH_REASONING)
