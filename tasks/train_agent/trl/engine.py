"""The TRL engine: GRPO of the agent in one process, on a CPU or a GPU (TRL 1.16's GRPOTrainer with PEFT).

In:  a spec (tasks/train_agent/spec.py)
Out: adapter/       the agent, a PEFT folder
     steps.jsonl    a row a step (tasks/train_agent/step_log.py), seconds by part
     samples.jsonl  rewrites of some steps
     scratch/trainer/checkpoint-N, from which a killed attempt resumes; scratch/metrics.json
"""

from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.score.embeddings import Embedder
from tasks.score.load import context_of, load_backbone
from tasks.score.nll import NLLScorer
from tasks.train_agent.adapter import save_adapter
from tasks.train_agent.group_reward import GroupReward, experts
from tasks.train_agent.rows import enough_rows
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.step_log import summary
from tasks.train_agent.trl.trainer import AgentTrainer
from tasks.verify.fitness import require_self_fit
from tasks.verify.gate import read_of


def main() -> None:
    spec = read_spec(TrainSpec)
    config = spec.config
    chat = ChatTokens(spec.backbone)
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    context = context_of(model.config)
    rows, counts = enough_rows(spec, chat, context)
    steps = config.steps or counts.kept // config.prompts_per_step
    with ExitStack() as stack:

        def make_reward(policy: Any) -> GroupReward:
            """The gate and the NLL ask the trained model itself, with its adapter disabled."""
            read = read_of(config.gate, policy, spec.backbone)
            verifier = stack.enter_context(config.gate.open(spec.backbone, read))
            require_self_fit(config.gate, verifier.judge, experts(rows))
            by_id, embedder = {row.id: row for row in rows}, Embedder(spec.embedder, spec.cuda)
            scorer = NLLScorer.from_model(policy, chat)
            return GroupReward(config.reward, config.candidates, by_id, verifier, scorer, embedder)

        trainer = AgentTrainer(spec, model, chat, rows, steps, make_reward)
        trainer.train(resume_from_checkpoint=trainer.last_checkpoint())
    save_adapter(trainer.accelerator.unwrap_model(trainer.model), spec.out / "adapter")
    metrics = asdict(counts) | summary(trainer.step_log.rows())
    metrics["dtype"] = resolve(config.dtype, spec.backbone, spec.cuda)
    write_metrics(spec.out, metrics)


if __name__ == "__main__":
    main()
