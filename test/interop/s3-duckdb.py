"""What DuckDB does with S3. Arguments: the host and port of the server, the certificate to trust or nothing."""

import os
import sys

import duckdb
import duckdb_extension_httpfs

host, *trust = sys.argv[1:]
folder = os.path.join(os.path.dirname(duckdb_extension_httpfs.__file__), "extensions")
extension = os.path.join(folder, "v" + duckdb.__version__, "httpfs.duckdb_extension")

db = duckdb.connect()
db.load_extension(extension)
if trust:
    db.sql(f"SET ca_cert_file = '{trust[0]}'")
    db.sql("SET enable_server_cert_verification = true")
db.sql(
    f"""CREATE SECRET (TYPE s3, KEY_ID '{os.environ["AWS_ACCESS_KEY_ID"]}',
    SECRET '{os.environ["AWS_SECRET_ACCESS_KEY"]}', REGION 'us-east-1', ENDPOINT '{host}',
    URL_STYLE 'path', USE_SSL {"true" if trust else "false"})"""
)

rows = 2_000_000
db.sql(f"COPY (SELECT i AS id, hash(i) AS value FROM range({rows}) t(i)) TO 's3://duckdb/all.parquet'")
assert db.sql("SELECT count(*), sum(id) FROM 's3://duckdb/all.parquet'").fetchone() == (rows, rows * (rows - 1) // 2)
assert db.sql("SELECT id FROM 's3://duckdb/all.parquet' WHERE id = 1234567").fetchall() == [(1234567,)]

db.sql(
    "COPY (SELECT i AS id, i % 3 AS part FROM range(3000) t(i)) TO 's3://duckdb/parts' (FORMAT csv, PARTITION_BY part)"
)
counted = "SELECT part, count(*) FROM read_csv('s3://duckdb/parts/*/*.csv', hive_partitioning = true) GROUP BY part"
assert sorted(db.sql(counted).fetchall()) == [(0, 1000), (1, 1000), (2, 1000)]
assert len(db.sql("SELECT file FROM glob('s3://duckdb/**/*.csv')").fetchall()) == 3
