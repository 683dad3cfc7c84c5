"""The engine: runs checked programs of both languages over a toolbox."""

from vprog.engine.engine import Engine
from vprog.engine.settings import EngineSettings, Limits
from vprog.engine.task import Task

__all__ = ["Engine", "EngineSettings", "Limits", "Task"]
