"""One kind of index of faiss or usearch: peer.py KIND SETTINGS prints a JSON line for each setting of its search."""

import json
import sys
import time

import numpy as np

kind, s = sys.argv[1], json.loads(sys.argv[2])
n, dim, k, threads = s["n"], s["dim"], s["k"], s["threads"]
base = np.memmap(s["dir"] + "/base.f32", dtype=np.float32, mode="r", shape=(n, dim))
queries = np.fromfile(s["dir"] + "/queries.f32", dtype=np.float32).reshape(-1, dim)
truth = json.load(open(s["dir"] + "/truth.json"))


def memory():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return [int(status[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "VmHWM")]


def report(search, build, name=""):
    """Measures one setting; build is the seconds of a clock and of processors."""
    search(queries[:8])
    few, together, alone = queries[:100], [], []
    for turn in range(s["turns"] + 1):
        if turn == 1:
            spent = time.process_time()
        start = time.perf_counter()
        ids = search(queries)
        together.append(len(queries) / (time.perf_counter() - start))
    spent = time.process_time() - spent
    for _ in range(s["turns"]):
        start = time.perf_counter()
        for q in few:
            search(q[None])
        alone.append(len(few) / (time.perf_counter() - start))
    same = sum(len(set(map(int, a)) & set(t)) for a, t in zip(ids, truth))
    all_, own, peak = memory()
    print(json.dumps({
        "kind": kind, "search": name, "recall": same / (len(queries) * k), "per_second_first": together[0],
        "per_second_together": sorted(together[1:])[s["turns"] // 2], "per_second_alone": sorted(alone)[s["turns"] // 2],
        "spent_us": 1e6 * spent / s["turns"] / len(queries), "build_s": build[0], "build_spent_s": build[1], "mib": all_, "own_mib": own, "peak_mib": peak,
    }), flush=True)


def clocks():
    return time.perf_counter(), time.process_time()


def add(index):
    for lo in range(0, n, 100_000):
        index.add(base[lo:lo + 100_000])


def faiss_kind():
    import faiss

    faiss.omp_set_num_threads(threads)
    start = clocks()
    cells = int(4 * n ** 0.5)
    sample = base[:min(n, 50 * cells)]
    if kind == "flat":
        index, settings = faiss.IndexFlatL2(dim), [("", 0)]
    elif kind == "hnsw":
        index, settings = faiss.IndexHNSWFlat(dim, 32), [("efSearch", v) for v in (16, 32, 64, 128, 256)]
        index.hnsw.efConstruction = 80
    elif kind == "ivfflat":
        index, settings = faiss.index_factory(dim, f"IVF{cells},Flat"), [("nprobe", v) for v in (1, 2, 4, 8, 16, 32)]
        index.train(sample)
    elif kind == "ivfpq":
        index, settings = faiss.index_factory(dim, f"IVF{cells},PQ64x4fs,RFlat"), [("nprobe", v) for v in (1, 2, 4, 8, 16, 32)]
        index.train(sample)
    else:
        sys.exit(f"no kind {kind}; there are flat, hnsw, ivfflat, ivfpq, usearch")
    add(index)
    build = [now - then for now, then in zip(clocks(), start)]
    for name, value in settings:
        if name == "efSearch":
            index.hnsw.efSearch = value
        elif name and kind == "ivfpq":
            faiss.extract_index_ivf(index.base_index).nprobe = value
            index.k_factor = 10
        elif name:
            index.nprobe = value
        report(lambda q: index.search(q, k)[1], build, f"{name} {value}" if name else "")


def usearch_kind():
    from usearch.index import Index

    start = clocks()
    index = Index(ndim=dim, metric="l2sq", dtype="f32", connectivity=16)
    for lo in range(0, n, 100_000):
        index.add(np.arange(lo, min(n, lo + 100_000)), base[lo:lo + 100_000], threads=threads)
    build = [now - then for now, then in zip(clocks(), start)]
    for value in (16, 32, 64, 128, 256):
        index.expansion_search = value
        report(lambda q: index.search(q, k, threads=threads).keys.reshape(-1, k), build, f"expansion {value}")


if kind == "usearch":
    usearch_kind()
else:
    faiss_kind()
