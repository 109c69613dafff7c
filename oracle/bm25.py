"""Scores of BM25 by the package bm25s, method lucene, for search/lexical. Texts have ASCII letters and spaces alone, so that words need no rule."""

import json
import pathlib
import random

import bm25s

random.seed(7)
names = ["red", "bus", "sea", "beach", "dog", "cat", "night", "tower", "snow", "road"]
docs = [" ".join(random.choices(names, weights=range(1, 11), k=random.randint(0, 12))) for _ in range(40)]
queries = ["red bus", "sea", "cat dog night", "tower none", "none", "road snow tower night cat dog beach sea bus red"]
model = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
model.index([d.split() for d in docs], show_progress=False)
known = {w for d in docs for w in d.split()}
rows = []
for q in queries:
    words = [w for w in q.split() if w in known]
    scores = model.get_scores(words).tolist() if words else [0.0] * len(docs)
    rows.append({"text": q, "scores": [round(s, 7) for s in scores]})
path = pathlib.Path(__file__).parent.parent / "search/lexical/testdata/bm25.json"
path.write_text(json.dumps({"docs": docs, "queries": rows}, indent=1) + "\n")
