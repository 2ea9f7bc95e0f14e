"""A judge in an engine of the inference environment: a model of this machine, without a server.

In:  JudgeItem(id="gsm8k/3f2a", question="Natalia sold …", gold="…", solution="48/2 = 24, 48 + 24 = 72. \\boxed{72}")
Out: ReasoningVerdict(valid=True, first_wrong_step=None, reason="every step follows", judge="local/…")

The engine (local_judge_engine.py) loads the model once and answers block after block (engine_process.py).
Blocks run one after another: for batches, as at assembly. Beside GRPO a served model (kind openai) overlaps better.
"""

from collections.abc import Sequence

from tasks.runtime.settings import settings
from tasks.verify.judges.canaries import CANARIES, JudgeUnavailable, require_verdicts
from tasks.verify.judges.child import device_environment
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.engine_process import EngineProcess
from tasks.verify.judges.judge_prompt import ReplyError, messages, read_reply
from tasks.verify.judges.local_judge_engine import LocalJudgeSpec
from tasks.verify.judges.votes import Vote, decide, wanted
from tasks.verify.types import JudgeItem, ReasoningVerdict, Usage


class LocalJudge:
    """Asks a local model; thread-safe (blocks of several threads take turns). A context manager.

    An engine that dies or does not answer a block within `deadline_s` is ended, the block's rows have no verdict, and
    the next call starts it anew.
    """

    def __init__(self, config: JudgeConfig) -> None:
        self.config, self.name = config, config.model_identity()
        self.usage = Usage()
        spec = LocalJudgeSpec(
            model=config.model,
            revision=config.revision,
            backend=config.backend,
            cuda=settings().cuda(),
            context=config.context,
            sequences=config.concurrency,
            tensor_parallel=config.tensor_parallel,
            temperature=config.sampling_temperature,
            max_tokens=config.max_tokens,
        )
        self.engine = EngineProcess(
            "tasks.verify.judges.local_judge_engine",
            spec,
            device_environment(config.model, config.gpus) | {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"},
            name=f"local judge {config.model}",
            startup_s=config.startup_s,
            deadline_s=config.deadline_s,
        )

    def __enter__(self) -> "LocalJudge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the engine."""
        self.engine.close()

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        """One verdict an item, in order."""
        votes = self.config.votes
        given: list[list[Vote]] = [[] for _ in items]
        failures: list[list[str]] = [[] for _ in items]
        asked = [0] * len(items)
        while True:
            calls = []
            for at in range(len(items)):
                number = wanted(given[at], asked[at], votes)
                calls += [(at, asked[at] + more) for more in range(number)]
                asked[at] += number
            if not calls:
                break
            for start_at in range(0, len(calls), self.config.concurrency):
                block = calls[start_at : start_at + self.config.concurrency]
                for (at, _), reply in zip(block, self._ask([(items[at], vote) for at, vote in block]), strict=True):
                    if isinstance(reply, str):
                        failures[at].append(reply)
                    else:
                        given[at].append(reply)
        return [decide(given[at], failures[at], votes, self.name) for at in range(len(items))]

    def check(self) -> None:
        """Start the engine and ask it for a verdict.

        Raises:
            JudgeUnavailable: it does not start, or gives none.
        """
        self.engine.start()
        require_verdicts(self.judge(CANARIES), f"local judge {self.config.model}")

    def _ask(self, calls: Sequence[tuple[JudgeItem, int]]) -> list[Vote | str]:
        request = [{"messages": messages(item, vote, self.config.rubric), "seed": 1000 * vote} for item, vote in calls]
        try:
            answers = self.engine.ask(request)
        except (OSError, ValueError, JudgeUnavailable) as error:
            return [f"the engine gave no answer: {error}"] * len(calls)
        votes: list[Vote | str] = []
        for answer in answers:
            self.usage.calls += 1
            self.usage.prompt_tokens += answer["prompt_tokens"]
            self.usage.completion_tokens += answer["completion_tokens"]
            try:
                votes.append(answer["error"] if answer["text"] is None else read_reply(answer["text"]))
            except ReplyError as error:
                votes.append(str(error))
        return votes
