"""What IAM policies grant, which actions a call of AWS needs, and the record of such calls.

The standard library alone: the local AWS runs these files by an interpreter that has nothing else of ours.
"""
