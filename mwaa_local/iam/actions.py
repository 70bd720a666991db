"""Which IAM actions an operation of AWS's API needs. Data: most operations are an action of the same name.

Source: the service authorization reference; for S3, "Required permissions for Amazon S3 API operations".
"""

from __future__ import annotations

from collections.abc import Mapping

# Signing name -> the prefix of its actions, where they differ (botocore's models; service authorization reference).
PREFIXES: Mapping[str, str] = {
    "cloudcontrolapi": "cloudformation",
    "iotdata": "iot",
    "iot-jobs-data": "iotjobsdata",
    "monitoring": "cloudwatch",
    "mturk-requester": "mechanicalturk",
    "tagging": "tag",
}
# Operations that need no permission at all.
FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
# Prefix -> operation -> actions; none for what other entries of this module say better.
ACTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bedrock": {
        "Converse": ("InvokeModel",),
        "ConverseStream": ("InvokeModelWithResponseStream",),
    },
    "s3": {
        "DeleteBucketAnalyticsConfiguration": ("PutAnalyticsConfiguration",),
        "GetBucketAnalyticsConfiguration": ("GetAnalyticsConfiguration",),
        "PutBucketAnalyticsConfiguration": ("PutAnalyticsConfiguration",),
        "DeleteBucketIntelligentTieringConfiguration": ("PutIntelligentTieringConfiguration",),
        "GetBucketIntelligentTieringConfiguration": ("GetIntelligentTieringConfiguration",),
        "PutBucketIntelligentTieringConfiguration": ("PutIntelligentTieringConfiguration",),
        "DeleteBucketInventoryConfiguration": ("PutInventoryConfiguration",),
        "GetBucketInventoryConfiguration": ("GetInventoryConfiguration",),
        "PutBucketInventoryConfiguration": ("PutInventoryConfiguration",),
        "DeleteBucketMetricsConfiguration": ("PutMetricsConfiguration",),
        "GetBucketMetricsConfiguration": ("GetMetricsConfiguration",),
        "PutBucketMetricsConfiguration": ("PutMetricsConfiguration",),
        "ListBucketAnalyticsConfigurations": ("GetAnalyticsConfiguration",),
        "ListBucketIntelligentTieringConfigurations": ("GetIntelligentTieringConfiguration",),
        "ListBucketInventoryConfigurations": ("GetInventoryConfiguration",),
        "ListBucketMetricsConfigurations": ("GetMetricsConfiguration",),
        "CompleteMultipartUpload": ("PutObject",),
        "CopyObject": ("PutObject",),
        "CreateMultipartUpload": ("PutObject",),
        "CreateSession": ("s3express:CreateSession",),
        "DeleteBucketCors": ("PutBucketCORS",),
        "DeleteBucketEncryption": ("PutEncryptionConfiguration",),
        "DeleteBucketOwnershipControls": ("PutBucketOwnershipControls",),
        "DeleteBucketLifecycle": ("PutLifecycleConfiguration",),
        "DeleteBucketReplication": ("PutReplicationConfiguration",),
        "DeleteBucketTagging": ("PutBucketTagging",),
        "DeletePublicAccessBlock": ("PutBucketPublicAccessBlock",),
        "GetBucketAccelerateConfiguration": ("GetAccelerateConfiguration",),
        "GetBucketCors": ("GetBucketCORS",),
        "GetBucketEncryption": ("GetEncryptionConfiguration",),
        "GetBucketLifecycle": ("GetLifecycleConfiguration",),
        "GetBucketLifecycleConfiguration": ("GetLifecycleConfiguration",),
        "GetBucketNotificationConfiguration": ("GetBucketNotification",),
        "GetObjectAttributes": ("GetObject", "GetObjectAttributes"),
        "GetBucketReplication": ("GetReplicationConfiguration",),
        "GetObjectLockConfiguration": ("GetBucketObjectLockConfiguration",),
        "GetPublicAccessBlock": ("GetBucketPublicAccessBlock",),
        "HeadBucket": ("ListBucket",),
        "HeadObject": ("GetObject",),
        "ListBuckets": ("ListAllMyBuckets",),
        "ListDirectoryBuckets": ("s3express:ListAllMyDirectoryBuckets",),
        "ListMultipartUploads": ("ListBucketMultipartUploads",),
        "ListObjectVersions": ("ListBucketVersions",),
        "ListObjects": ("ListBucket",),
        "ListObjectsV2": ("ListBucket",),
        "ListParts": ("ListMultipartUploadParts",),
        "PutBucketAccelerateConfiguration": ("PutAccelerateConfiguration",),
        "PutBucketCors": ("PutBucketCORS",),
        "PutBucketEncryption": ("PutEncryptionConfiguration",),
        "PutBucketLifecycle": ("PutLifecycleConfiguration",),
        "PutBucketLifecycleConfiguration": ("PutLifecycleConfiguration",),
        "PutBucketNotificationConfiguration": ("PutBucketNotification",),
        "PutBucketReplication": ("PutReplicationConfiguration",),
        "PutObjectLockConfiguration": ("PutBucketObjectLockConfiguration",),
        "PutPublicAccessBlock": ("PutBucketPublicAccessBlock",),
        "SelectObjectContent": ("GetObject",),
        "UploadPart": ("PutObject",),
        "UploadPartCopy": ("PutObject",),
    },
    "kms": {"ReEncrypt": ("ReEncryptFrom", "ReEncryptTo")},
    "lambda": {"Invoke": ("InvokeFunction",), "InvokeWithResponseStream": ("InvokeFunction",)},
    "sns": {"PublishBatch": ("Publish",)},
    "sqs": {
        "ChangeMessageVisibilityBatch": ("ChangeMessageVisibility",),
        "DeleteMessageBatch": ("DeleteMessage",),
        "SendMessageBatch": ("SendMessage",),
    },
}
# Operations of S3 -> what they need where they name a version of the object.
VERSION_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "DeleteObject": ("s3:DeleteObjectVersion",),
    "DeleteObjectTagging": ("s3:DeleteObjectVersionTagging",),
    "GetObject": ("s3:GetObjectVersion",),
    "GetObjectAcl": ("s3:GetObjectVersionAcl",),
    "GetObjectAttributes": ("s3:GetObjectVersion", "s3:GetObjectVersionAttributes"),
    "GetObjectTagging": ("s3:GetObjectVersionTagging",),
    "HeadObject": ("s3:GetObjectVersion",),
    "PutObjectAcl": ("s3:PutObjectVersionAcl",),
    "PutObjectTagging": ("s3:PutObjectVersionTagging",),
}
# Operations that hand a role to a service -> the parameters that name it; needs iam:PassRole on that role.
PASSED_ROLES: Mapping[str, tuple[str, ...]] = {
    "batch:RegisterJobDefinition": ("containerProperties.jobRoleArn", "containerProperties.executionRoleArn"),
    "cloudformation:CreateStack": ("RoleARN",),
    "cloudformation:UpdateStack": ("RoleARN",),
    "dms:CreateEndpoint": ("ServiceAccessRoleArn",),
    "ecs:RegisterTaskDefinition": ("taskRoleArn", "executionRoleArn"),
    "ecs:RunTask": ("overrides.taskRoleArn", "overrides.executionRoleArn"),
    "eks:CreateCluster": ("roleArn",),
    "eks:CreateNodegroup": ("nodeRole",),
    "elasticmapreduce:RunJobFlow": ("ServiceRole", "JobFlowRole", "AutoScalingRole"),
    "emr-containers:StartJobRun": ("executionRoleArn",),
    "emr-serverless:StartJobRun": ("executionRoleArn",),
    "glue:CreateCrawler": ("Role",),
    "glue:CreateJob": ("Role",),
    "glue:UpdateCrawler": ("Role",),
    "glue:UpdateJob": ("JobUpdate.Role",),
    "lambda:CreateFunction": ("Role",),
    "sagemaker:CreateModel": ("ExecutionRoleArn",),
    "sagemaker:CreateProcessingJob": ("RoleArn",),
    "sagemaker:CreateTrainingJob": ("RoleArn",),
    "scheduler:CreateSchedule": ("Target.RoleArn",),
    "states:CreateStateMachine": ("roleArn",),
}


def prefix_of(signing_name: str) -> str:
    """Return the prefix of a service's actions."""
    return PREFIXES.get(signing_name, signing_name)


def actions_of(prefix: str, operation: str) -> tuple[str, ...]:
    """Return the actions that an operation needs, with their prefix."""
    if f"{prefix}:{operation}" in FREE:
        return ()
    named = ACTIONS.get(prefix, {}).get(operation, (operation,))
    return tuple(name if ":" in name else f"{prefix}:{name}" for name in named)
