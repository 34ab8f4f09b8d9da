"""The switch riddle: prisoners who meet only through a light bulb have to know of each other."""

from native.names import Name

NAMES = (Name("switch_riddle_v1", ".switch_riddle:SwitchRiddle", "homogeneous"),)
