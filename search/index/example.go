package index

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/loss/distance"
)

// Example is something to search by: an item of the index, or a vector.
type Example struct {
	ID     string
	Vector []float32 // set if ID is ""
	Weight float64   // 0 is 1; not below 0
}

// DefaultAway is how far Rocchio moves away from examples of what is not looked for, unless it is told otherwise.
const DefaultAway = 0.25

// Rocchio returns the vector to search for by several examples of what is looked for, and of what is not:
//
//	q = p + away·(p − n)   p = Σ wᵢuᵢ / Σ wᵢ over like, n the same over unlike; q = p where unlike is empty
//
// u is an example's vector, with the metric cosine made as long as 1, and w its weight. Of the cosine distance only the
// direction of q counts, which is that of p − n·away/(1 + away). away is at least 0; DefaultAway is usual. One like alone
// is q as it is.
//
// Errors: an example without a vector or of another length, a weight below 0 or not finite, no like, a q that is too
// long, and with the metric cosine a q of length 0.
//
// Source: [rocchio1971].
func Rocchio(metric distance.Kind, like, unlike []Example, away float64) ([]float32, error) {
	if !(away >= 0) || math.IsInf(away, 1) {
		return nil, badArgument("away is %g; it must be at least 0 and finite", away)
	}
	if len(like) == 0 {
		return nil, badArgument("like is empty; at least one example is needed")
	}
	p, err := mean("like", metric, like, len(like[0].Vector))
	if err != nil {
		return nil, err
	}
	if len(like) == 1 && len(unlike) == 0 {
		return slices.Clone(like[0].Vector), nil
	}
	if len(unlike) > 0 {
		n, err := mean("unlike", metric, unlike, len(p))
		if err != nil {
			return nil, err
		}
		for i := range p {
			p[i] += away * (p[i] - n[i])
		}
	}
	q := make([]float32, len(p))
	for i, x := range p {
		q[i] = float32(x)
	}
	return q, (Options{Dim: len(q), Metric: metric}).checkVector("the vector of these examples", q)
}

// mean is the weighted mean of examples.
func mean(name string, metric distance.Kind, examples []Example, dim int) ([]float64, error) {
	sum, total := make([]float64, dim), 0.0
	for i, e := range examples {
		name := fmt.Sprintf("%s[%d]", name, i)
		if err := (Options{Dim: dim, Metric: metric}).checkVector(name+".Vector", e.Vector); err != nil {
			return nil, err
		}
		weight := e.Weight
		switch {
		case !(weight >= 0) || math.IsInf(weight, 1):
			return nil, badArgument("%s.Weight is %g; it must be at least 0 and finite", name, weight)
		case weight == 0:
			weight = 1
		}
		total += weight
		size := 1.0
		if metric == distance.Cosine {
			size = length(e.Vector)
		}
		for t, x := range e.Vector {
			sum[t] += weight * float64(x) / size
		}
	}
	divide(sum, total)
	return sum, nil
}

// ByExample returns q with the vector by which to search for what is like some examples and unlike others, by Rocchio, and
// with its filter made to leave out those that are items of x. More like one item is
//
//	q, err := index.ByExample(ctx, x, index.Query{K: 10}, []index.Example{{ID: id}}, nil, 0)
func ByExample(ctx context.Context, x Index, q Query, like, unlike []Example, away float64) (Query, error) {
	info, err := x.Info(ctx)
	if err != nil {
		return Query{}, err
	}
	var ids []string
	lists := [2][]Example{like, unlike}
	for l, name := range []string{"like", "unlike"} {
		whole := make([]Example, len(lists[l]))
		for i, e := range lists[l] {
			if whole[i] = e; e.ID == "" {
				continue
			}
			if e.Vector != nil {
				return Query{}, badArgument("%s[%d] has an ID and a Vector; it must have one of them", name, i)
			}
			item, ok, err := x.Get(ctx, e.ID)
			if err == nil && !ok {
				err = badArgument("%s[%d].ID is %q, which is not in the index", name, i, e.ID)
			}
			if err != nil {
				return Query{}, err
			}
			whole[i].Vector, ids = item.Vector, append(ids, e.ID)
		}
		lists[l] = whole
	}
	if q.Vector, err = Rocchio(info.Metric, lists[0], lists[1], away); err != nil {
		return Query{}, err
	}
	q.Filter = q.Filter.Except(ids...)
	return q, nil
}
