"""Has moto's CloudFormation make stacks, in this process, then asks its services what came to be.

usage: moto_stacks.py < {"stacks": [{"name": ..., "template": ..., "parameters": {...}}], "stoodIn": [types]}

Prints JSON: the stacks' outputs, network, groups, database, tables, buckets, functions, and which of the types that were stood in
for moto knows after all. What CloudFormation names itself is told by its logical id, without the hash: `Store/OperationsGroup`.

moto's CloudFormation drops some properties that its services know. Those are given to the services by their own API, as
CloudFormation has resolved them; see `teach`.
"""

import io
import json
import os
import re
import sys
import warnings
import zipfile

os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1")

import boto3
from moto import mock_aws
import moto.cloudformation.parsing  # every model of every service
from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models.table import Table
from moto.ec2.models.security_groups import SecurityGroup
from moto.ec2.models.subnets import SubnetRouteTableAssociation
from moto.ec2.models.vpcs import VPC
from moto.rds.models import DBInstance
from moto.s3.models import FakeBucket

warnings.filterwarnings("error", message=".*not supported by moto.*")
ASSETS = "cdk-hnb659fds-assets-123456789012-us-east-1"


def client(service):
    return boto3.client(service)


# What moto's CloudFormation drops


def teach(model, finish):
    """Calls `finish(resource, properties)` when CloudFormation has made one."""
    create = model.create_from_cloudformation_json

    def created(cls, name, body, *arguments, **more):
        made = create(name, body, *arguments, **more)
        finish(made, body["Properties"])
        return made

    model.create_from_cloudformation_json = classmethod(created)


def permission(rule):
    peers = {}
    if "CidrIp" in rule:
        peers["IpRanges"] = [{"CidrIp": rule["CidrIp"]}]
    if "DestinationSecurityGroupId" in rule:
        peers["UserIdGroupPairs"] = [{"GroupId": rule["DestinationSecurityGroupId"]}]
    ports = {key: int(rule[key]) for key in ("FromPort", "ToPort") if key in rule}
    return {"IpProtocol": rule["IpProtocol"], **ports, **peers}


def finish_group(group, properties):
    rules = properties.get("SecurityGroupEgress")
    if rules is None:
        return
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client("ec2").revoke_security_group_egress(GroupId=group.id, IpPermissions=[everything])
    client("ec2").authorize_security_group_egress(GroupId=group.id, IpPermissions=[permission(rule) for rule in rules])


def finish_bucket(bucket, properties):
    block = properties.get("PublicAccessBlockConfiguration")
    if block:
        client("s3").put_public_access_block(Bucket=bucket.name, PublicAccessBlockConfiguration=block)


def finish_database(database, properties):
    settings = {
        "EnableIAMDatabaseAuthentication": properties.get("EnableIAMDatabaseAuthentication", False),
        "DeletionProtection": properties.get("DeletionProtection", False),
        "VpcSecurityGroupIds": properties["VPCSecurityGroups"],
    }
    client("rds").modify_db_instance(DBInstanceIdentifier=database.db_instance_identifier, ApplyImmediately=True, **settings)


def finish_table(table, properties):
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery:
        client("dynamodb").update_continuous_backups(TableName=table.name, PointInTimeRecoverySpecification=recovery)
    if properties.get("SSESpecification"):  # there is no call for it: CloudFormation's word for what the table looks for
        table.sse_specification["Enabled"] = properties["SSESpecification"]["SSEEnabled"]


def finish_vpc(vpc, properties):
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):  # one a call
        client("ec2").modify_vpc_attribute(VpcId=vpc.id, **{name: {"Value": properties.get(name, False)}})


def finish_association(association, properties):
    client("ec2").associate_route_table(RouteTableId=properties["RouteTableId"], SubnetId=properties["SubnetId"])


teach(SecurityGroup, finish_group)
teach(FakeBucket, finish_bucket)
teach(DBInstance, finish_database)
teach(Table, finish_table)
teach(VPC, finish_vpc)
teach(SubnetRouteTableAssociation, finish_association)


