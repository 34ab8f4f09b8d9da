"""JaxNav: robots drive to their goals among walls, each by a lidar of its own."""

from native.names import Name

NAMES = (Name("jaxnav_v1", ".jaxnav:JaxNav", "homogeneous", ("continuous",), 500),)
