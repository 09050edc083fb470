"""The cycle model: when every beat of a design moves, without simulating what it carries."""

from flows.cycles.model import Model, State, Timing

__all__ = ["Model", "State", "Timing"]
