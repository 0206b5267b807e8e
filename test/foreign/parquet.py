"""Reads a Parquet file from standard input with pyarrow and prints what it holds, exact values as text."""

import datetime
import decimal
import io
import json
import sys
import uuid

import pyarrow.parquet


def plain(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, decimal.Decimal):
        return {"decimal": format(value, "f")}
    if isinstance(value, datetime.datetime):
        return {"timestamp": value.isoformat(timespec="microseconds")}
    if isinstance(value, datetime.date):
        return {"date": value.isoformat()}
    if isinstance(value, uuid.UUID):
        return {"uuid": str(value)}
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"double": repr(value)}
    return {"other": str(value)}


source = io.BytesIO(sys.stdin.buffer.read())
table = pyarrow.parquet.read_table(source)
file = pyarrow.parquet.ParquetFile(source)
columns = file.metadata.num_columns
said = {
    "types": {field.name: str(field.type) + ("" if field.nullable else " not null") for field in table.schema},
    "physical": {c.name: str(c.physical_type) + " " + str(c.logical_type) for c in (file.schema.column(i) for i in range(columns))},
    "codecs": sorted({file.metadata.row_group(g).column(c).compression for g in range(file.num_row_groups) for c in range(columns)}),
    "rows": [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()],
}
json.dump(said, sys.stdout)