TAUGHT = {
    "AWS::EC2::SecurityGroupEgress": lambda rule: client("ec2").authorize_security_group_egress(
        GroupId=rule["GroupId"], IpPermissions=[permission(rule)]
    ),
    "AWS::S3::BucketPolicy": lambda policy: client("s3").put_bucket_policy(
        Bucket=policy["Bucket"], Policy=json.dumps(policy["PolicyDocument"])
    ),
}


def model(kind, make):
    """A type that moto's CloudFormation does not know: it finds them among the subclasses."""

    class Model(CloudFormationModel):
        __module__ = "moto.taught.models"  # moto reads the service out of it

        def __init__(self, name):
            self.physical_resource_id = name

        @staticmethod
        def cloudformation_name_type():
            return ""

        @staticmethod
        def cloudformation_type():
            return kind

        @classmethod
        def has_cfn_attr(cls, attribute):
            return False

        @classmethod
        def create_from_cloudformation_json(cls, name, body, *arguments, **more):
            make(body["Properties"])
            return cls(name)

    return Model


KNOWN = {each.cloudformation_type() for each in CloudFormationModel.__subclasses__()}
models = [model(kind, make) for kind, make in TAUGHT.items()]


def create(stack):
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    for key in re.findall(r'"S3Key":\s*"([^"]+)"', stack["template"]):
        client("s3").put_object(Bucket=ASSETS, Key=key, Body=empty.getvalue())
    client("cloudformation").create_stack(
        StackName=stack["name"],
        TemplateBody=stack["template"],
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in stack["parameters"].items()],
    )
    made = client("cloudformation").describe_stacks(StackName=stack["name"])["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in made.get("Outputs", [])}
    return {"status": made["StackStatus"], "outputs": outputs}


# What came to be


def named(tags):
    return {each["Key"]: each["Value"] for each in tags}


def logical(tags):
    of = named(tags)
    if "aws:cloudformation:logical-id" not in of:
        return None
    stack = of["aws:cloudformation:stack-name"].rsplit("-", 1)[-1].capitalize()
    return stack + "/" + re.sub(r"[0-9A-F]{8}$", "", of["aws:cloudformation:logical-id"])


def network():
    ec2 = client("ec2")
    vpcs = [each for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]]
    [vpc] = vpcs
    within = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    tables = ec2.describe_route_tables(Filters=within)["RouteTables"]
    subnets = ec2.describe_subnets(Filters=within)["Subnets"]
    gateways = ec2.describe_internet_gateways()["InternetGateways"]
    nats = ec2.describe_nat_gateways(Filter=within)["NatGateways"]
    names = {each["SubnetId"]: named(each["Tags"])["Name"] for each in subnets}
    kinds = {each["InternetGatewayId"]: "internet" for each in gateways}
    kinds |= {each["NatGatewayId"]: "nat in " + names[each["SubnetId"]] for each in nats}

    def ways_out(subnet):
        own = [t for t in tables if any(a.get("SubnetId") == subnet for a in t["Associations"])]
        routes = [route for table in own for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
        return [kinds[route.get("GatewayId") or route["NatGatewayId"]] for route in routes]

    return {
        "vpc": {
            "name": named(vpc["Tags"])["Name"],
            "range": vpc["CidrBlock"],
            "dns": [
                ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=name)[name[0].upper() + name[1:]]["Value"]
                for name in ("enableDnsSupport", "enableDnsHostnames")
            ],
        },
        "subnets": [
            {
                "name": names[each["SubnetId"]],
                "range": each["CidrBlock"],
                "zone": each["AvailabilityZone"],
                "givesPublicAddresses": each["MapPublicIpOnLaunch"],
                "waysOut": ways_out(each["SubnetId"]),
            }
            for each in sorted(subnets, key=lambda each: each["CidrBlock"])
        ],
        "internetGateways": [[a["VpcId"] == vpc["VpcId"] for a in each["Attachments"]] for each in gateways],
        "nats": [
            {"state": each["State"], "hasAddress": bool(each["NatGatewayAddresses"][0].get("PublicIp"))} for each in nats
        ],
        "endpoints": {
            each["ServiceName"]: len(each["RouteTableIds"]) for each in ec2.describe_vpc_endpoints(Filters=within)["VpcEndpoints"]
        },
        "flowLogs": [each["TrafficType"] for each in ec2.describe_flow_logs()["FlowLogs"]],
    }


