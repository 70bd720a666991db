// A stack as users write one for MWAA, with nothing in it for an AWS on this machine.
// Each package by itself: all of aws-cdk-lib takes node much longer to read.
const { App, CfnOutput, RemovalPolicy, Stack } = require('aws-cdk-lib/core');
const ec2 = require('aws-cdk-lib/aws-ec2');
const iam = require('aws-cdk-lib/aws-iam');
const mwaa = require('aws-cdk-lib/aws-mwaa');
const s3 = require('aws-cdk-lib/aws-s3');
const ssm = require('aws-cdk-lib/aws-ssm');

const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const stack = new Stack(app, 'Airflow', { env });

const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 1 });
const group = new ec2.SecurityGroup(stack, 'Group', { vpc });
group.addIngressRule(group, ec2.Port.allTraffic());

const bucket = new s3.Bucket(stack, 'Bucket', {
  versioned: true,
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
  removalPolicy: RemovalPolicy.DESTROY,
});

const role = new iam.Role(stack, 'Role', {
  assumedBy: new iam.CompositePrincipal(
    new iam.ServicePrincipal('airflow.amazonaws.com'),
    new iam.ServicePrincipal('airflow-env.amazonaws.com'),
  ),
});
bucket.grantRead(role);
const grant = (actions, resources) => role.addToPolicy(new iam.PolicyStatement({ actions, resources }));
grant(['logs:DescribeLogGroups', 's3:GetAccountPublicAccessBlock', 'cloudwatch:PutMetricData'], ['*']);
grant(['logs:Create*', 'logs:PutLogEvents', 'logs:Get*'], [`arn:aws:logs:${env.region}:*:log-group:airflow-*`]);
grant(['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:Get*', 'sqs:ReceiveMessage', 'sqs:SendMessage'],
  [`arn:aws:sqs:${env.region}:*:airflow-celery-*`]);
grant(['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey*', 'kms:Encrypt'], ['*']);

// Without a dependency on the role's policy, which the service waits for.
const environment = new mwaa.CfnEnvironment(stack, 'Environment', {
  name: 'from-cdk',
  airflowVersion: app.node.tryGetContext('airflow'),
  dagS3Path: 'dags',
  executionRoleArn: role.roleArn,
  sourceBucketArn: bucket.bucketArn,
  airflowConfigurationOptions: {
    'core.parallelism': Number(app.node.tryGetContext('parallelism')),
    'core.dags_are_paused_at_creation': false,
  },
  networkConfiguration: {
    subnetIds: vpc.selectSubnets({ subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS }).subnetIds,
    securityGroupIds: [group.securityGroupId],
  },
  loggingConfiguration: { taskLogs: { enabled: true, logLevel: 'INFO' } },
  webserverAccessMode: 'PUBLIC_ONLY',
});
new ssm.StringParameter(stack, 'Url', { parameterName: '/airflow/url', stringValue: environment.attrWebserverUrl });
new CfnOutput(stack, 'Arn', { value: environment.attrArn });
