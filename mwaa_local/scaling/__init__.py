"""Scaling: how many workers a load asks for, within which bounds, and which of them may go. Pure."""
