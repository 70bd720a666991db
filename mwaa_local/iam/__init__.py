"""What IAM policies grant, which actions a call of AWS needs, and the record of such calls.

The standard library alone, but for `credentials`, which needs botocore: programs of ours run these files by
interpreters that have nothing else of the package.
"""
