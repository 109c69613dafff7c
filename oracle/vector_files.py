"""Writes the Parquet files of search/vectors/testdata, as pyarrow writes them: python oracle/vector_files.py"""

import datetime
import pathlib

import pyarrow
import pyarrow.parquet

HERE = pathlib.Path(__file__).parent.parent / "search" / "vectors" / "testdata"


def write(name, columns, **options):
    pyarrow.parquet.write_table(pyarrow.table(columns), HERE / name, **options)


def main():
    HERE.mkdir(exist_ok=True)
    rows = [[0.5, -1.25, 3], [1e-3, 2, -4], [7, 8, 9]]
    floats, doubles = pyarrow.float32(), pyarrow.float64()
    # As pandas writes CLIP's vectors: doubles, numbers as identifiers, times, a column of lists.
    day = datetime.datetime(2020, 5, 1, 12, 30, tzinfo=datetime.timezone.utc)
    write("pandas.parquet", {
        "id": pyarrow.array([10, 11, 12], pyarrow.int64()),
        "vector": pyarrow.array(rows, pyarrow.list_(doubles)),
        "label": pyarrow.array(["cat", None, "dog"]).dictionary_encode(),
        "taken": pyarrow.array([day, None, day], pyarrow.timestamp("us", "UTC")),
        "score": pyarrow.array([0.25, 1.5, None], doubles),
        "ok": pyarrow.array([True, False, None]),
        "tags": pyarrow.array([["a"], [], ["b", "c"]]),
    }, compression="zstd")
    # Lists of one size, in pages of version 2, and many rows in small groups.
    write("fixed.parquet", {
        "key": pyarrow.array([f"k{i}" for i in range(300)]),
        "embedding": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array([float(i % 50) for i in range(600)], floats), 2),
    }, compression="snappy", data_page_version="2.0", row_group_size=64)
    # Bad rows among good ones.
    write("nulls.parquet", {
        "id": pyarrow.array(["a", "b", "c", None, "e"]),
        "vector": pyarrow.array([[1, 2], None, [1, None], [3, 4], []], pyarrow.list_(floats)),
    }, compression="gzip")
    # Compressed by what is not read.
    write("lz4.parquet", {"id": pyarrow.array(["a"]), "vector": pyarrow.array([[1, 2]], pyarrow.list_(floats))}, compression="lz4")
    # Coordinates in columns.
    write("wide.parquet", {"id": pyarrow.array(["a", "b"]), "v1": pyarrow.array([1.0, 3.0], floats), "v0": pyarrow.array([0.0, 2.0], doubles)}, compression="none")


if __name__ == "__main__":
    main()
