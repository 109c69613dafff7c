package retrieval

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// What [Layout] does.
const (
	layoutNeighbours = 15
	layoutEpochs     = 200
	layoutRepelled   = 5  // vectors that an end of an edge is pushed from
	layoutStart      = 10 // half the width of the plane at the start
	layoutStep       = 4  // bound of a step along an axis
)

// Layout places vectors, rows of dim coordinates, on a plane so that those that are near stay near, [rows, 2]. Distances
// are Euclidean. The start is the plane along which the vectors vary most; then the edges between each vector and its 15 nearest
// contract and others repel, as UMAP does with the curve 1/(1+d²). The same vectors give the same places.
//
// Cost: rows²·dim for the distances, and rows·15·200 steps.
//
// Errors: what [pair.CheckRows] refuses; the context's.
// Source: [mcinnes2018].
func Layout(ctx context.Context, vectors []float32, dim int) ([]float32, error) {
	n, err := pair.CheckRows("vectors", vectors, dim)
	if err != nil {
		return nil, fmt.Errorf("retrieval: Layout: %w", err)
	}
	places := startingPlaces(vectors, dim)
	if n > 2 {
		edges, err := nearEdges(ctx, vectors, dim)
		if err != nil {
			return nil, err
		}
		if err := contract(ctx, places, edges); err != nil {
			return nil, err
		}
	}
	out := make([]float32, len(places))
	for i, v := range places {
		out[i] = float32(v)
	}
	return out, nil
}

// edge joins two vectors that are near; weight is in (0, 1].
type edge struct {
	a, b   int
	weight float64
}

// nearEdges joins each vector with its nearest: weights w of the two directions become w + w' − w·w'.
func nearEdges(ctx context.Context, vectors []float32, dim int) ([]edge, error) {
	var strips pair.Strips[float32]
	if err := strips.Set(distance.Measure{}, vectors, vectors, dim); err != nil {
		return nil, fmt.Errorf("retrieval: Layout: %w", err)
	}
	n := len(vectors) / dim
	k := min(layoutNeighbours, n-1)
	var directed []edge
	for lo := 0; lo < n; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		strip, hi := strips.At(lo)
		for i := lo; i < hi; i++ {
			directed = append(directed, weighted(i, nearestOf(strip[(i-lo)*n:][:n], i, k))...)
		}
		lo = hi
	}
	slices.SortFunc(directed, func(x, y edge) int {
		return cmp.Or(cmp.Compare(min(x.a, x.b), min(y.a, y.b)), cmp.Compare(max(x.a, x.b), max(y.a, y.b)), cmp.Compare(x.a, y.a))
	})
	edges := directed[:0]
	for _, e := range directed {
		if last := len(edges) - 1; last >= 0 && edges[last].a == e.b && edges[last].b == e.a {
			edges[last].weight += e.weight * (1 - edges[last].weight)
		} else {
			edges = append(edges, e)
		}
	}
	return edges, nil
}

// near is a vector and how far it is.
type near struct {
	at   int
	dist float64
}

// nearestOf returns the k nearest to vector i, the nearest first; equals in order of index.
func nearestOf(row []float32, i, k int) []near {
	best := make([]near, 0, k+1)
	for j, v := range row {
		d := float64(v)
		if j == i || len(best) == k && d >= best[k-1].dist {
			continue
		}
		at := len(best)
		for at > 0 && best[at-1].dist > d {
			at--
		}
		best = slices.Insert(best, at, near{j, d})
		best = best[:min(len(best), k)]
	}
	return best
}

// weighted gives the edges of vector i the weights exp(−(d − d₀)/σ) with the distance d₀ of the nearest; σ is such that they sum
// to log₂ of their number.
func weighted(i int, nearest []near) []edge {
	first, sum := nearest[0].dist, 0.0
	for _, p := range nearest {
		sum += p.dist - first
	}
	least := 1e-3*sum/float64(len(nearest)) + 1e-12
	lo, hi, target := least, math.Inf(1), max(math.Log2(float64(len(nearest))), 1)
	scale := max(sum/float64(len(nearest)), least)
	for range 40 {
		total := 0.0
		for _, p := range nearest {
			total += math.Exp(-(p.dist - first) / scale)
		}
		if total > target {
			hi = scale
			scale = (lo + hi) / 2
		} else if lo = scale; math.IsInf(hi, 1) {
			scale *= 2
		} else {
			scale = (lo + hi) / 2
		}
	}
	edges := make([]edge, len(nearest))
	for j, p := range nearest {
		edges[j] = edge{i, p.at, max(math.Exp(-(p.dist-first)/scale), 1e-6)}
	}
	return edges
}

