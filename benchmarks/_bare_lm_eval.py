"""lm-eval with its own vLLM model on our tasks, as its command line would run them.

In:  python -m benchmarks._bare_lm_eval rows/ scores.json nano_facts nano_words     rows/nano_facts.jsonl, …
Out: {"nano_facts": 0.991, …}
"""

import json
import sys
from pathlib import Path

from benchmarks._bare_rewrite import MODEL
from tasks.evaluate.benchmark import FOLDER, TASK_PREFIX


def main() -> None:
    import lm_eval
    from lm_eval.tasks import TaskManager

    rows, out, new_tokens, *names = sys.argv[1:]
    metadata = {"rows": str(Path(rows).resolve())}
    options = {"dtype": "float32", "enforce_eager": True, "distributed_executor_backend": "uni"}
    results = lm_eval.simple_evaluate(
        model="vllm",
        model_args={"pretrained": str(MODEL), **options},
        tasks=[TASK_PREFIX + name for name in names],
        task_manager=TaskManager(include_path=str(FOLDER), include_defaults=False, metadata=metadata),
        batch_size="auto",
        apply_chat_template=True,
        gen_kwargs={"max_gen_toks": int(new_tokens)},
        log_samples=False,
        bootstrap_iters=0,
    )
    assert results is not None
    scores = {name: results["results"][TASK_PREFIX + name]["correct,none"] for name in names}
    Path(out).write_text(json.dumps(scores), encoding="utf-8")


if __name__ == "__main__":
    main()
