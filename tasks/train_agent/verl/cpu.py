"""verl 0.9.1 on a machine without a GPU, for the tests: VERL_USE_EXTERNAL_MODULES names this module.

verl knows CUDA, ROCm and NPU. A platform called "cpu" registers here, in verl's own registry: tensors stay where they
are, processes talk over gloo, weights reach vLLM through shared memory, and Ray counts one GPU that is not there. Speed
is of no concern; everything else is what runs on GPUs: the same trainer, FSDP2, adapter hand-over and vLLM server.
"""

import contextlib
import types
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
import verl.utils.distributed
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def _zero(*args: Any, **kwargs: Any) -> int:
    return 0


def _device_module() -> types.ModuleType:
    """What verl asks of `torch.cuda`, for the CPU."""
    module: Any = types.ModuleType("torch_cpu")
    for name in ("empty_cache", "ipc_collect", "synchronize", "set_device", "reset_peak_memory_stats"):
        setattr(module, name, _nothing)
    for name in ("memory_allocated", "memory_reserved", "max_memory_allocated", "max_memory_reserved"):
        setattr(module, name, _zero)
    module.is_available = lambda: True
    module.device_count = lambda: 1
    module.current_device = lambda: "cpu"
    module.get_device_name = lambda *args: "cpu"
    module.mem_get_info = lambda *args: (1 << 30, 1 << 34)
    module.get_rng_state = lambda *args: torch.get_rng_state()
    module.set_rng_state = lambda state, *args: torch.set_rng_state(state)
    module.manual_seed = module.manual_seed_all = torch.manual_seed
    return module  # type: ignore[no-any-return]


@PlatformRegistry.register(platform="cpu")
class PlatformCPU(PlatformBase):
    """Every operation on a device does nothing."""

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = _device_module()

    def is_available(self) -> bool:
        return True

    def current_device(self) -> Any:
        return "cpu"  # verl writes `tensor.to(current_device())`

    def device_count(self) -> int:
        return 1

    set_device = synchronize = set_allocator_settings = empty_cache = _nothing
    profiler_start = profiler_stop = cudart = _nothing

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextlib.contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:
        yield

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return []

    def is_ipc_supported(self) -> bool:
        return False


_start_group = verl.utils.distributed.initialize_global_process_group_ray


def _gloo(timeout_second: timedelta | None = None, backend: str | None = None) -> None:
    """verl asks for "cpu:gloo,<device>:<backend>"; torch refuses a device that is named twice."""
    _start_group(timeout_second, backend or "gloo")


verl.utils.distributed.initialize_global_process_group_ray = _gloo
