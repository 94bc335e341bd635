"""What programs do with boto3. Arguments: the URL of the server, and the certificate to trust or nothing."""

import sys
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

s3 = boto3.client("s3", endpoint_url=sys.argv[1])


def code_of(action, **arguments):
    try:
        action(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("it was not refused")


s3.create_bucket(Bucket="boto")
s3.put_object(Bucket="boto", Key="a b+c/ü", Body=b"one", Metadata={"name": "value"})
got = s3.get_object(Bucket="boto", Key="a b+c/ü", ChecksumMode="ENABLED")
assert got["Body"].read() == b"one" and got["Metadata"] == {"name": "value"}
assert code_of(s3.put_object, Bucket="boto", Key="a b+c/ü", Body=b"two", IfNoneMatch="*") == "PreconditionFailed"
assert code_of(s3.get_object, Bucket="boto", Key="none") == "NoSuchKey"

large = bytes(range(256)) * 80_000
with open("boto-large", "wb") as file:
    file.write(large)
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
s3.upload_file("boto-large", "boto", "large", Config=parts)
s3.download_file("boto", "large", "boto-back", Config=parts)
with open("boto-back", "rb") as file:
    assert file.read() == large
s3.copy({"Bucket": "boto", "Key": "large"}, "boto", "copy", Config=parts)
assert s3.head_object(Bucket="boto", Key="copy")["ContentLength"] == len(large)

for number in range(25):
    s3.put_object(Bucket="boto", Key=f"list/{number:02}", Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="boto", Prefix="list/", PaginationConfig={"PageSize": 10})
assert [len(page["Contents"]) for page in pages] == [10, 10, 5]

trust = sys.argv[2:] and __import__("ssl").create_default_context(cafile=sys.argv[2]) or None
url = s3.generate_presigned_url("get_object", Params={"Bucket": "boto", "Key": "a b+c/ü"})
assert urllib.request.urlopen(url, context=trust).read() == b"one"

s3.put_bucket_versioning(Bucket="boto", VersioningConfiguration={"Status": "Enabled"})
s3.put_object(Bucket="boto", Key="list/00", Body=b"newer")
s3.delete_object(Bucket="boto", Key="list/00")
listed = s3.list_object_versions(Bucket="boto", Prefix="list/00")
assert len(listed["Versions"]) == 2 and listed["DeleteMarkers"][0]["IsLatest"]

boto3.resource("s3", endpoint_url=sys.argv[1]).Bucket("boto").object_versions.delete()
s3.delete_bucket(Bucket="boto")
assert code_of(s3.head_bucket, Bucket="boto") == "404"
