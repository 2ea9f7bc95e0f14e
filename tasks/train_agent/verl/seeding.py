"""The seed of verl's processes, set where they import verl: VERL_USE_EXTERNAL_MODULES names this module.

verl 0.9.1 seeds its workers only in its mode of full determinism: without this, every run would begin with one adapter.
"""

import os

import torch

torch.manual_seed(int(os.environ["VERL_AGENT_SEED"]))
