"""The fields of a row of steps.jsonl: those of both engines, and no others."""

STEP_FIELDS = {
    "step", "pass_rate", "v_ans", "v_rea", "undecided", "no_verdict", "nll", "nll_p10", "nll_p50", "nll_p90", "r_dist",
    "r_div", "reward", "diversity", "diversity_groups", "groups", "groups_without_signal", "length", "length_passing",
    "truncated", "answer_alone", "copies", "different", "retokenized", "kl", "entropy", "clipped", "loss",
    "gradient_norm", "learning_rate", "canary_mismatch", "canary_shift", "seconds", "seconds_rollout", "seconds_gate",
    "seconds_nll", "seconds_embedding", "seconds_update", "seconds_save", "seconds_other", "tokens_per_second",
}  # fmt: skip
