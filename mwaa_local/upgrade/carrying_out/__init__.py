"""Carrying an upgrade out: in steps that are written down first, so that a killed one is finished or undone."""
