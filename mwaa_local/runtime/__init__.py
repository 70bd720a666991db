"""Carries a plan out: what every runtime can do, the choice of one, and what they have in common."""
