"""Exact search for the ten nearest of many vectors, by faiss where this Python has it."""

import numpy
import torch

try:
    import faiss
except ImportError:
    faiss = None

DIM = 128
NEAREST = 10


def search(n, queries, int8=False, share=1):
    if faiss is None:
        return None
    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatL2(DIM)
    if int8:
        index = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_8bit)
    x = torch.randn(n, DIM).numpy()
    index.train(x[:100000])
    index.add(x)
    q = torch.randn(queries, DIM).numpy()
    if share < 1:
        bits = numpy.packbits((torch.rand(n) < share).numpy(), bitorder="little")
        chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        return lambda: index.search(q, NEAREST, params=chosen)
    return lambda: index.search(q, NEAREST)


JOBS = {
    "index/1e5x128/q1": lambda: search(100_000, 1),
    "index/1e5x128/q16": lambda: search(100_000, 16),
    "index/1e5x128/q128": lambda: search(100_000, 128),
    "index/1e5x128/q1024": lambda: search(100_000, 1024),
    "index/1e6x128/q1": lambda: search(1_000_000, 1),
    "index/1e6x128/q16": lambda: search(1_000_000, 16),
    "index/1e6x128/q128": lambda: search(1_000_000, 128),
    "index/1e6x128/q1/1%": lambda: search(1_000_000, 1, share=0.01),
    "index/1e6x128/q1/50%": lambda: search(1_000_000, 1, share=0.5),
    "index/int8/1e6x128/q1": lambda: search(1_000_000, 1, int8=True),
}
