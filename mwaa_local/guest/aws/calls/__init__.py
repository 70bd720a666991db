"""What an environment's tasks call: noted, and where it is wished refused as AWS refuses it.

moto's own check of policies is not used: it looks at no conditions, and refuses what is granted on a resource.
"""
