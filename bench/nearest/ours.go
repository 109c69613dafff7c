package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// measure builds an index of one kind, unless it is there, and searches it.
func (s *settings) measure() error {
	r := result{Kind: s.one}
	x, err := s.open(&r)
	if err != nil {
		return err
	}
	defer x.Close()
	vectors, err := s.read("queries.f32", 0, s.Queries)
	if err != nil {
		return err
	}
	queries := make([]index.Query, s.Queries)
	for i := range queries {
		queries[i] = index.Query{Vector: vectors[i*s.Dim:][:s.Dim], K: s.K}
	}
	ctx := context.Background()
	if _, err := x.Search(ctx, queries[:min(8, len(queries))]); err != nil {
		return err
	}
	hits, err := s.time(x, queries, &r)
	if err != nil {
		return err
	}
	if r.Recall, err = s.recall(hits); err != nil {
		return err
	}
	r.MiB, r.OwnMiB, r.PeakMiB = memory()
	return json.NewEncoder(os.Stdout).Encode(r)
}

// time asks the queries, and returns what the first turn found.
func (s *settings) time(x *index.Exact, queries []index.Query, r *result) (hits [][]index.Hit, err error) {
	ctx := context.Background()
	var together, alone []float64
	before := 0.0
	for turn := range s.Turns + 1 {
		if turn == 1 {
			before = spent()
		}
		start := time.Now()
		these, err := x.Search(ctx, queries)
		if err != nil {
			return nil, err
		}
		if together = append(together, float64(len(queries))/time.Since(start).Seconds()); turn == 0 {
			hits = these
		}
	}
	r.First, r.Together = together[0], median(together[1:])
	r.Spent = 1e6 * (spent() - before) / float64(s.Turns*len(queries))
	few := queries[:min(100, len(queries))]
	for range s.Turns {
		start := time.Now()
		for i := range few {
			if _, err := x.Search(ctx, few[i:i+1]); err != nil {
				return nil, err
			}
		}
		alone = append(alone, float64(len(few))/time.Since(start).Seconds())
	}
	r.Alone = median(alone)
	return hits, nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// open opens the index, or makes it.
func (s *settings) open(r *result) (*index.Exact, error) {
	dir := s.file(s.one)
	x, err := index.OpenReadOnly(dir)
	if err == nil || !errors.Is(err, index.ErrNoIndex) {
		return x, err
	}
	start, before := time.Now(), spent()
	x, err = index.Create(dir, index.Options{Dim: s.Dim, Storage: index.Storage(s.one)})
	if err != nil {
		return nil, err
	}
	const batch = 10_000
	for first := 0; first < s.N && err == nil; first += batch {
		n := min(batch, s.N-first)
		var vectors []float32
		if vectors, err = s.read("base.f32", first, n); err != nil {
			break
		}
		items := make([]index.Item, n)
		for i := range items {
			items[i] = index.Item{ID: strconv.Itoa(first + i), Vector: vectors[i*s.Dim:][:s.Dim]}
		}
		err = x.Add(context.Background(), items)
	}
	if err == nil {
		err = x.Compact()
	}
	r.BuildSec, r.BuildCPU = time.Since(start).Seconds(), spent()-before
	if err = errors.Join(err, x.Close()); err != nil {
		return nil, err
	}
	return index.OpenReadOnly(dir)
}

// recall compares with the truth, which is written if it is not there.
func (s *settings) recall(hits [][]index.Hit) (float64, error) {
	ids := make([][]int, len(hits))
	for i := range hits {
		for _, h := range hits[i] {
			n, err := strconv.Atoi(h.ID)
			if err != nil {
				return 0, err
			}
			ids[i] = append(ids[i], n)
		}
	}
	var truth [][]int
	b, err := os.ReadFile(s.file("truth.json"))
	if errors.Is(err, os.ErrNotExist) {
		if b, err = json.Marshal(ids); err == nil {
			err = os.WriteFile(s.file("truth.json"), b, 0o666)
		}
	}
	if err == nil {
		err = json.Unmarshal(b, &truth)
	}
	if err == nil && len(truth) != len(ids) {
		err = errors.New("truth.json is of other queries; remove it")
	}
	if err != nil {
		return 0, err
	}
	same := 0
	for i := range ids {
		of := map[int]bool{}
		for _, id := range truth[i] {
			of[id] = true
		}
		for _, id := range ids[i] {
			if of[id] {
				same++
			}
		}
	}
	return float64(same) / float64(len(ids)*s.K), nil
}
