"""What a job does that has a token in a file and no keys. Arguments: the URL of the server; `role` for one that only reads."""

import sys

import boto3
from botocore.exceptions import ClientError


def code_of(action, **arguments):
    try:
        action(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("it was not refused")


s3 = boto3.client("s3", endpoint_url=sys.argv[1])
sts = boto3.client("sts", endpoint_url=sys.argv[1])
role = "developer" if len(sys.argv) > 2 else "self"
assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts:::assumed-role/{role}/job"

if role == "self":
    s3.create_bucket(Bucket="of-the-job")
    s3.put_object(Bucket="of-the-job", Key="k", Body=b"one")
    policy = (
        '{"Version":"2012-10-17","Statement":'
        '[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::of-the-job/*"}]}'
    )
    narrow = sts.assume_role(
        RoleArn="arn:aws:iam:::role/self", RoleSessionName="narrow", DurationSeconds=900, Policy=policy
    )["Credentials"]
    reader = boto3.client(
        "s3",
        endpoint_url=sys.argv[1],
        aws_access_key_id=narrow["AccessKeyId"],
        aws_secret_access_key=narrow["SecretAccessKey"],
        aws_session_token=narrow["SessionToken"],
    )
    assert reader.get_object(Bucket="of-the-job", Key="k")["Body"].read() == b"one"
    assert code_of(reader.put_object, Bucket="of-the-job", Key="k", Body=b"two") == "AccessDenied"
    assert code_of(sts.assume_role, RoleArn="arn:aws:iam:::role/admin", RoleSessionName="x1") == "AccessDenied"
else:
    assert s3.get_object(Bucket="of-the-job", Key="k")["Body"].read() == b"one"
    assert code_of(s3.put_object, Bucket="of-the-job", Key="k", Body=b"two") == "AccessDenied"
    assert code_of(s3.create_bucket, Bucket="of-the-role") == "AccessDenied"

print("all well")