// contract moves the ends of edges together and others apart. An edge is met as often as its weight says.
func contract(ctx context.Context, places []float64, edges []edge) error {
	rng := rand.New(rand.NewPCG(1, 2))
	heaviest := 0.0
	for _, e := range edges {
		heaviest = max(heaviest, e.weight)
	}
	due := make([]float64, len(edges)) // 1 is due
	n := len(places) / 2
	for epoch := range layoutEpochs {
		if err := ctx.Err(); err != nil {
			return err
		}
		rate := 1 - float64(epoch)/layoutEpochs
		for i, e := range edges {
			if due[i] += e.weight / heaviest; due[i] < 1 {
				continue
			}
			due[i]--
			attract(places, e.a, e.b, rate)
			for range layoutRepelled {
				repel(places, e.a, rng.IntN(n), rate)
				repel(places, e.b, rng.IntN(n), rate)
			}
		}
	}
	return nil
}

// attract descends −log(1/(1+d²)) for both.
func attract(places []float64, a, b int, rate float64) {
	dx, dy := places[2*a]-places[2*b], places[2*a+1]-places[2*b+1]
	g := -2 / (1 + dx*dx + dy*dy)
	sx, sy := float64(rate*bounded(g*dx)), float64(rate*bounded(g*dy))
	places[2*a] += sx
	places[2*a+1] += sy
	places[2*b] -= sx
	places[2*b+1] -= sy
}

// repel descends −log(1 − 1/(1+d²)) for a.
func repel(places []float64, a, from int, rate float64) {
	if a == from {
		return
	}
	dx, dy := places[2*a]-places[2*from], places[2*a+1]-places[2*from+1]
	d := dx*dx + dy*dy
	g := 2 / ((0.001 + d) * (1 + d))
	places[2*a] += rate * bounded(g*dx)
	places[2*a+1] += rate * bounded(g*dy)
}

func bounded(step float64) float64 { return max(-layoutStep, min(layoutStep, step)) }

// startingPlaces projects vectors on the plane of most variance, found by orthogonal iteration: a start needs no more, and the covariances
// of PCA are too large where dim is. Noise parts those that are alike.
func startingPlaces(vectors []float32, dim int) []float64 {
	n, rng, m := len(vectors)/dim, rand.New(rand.NewPCG(3, 4)), mean(vectors, dim)
	axes, places, row := make([]float64, 2*dim), make([]float64, 2*n), make([]float64, dim)
	for i := range axes {
		axes[i] = rng.NormFloat64()
	}
	for range 12 {
		orthonormal(axes[:dim], axes[dim:])
		next := make([]float64, 2*dim)
		for i := range n {
			centre(row, vectors[i*dim:][:dim], m)
			x, y := dot(row, axes[:dim]), dot(row, axes[dim:])
			places[2*i], places[2*i+1] = x, y
			for d, v := range row {
				next[d] += x * v
				next[dim+d] += y * v
			}
		}
		axes = next
	}
	widest := 0.0
	for _, v := range places {
		widest = max(widest, math.Abs(v))
	}
	for i := range places {
		if widest > 0 {
			places[i] *= layoutStart / widest
		}
		places[i] += 1e-3 * layoutStart * rng.NormFloat64()
	}
	return places
}

// orthonormal makes two axes orthogonal and of unit length. One of length 0 stays.
func orthonormal(a, b []float64) {
	scaleToUnit(a)
	along := dot(a, b)
	for i := range b {
		b[i] -= float64(along * a[i])
	}
	scaleToUnit(b)
}

func scaleToUnit(a []float64) {
	if length := math.Sqrt(dot(a, a)); length > 0 {
		for i := range a {
			a[i] /= length
		}
	}
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
