package index

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

func TestRocchio(t *testing.T) {
	like := []Example{{Vector: []float32{3, 0}}, {Vector: []float32{0, 1}, Weight: 3}}
	unlike := []Example{{Vector: []float32{2, 2}}}
	for _, c := range []struct {
		metric       distance.Kind
		like, unlike []Example
		away         float64
		want         []float32
	}{
		{distance.Euclidean, like[:1], nil, 0.5, []float32{3, 0}},
		{distance.Euclidean, like, nil, 0.5, []float32{0.75, 0.75}},
		{distance.Euclidean, like, unlike, 0, []float32{0.75, 0.75}},
		{distance.Dot, like, unlike, 0.5, []float32{0.125, 0.125}},
		{distance.Cosine, like, nil, 0, []float32{0.25, 0.75}},
		{distance.Cosine, like, unlike, 1, []float32{0.5 - float32(math.Sqrt(0.5)), 1.5 - float32(math.Sqrt(0.5))}},
	} {
		got, err := Rocchio(c.metric, c.like, c.unlike, c.away)
		if err != nil || !slices.EqualFunc(got, c.want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
			t.Errorf("%s: %v, %v; want %v", c.metric, got, err, c.want)
		}
	}
	long := []Example{{Vector: []float32{9e17, 0}}}
	for want, f := range map[string]func() ([]float32, error){
		"like is empty": func() ([]float32, error) { return Rocchio(distance.Dot, nil, unlike, 0) },
		"away is -1":    func() ([]float32, error) { return Rocchio(distance.Dot, like, unlike, -1) },
		"away is NaN":   func() ([]float32, error) { return Rocchio(distance.Dot, like, unlike, math.NaN()) },
		"like[1].Weight is -2": func() ([]float32, error) {
			return Rocchio(distance.Dot, []Example{like[0], {Vector: []float32{1, 1}, Weight: -2}}, nil, 0)
		},
		"like[1].Vector has 1 coord": func() ([]float32, error) {
			return Rocchio(distance.Dot, []Example{like[0], {Vector: []float32{1}}}, nil, 0)
		},
		"unlike[0].Vector[1] is NaN": func() ([]float32, error) {
			return Rocchio(distance.Dot, like, []Example{{Vector: []float32{1, float32(math.NaN())}}}, 0)
		},
		"the vector of these examples has length": func() ([]float32, error) { return Rocchio(distance.Euclidean, long, unlike, 5) },
		"the vector of these examples is all 0": func() ([]float32, error) {
			return Rocchio(distance.Cosine, []Example{like[0], {Vector: []float32{-1, 0}}}, nil, 0)
		},
	} {
		if _, err := f(); !errors.Is(err, ErrArgument) || !strings.HasPrefix(err.Error(), "index: "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	x, _ := create(t, Options{Dim: 2})
	for want, e := range map[string]Example{"like[0].ID is \"a\", which is not": {ID: "a"}, "like[0] has an ID and a Vector": {ID: "a", Vector: []float32{1, 2}}} {
		if _, err := ByExample(t.Context(), x, Query{}, []Example{e}, nil, 0); !errors.Is(err, ErrArgument) || !strings.HasPrefix(err.Error(), "index: "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestUpdateExactly: an item of int8 that is updated again and again keeps its vector, bit by bit, whatever is opened or merged between.
func TestUpdateExactly(t *testing.T) {
	for _, metric := range Metrics {
		x, dir := create(t, Options{Dim: 7, Metric: metric, Storage: Int8})
		batch := items(rng(3), 0, 40, 7)
		batch[5].Vector = []float32{1e-44, 0, 3e-45, 0, 0, 1e-45, 0}
		must(t, x.Add(t.Context(), batch))
		before := map[string][]float32{}
		for it, err := range x.Each(t.Context()) {
			must(t, err)
			before[it.ID] = it.Vector
		}
		q := Query{Vector: normal(rng(4), 7), K: 40}
		hits, err := x.Search(t.Context(), []Query{q})
		must(t, err)
		for i := range 6 {
			label := strings.Repeat("x", i)
			_, err := x.Update(t.Context(), []Patch{{ID: "id5", Label: &label}, {ID: "id7", Fields: map[string]string{"a": label}}, {ID: "id39", Label: &label}})
			must(t, err)
			switch i {
			case 1:
				must(t, x.Compact())
			case 2, 4:
				must(t, x.Close())
				x = open(t, dir)
			}
		}
		for it, err := range x.Each(t.Context()) {
			must(t, err)
			if !slices.Equal(it.Vector, before[it.ID]) {
				t.Errorf("%s: vector of %s is %v, was %v", metric, it.ID, it.Vector, before[it.ID])
			}
		}
		again, err := x.Search(t.Context(), []Query{q})
		must(t, err)
		for i, h := range again[0] {
			if h.ID != hits[0][i].ID || h.Distance != hits[0][i].Distance {
				t.Errorf("%s: hit %d is %+v, was %+v", metric, i, h, hits[0][i])
			}
		}
	}
}

// TestUpdateFlushes: what updates put in memory goes to disk, though the log is short.
func TestUpdateFlushes(t *testing.T) {
	x, dir := create(t, Options{Dim: 500})
	must(t, x.Close())
	x = withLimit(t, dir, 20_000)
	must(t, x.Add(t.Context(), items(rng(1), 0, 8, 500)))
	for i := range 30 {
		label := strings.Repeat("x", i)
		_, err := x.Update(t.Context(), []Patch{{ID: "id3", Label: &label}, {ID: "id4", Label: &label}, {ID: "id5", Label: &label}, {ID: "id6", Label: &label}})
		must(t, err)
	}
	v := x.views.acquire()
	defer x.views.release(v)
	size := 0
	for i := range v.parts {
		if v.parts[i].file == "" {
			size += v.parts[i].size()
		}
	}
	if size > 80_000 {
		t.Errorf("%d bytes are in memory, of at most about 40,000", size)
	}
}

func TestPatchArguments(t *testing.T) {
	x, _ := create(t, Options{Dim: 2})
	full := map[string]string{}
	for i := range MaxFields {
		full[string(rune('a'+i))] = ""
	}
	must(t, x.Add(t.Context(), []Item{{ID: "a", Vector: []float32{1, 2}, Fields: full}}))
	bad := "\xff"
	for want, p := range map[string]Patch{
		"patches[1].ID is empty":                       {Label: &bad},
		`patches[1].ID "b" is also that of patches[0]`: {ID: "b", Label: &bad},
		`patches[1] changes nothing of item "a"`:       {ID: "a"},
		`patches[1].Label is "\xff"`:                   {ID: "a", Label: &bad},
		`patches[1].Fields["k"] is "\xff"`:             {ID: "a", Fields: map[string]string{"k": bad}},
		`patches[1].Remove[0] is "\xff"; it must be`:   {ID: "a", Remove: []string{bad}},
		`patches[1].Remove[1] is "k", which Fields`:    {ID: "a", Fields: map[string]string{"k": ""}, Remove: []string{"j", "k"}},
		`patches[1]: item "a" would have 257 fields`:   {ID: "a", Fields: map[string]string{"one more": ""}},
	} {
		good := "label"
		if _, err := x.Update(t.Context(), []Patch{{ID: "b", Label: &good}, p}); !errors.Is(err, ErrArgument) || !strings.HasPrefix(err.Error(), "index: "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
