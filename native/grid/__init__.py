"""Games on a grid."""

from native.names import Name

NAMES = (Name("causeway_v0", ".causeway:Causeway", "homogeneous", ("masks", "nested"), 30),)
