"""What `make up` remembers beyond its end."""

from pathlib import Path

import pytest

from infra.up_state import port_of_before, remember_port


def test_the_dashboards_port_outlives_down_and_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    assert port_of_before(4300) == 4300
    remember_port(35127)
    assert port_of_before(4300) == 35127
    (tmp_path / "dashboard.port").write_text("")
    assert port_of_before(4300) == 4300
