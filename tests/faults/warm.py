"""What workers and simulators import, so that the process they are forked from has it already."""

from __future__ import annotations

import playhouse.db_url  # noqa: F401

import engine.callback_writer
import engine.callbacks
import engine.gateway.cloud_api
import engine.gateway.graph
import engine.gateway.simulator.__main__
import engine.gateway.simulator.scenario_file
import engine.gateway.simulator.server
import engine.service
import engine.sessions
import engine.worker
import store.migrate
import tests.faults.hooks
import tui.cli
import tui.cli.processes  # noqa: F401
