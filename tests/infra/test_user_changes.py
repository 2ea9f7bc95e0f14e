"""What a user changed, where the flow has changed meanwhile."""

from typing import Any

from infra.user_changes import _drop_unknown


def test_parameters_that_the_flow_no_longer_has_are_dropped_and_named() -> None:
    weekly: dict[str, Any] = {"slug": "weekly-rerun", "active": True, "parameters": {"seed": "next", "method": "sft"}}
    mine = {"parameters.seed": 3, "parameters.method": "dft", "schedules": [weekly], "paused": True}
    said = _drop_unknown(mine, {"parameter_openapi_schema": {"properties": {"seeds": {}, "method": {}}}})
    assert said == [
        "parameters.seed = 3 of the UI is dropped: the flow has no such parameter",
        'weekly-rerun\'s seed = "next" of the UI is dropped: the flow has no such parameter',
    ]
    assert mine == {
        "parameters.method": "dft",
        "schedules": [weekly | {"parameters": {"method": "sft"}}],
        "paused": True,
    }
