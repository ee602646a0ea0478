"""What workers and simulators import, so that the process they are forked from has it already."""

from __future__ import annotations

from importlib import import_module

for name in (
    "engine.callback_writer",
    "engine.callbacks",
    "engine.gateway.cloud_api",
    "engine.gateway.graph",
    "engine.gateway.simulator.__main__",
    "engine.gateway.simulator.scenario_file",
    "engine.gateway.simulator.server",
    "engine.service",
    "engine.sessions",
    "playhouse.db_url",
    "store.migrate",
    "tests.faults.hooks",
    "tui.cli.processes",
):
    import_module(name)
