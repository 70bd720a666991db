"""Which of botocore's models may have a request's operation, where that is told by path and method. Data.

Written from botocore's models: those of the protocols REST-JSON and REST-XML, by the name that requests are signed for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Signing name -> folders of models, where they are not one of that name.
MODELS: Mapping[str, Sequence[str]] = {
    "access-analyzer": ("accessanalyzer",),
    "account-access": (
        "account-access",
        "account-access-runtime",
    ),
    "agent-registry": (
        "agent-registry",
        "agent-registry-control",
    ),
    "aidevops": ("devops-agent",),
    "airflow": ("mwaa",),
    "apigateway": (
        "apigateway",
        "apigatewayv2",
    ),
    "app-integrations": ("appintegrations",),
    "appconfig": (
        "appconfig",
        "appconfigdata",
    ),
    "application-cost-profiler": ("applicationcostprofiler",),
    "aps": ("amp",),
    "aws-marketplace": (
        "marketplace-catalog",
        "marketplace-deployment",
        "marketplace-discovery",
        "marketplace-reporting",
    ),
    "awsssoportal": ("sso",),
    "backup-search": ("backupsearch",),
    "bedrock": (
        "bedrock",
        "bedrock-agent",
        "bedrock-agent-runtime",
        "bedrock-data-automation",
        "bedrock-runtime",
    ),
    "bedrock-agentcore": (
        "bedrock-agentcore",
        "bedrock-agentcore-control",
    ),
    "cases": ("connectcases",),
    "chime": (
        "chime",
        "chime-sdk-identity",
        "chime-sdk-media-pipelines",
        "chime-sdk-meetings",
        "chime-sdk-messaging",
        "chime-sdk-voice",
    ),
    "cleanrooms-ml": ("cleanroomsml",),
    "cloudsearch": ("cloudsearchdomain",),
    "codeguru-profiler": ("codeguruprofiler",),
    "connect": (
        "connect",
        "connect-contact-lens",
        "connectscheduling",
    ),
    "connect-campaigns": (
        "connectcampaigns",
        "connectcampaignsv2",
    ),
    "elasticfilesystem": ("efs",),
    "elemental-inference": ("elementalinference",),
    "end-user-messaging": ("endusermessaging",),
    "es": (
        "es",
        "opensearch",
    ),
    "execute-api": (
        "apigatewaymanagementapi",
        "connectparticipant",
    ),
    "geo": ("location",),
    "greengrass": (
        "greengrass",
        "greengrassv2",
    ),
    "health-agent": ("connecthealth",),
    "iam": ("iam-toolbox",),
    "iotdata": ("iot-data",),
    "iotmanagedintegrations": ("iot-managed-integrations",),
    "ivs": (
        "ivs",
        "ivs-realtime",
    ),
    "kinesisvideo": (
        "kinesis-video-archived-media",
        "kinesis-video-media",
        "kinesis-video-signaling",
        "kinesis-video-webrtc-storage",
        "kinesisvideo",
    ),
    "lambda": (
        "lambda",
        "lambda-core",
        "lambda-microvms",
        "lambda-web",
    ),
    "launchwizard": ("launch-wizard",),
    "lex": (
        "lex-models",
        "lex-runtime",
        "lexv2-models",
        "lexv2-runtime",
    ),
    "mediastore": ("mediastore-data",),
    "migrationhub-orchestrator": ("migrationhuborchestrator",),
    "migrationhub-strategy": ("migrationhubstrategy",),
    "mobiletargeting": ("pinpoint",),
    "neptune-db": ("neptunedata",),
    "notifications-contacts": ("notificationscontacts",),
    "payment-cryptography": ("payment-cryptography-data",),
    "personalize": (
        "personalize-events",
        "personalize-runtime",
    ),
    "pricingplanmanager": ("pricing-plan-manager",),
    "profile": ("customer-profiles",),
    "refactor-spaces": ("migration-hub-refactor-spaces",),
    "resiliencehub": (
        "resiliencehub",
        "resiliencehubv2",
    ),
    "s3": (
        "s3",
        "s3control",
    ),
    "s3-outposts": ("s3outposts",),
    "sagemaker": (
        "sagemaker-a2i-runtime",
        "sagemaker-edge",
        "sagemaker-featurestore-runtime",
        "sagemaker-inference-router-runtime",
        "sagemaker-metrics",
        "sagemaker-runtime",
        "sagemakerjobruntime",
        "sagemakertrainingsessionruntime",
    ),
    "scn": ("supplychain",),
    "sdb": ("simpledbv2",),
    "servicecatalog": ("servicecatalog-appregistry",),
    "ses": (
        "pinpoint-email",
        "sesv2",
    ),
    "signer": (
        "signer",
        "signer-data",
    ),
    "sms-voice": (
        "pinpoint-sms-voice",
        "sms-voice",
    ),
    "social-messaging": ("socialmessaging",),
    "sso-oauth": ("sso-oidc",),
    "supportapp": ("support-app",),
    "tax": ("taxsettings",),
    "thinclient": ("workspaces-thin-client",),
    "wisdom": (
        "qconnect",
        "wisdom",
    ),
}


def models_of(signing_name: str) -> Sequence[str]:
    return MODELS.get(signing_name, (signing_name,))