def groups():
    found = client("ec2").describe_security_groups()["SecurityGroups"]
    ids = {each["GroupId"]: logical(each.get("Tags", [])) for each in found}

    def rules(permissions):
        return sorted(
            [peer, "all" if each["IpProtocol"] == "-1" else each["IpProtocol"], each.get("FromPort"), each.get("ToPort")]
            for each in permissions
            for peer in [r["CidrIp"] for r in each["IpRanges"]] + [ids[g["GroupId"]] for g in each["UserIdGroupPairs"]]
        )

    return {
        ids[each["GroupId"]]: {"in": rules(each["IpPermissions"]), "out": rules(each["IpPermissionsEgress"])}
        for each in found
        if ids[each["GroupId"]]
    }


def database(ids, names):
    [made] = client("rds").describe_db_instances()["DBInstances"]
    [parameters] = [
        client("rds").describe_db_parameters(DBParameterGroupName=each["DBParameterGroupName"])["Parameters"]
        for each in client("rds").describe_db_parameter_groups()["DBParameterGroups"]
        if not each["DBParameterGroupName"].startswith("default.")
    ]
    return {
        "engine": made["Engine"] + " " + made["EngineVersion"],
        "class": made["DBInstanceClass"],
        "storageGib": made["AllocatedStorage"],
        "address": made["Endpoint"]["Address"],
        "public": made["PubliclyAccessible"],
        "encrypted": made["StorageEncrypted"],
        "iam": made["IAMDatabaseAuthenticationEnabled"],
        "protected": made["DeletionProtection"],
        "multiAz": made["MultiAZ"],
        "backupDays": made["BackupRetentionPeriod"],
        "groups": [ids[each["VpcSecurityGroupId"]] for each in made["VpcSecurityGroups"]],
        "subnets": sorted(names[each["SubnetIdentifier"]] for each in made["DBSubnetGroup"]["Subnets"]),
        "parameters": {each["ParameterName"]: each["ParameterValue"] for each in parameters},
    }


def tables():
    dynamodb = client("dynamodb")

    def table(name):
        made = dynamodb.describe_table(TableName=name)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        return {
            "attributes": made["AttributeDefinitions"],
            "key": made["KeySchema"],
            "billing": made["BillingModeSummary"]["BillingMode"],
            "encryption": made.get("SSEDescription"),
            "protected": made["DeletionProtectionEnabled"],
            "restorable": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        }

    return {name: table(name) for name in dynamodb.list_tables()["TableNames"]}


def buckets():
    s3 = client("s3")
    names = [each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"] != ASSETS]
    return {
        name: {
            "encryption": s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"],
            "publicAccessBlock": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
            "policy": json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]),
        }
        for name in names
    }


def functions(ids, names):
    iam = client("iam")

    def policies(role):
        return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in iam.list_role_policies(RoleName=role)["PolicyNames"]]

    return {
        each["FunctionName"]: {
            "runtime": each["Runtime"],
            "timeout": each["Timeout"],
            "memory": each["MemorySize"],
            "environment": each["Environment"]["Variables"],
            "groups": [ids[group] for group in each["VpcConfig"]["SecurityGroupIds"]],
            "subnets": sorted(names[subnet] for subnet in each["VpcConfig"]["SubnetIds"]),
            "policies": policies(each["Role"].rsplit("/", 1)[-1]),
        }
        for each in client("lambda").list_functions()["Functions"]
    }


def main():
    order = json.load(sys.stdin)
    with mock_aws():
        client("s3").create_bucket(Bucket=ASSETS)
        stacks = {stack["name"]: create(stack) for stack in order["stacks"]}
        ids = {g["GroupId"]: logical(g.get("Tags", [])) for g in client("ec2").describe_security_groups()["SecurityGroups"]}
        names = {s["SubnetId"]: named(s.get("Tags", [])).get("Name") for s in client("ec2").describe_subnets()["Subnets"]}
        made = {
            "stacks": stacks,
            "knownAfterAll": sorted(KNOWN & set(order["stoodIn"])),
            "network": network(),
            "groups": groups(),
            "database": database(ids, names),
            "tables": tables(),
            "buckets": buckets(),
            "functions": functions(ids, names),
        }
    print(json.dumps(made))


main()
