"""Clients that nobody here wrote, for the integration tests: kafka-python produces, boto3 and pg8000 read.

usage: clients.py produce < {"bootstrap": ..., "topic": ..., "messages": [{"key": b64 | null, "value": b64 | null}]}
       clients.py read    < what `weirhouse status --json` prints

`read` prints {"postgres": [...], "s3": [...], "dynamodb": [...]}: rows of the first pipeline, values as JSON.
"""

import base64
import decimal
import gzip
import json
import sys
import urllib.parse

import boto3
import boto3.dynamodb.types
import kafka
import pg8000.native
from botocore.config import Config


def produce(order):
    producer = kafka.KafkaProducer(bootstrap_servers=order["bootstrap"].split(","), acks="all")
    raw = lambda text: None if text is None else base64.b64decode(text)
    sent = [producer.send(order["topic"], key=raw(m["key"]), value=raw(m["value"])) for m in order["messages"]]
    for future in sent:
        future.get(timeout=30)
    producer.close()
    print(len(sent))


def client(service, target):
    return boto3.client(
        service,
        endpoint_url=target["endpoint"],
        region_name=target["region"],
        aws_access_key_id=target["accessKeyId"],
        aws_secret_access_key=target["secretAccessKey"],
        config=Config(s3={"addressing_style": "path"}),
    )


def read_postgres(status, pipeline):
    url = urllib.parse.urlparse(status["postgres"]["url"])
    connection = pg8000.native.Connection(
        url.username, host=url.hostname, port=url.port, database=url.path[1:], password=urllib.parse.unquote(url.password)
    )
    rows = connection.run(
        'select topic, partition, "offset", timestamp, key, kind, value::text from ' + pipeline["table"]
    )
    connection.close()
    names = ["topic", "partition", "offset", "timestamp", "key", "kind"]
    return [dict(zip(names, row), value=None if row[6] is None else json.loads(row[6])) for row in rows]


def read_s3(status, pipeline):
    s3 = client("s3", status["s3"])
    rows = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=pipeline["bucket"], Prefix=pipeline["prefix"]):
        for found in page.get("Contents", []):
            body = s3.get_object(Bucket=pipeline["bucket"], Key=found["Key"])["Body"].read()
            rows += [json.loads(line) for line in gzip.decompress(body).decode("utf-8").split("\n") if line]
    return rows


def read_dynamodb(status, pipeline):
    dynamodb = client("dynamodb", status["dynamodb"])
    plain = boto3.dynamodb.types.TypeDeserializer()
    rows = []
    for page in dynamodb.get_paginator("scan").paginate(TableName=pipeline["dynamodbTable"], ConsistentRead=True):
        for item in page["Items"]:
            row = {name: plain.deserialize(value) for name, value in item.items()}
            rows.append({name: value for name, value in row.items() if not name.startswith("_")})
    return rows


def number(value):
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value))


def read(status):
    pipeline = status["pipelines"][0]
    readers = {"postgres": read_postgres, "s3": read_s3, "dynamodb": read_dynamodb}
    print(json.dumps({store: reader(status, pipeline) for store, reader in readers.items()}, default=number))


if __name__ == "__main__":
    {"produce": produce, "read": read}[sys.argv[1]](json.load(sys.stdin))
