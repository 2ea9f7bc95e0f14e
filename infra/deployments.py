"""`python -m infra.deployments` writes infra/backbones/*.yaml into prefect.yaml, so that a deployment's run form opens
with its backbone's values. Everything else in prefect.yaml is written by hand and stays.

Comes in: infra/backbones/nano.yaml. Goes out: prefect.yaml's lines below `experiment:  # infra/backbones/nano.yaml`
(an anchor may stand between); below `experiment:  # infra/backbones/X.yaml + infra/presets/one_gpu.yaml` both, merged.
"""

import re
from textwrap import indent

import yaml

from flows.experiment import merged
from tasks.runtime.settings import ROOT

DEPLOYMENTS = ROOT / "prefect.yaml"

BLOCK = re.compile(
    r"^(?P<head>(?P<margin> +)experiment:[^#\n]*# (?P<file>infra/backbones/\S+)"
    r"(?: \+ (?P<preset>infra/presets/\S+))?\n)(?:(?P=margin) +.*\n|\n)*",
    re.MULTILINE,
)


def synced(text: str) -> str:
    """prefect.yaml's text with every experiment as its backbone's file has it.

    Raises:
        FileNotFoundError: a file that is named does not exist.
    """

    def block(found: re.Match[str]) -> str:
        text = (ROOT / found["file"]).read_text(encoding="utf-8")
        if found["preset"]:
            preset = (ROOT / found["preset"]).read_text(encoding="utf-8")
            text = yaml.safe_dump(merged(yaml.safe_load(text), yaml.safe_load(preset)), sort_keys=False)
        said = "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()
        return found["head"] + indent(said + "\n", found["margin"] + "  ")

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    before = DEPLOYMENTS.read_text(encoding="utf-8")
    after = synced(before)
    DEPLOYMENTS.write_text(after, encoding="utf-8")
    print("prefect.yaml: " + ("is as infra/backbones says" if before == after else "written anew from infra/backbones"))
