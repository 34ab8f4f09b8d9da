"""Overcooked: cooks in a small kitchen make soup together, and are paid for what they serve."""

from native.names import Name

NAMES = (
    Name("overcooked_v1", ".overcooked_v1:Overcooked", "homogeneous", ("image",), 400),
    Name("overcooked_v2", ".overcooked_v2:Overcooked2", "homogeneous", ("image",), 400),
)
