"""How gateways answer on the unified wire: one file a shape, found by its name. A new file here is a new shape."""

from __future__ import annotations

from importlib import import_module

from sora2_provider.emulator.shapes.base import Shape


def load_shape(name: str) -> Shape:
    """Return the shape that the file of this name defines; ``settings.SHAPES`` lists the names."""
    shape: Shape = import_module(f"{__name__}.{name}").SHAPE
    return shape
