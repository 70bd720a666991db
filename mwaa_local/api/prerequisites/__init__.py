"""What MWAA needs of a bucket, a role, a key and a network, looked for in the AWS of this machine.

MWAA tells of a bucket and of a role at the call, and of a network by one error for everything, long after it. So here;
what it does not tell stands in the environment's events.
"""
