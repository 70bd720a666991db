"""The runtime of plain processes under our own supervisor."""
