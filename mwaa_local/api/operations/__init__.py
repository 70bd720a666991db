"""What each operation does: one function each, `(call, face) -> members of the answer`."""
