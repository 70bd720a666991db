"""The startup script: run it, judge how it ended, try it without an environment."""
