package loss

import (
	"slices"

	"github.com/energo-ml/energo/loss/distance"
)

// What losses over the pairs of a batch have in their rows of the catalogue.
var (
	batchInputs = []Input{
		{Name: "embeddings", Grad: true, Is: "rows [N, D]"},
		{Name: "labels", Is: "whole numbers [N]"},
	}
	pairInputs = append(batchInputs[:2:2],
		Input{Name: "ref_emb", Grad: true, Optional: true, Is: "rows [M, D] that positives and negatives are of; without, they are of the batch"},
		Input{Name: "ref_labels", Optional: true, Is: "whole numbers [M]"},
	)
	batchReduction  = Option{"reduction", "mean", "mean or sum"}
	normalizeOption = Option{"normalize", "false", "whether embeddings are divided by their lengths first, as cosine always does"}
	degreeOption    = Option{"p", "2", "the degree of the distance lp, from 1 to Infinity"}
	overOption      = Option{"over", "active", "what the mean is over: active, the terms above 0, or all"}
	overNeed        = only("over", "reduction", "mean", "mean")
)

// measureOptions are the options of a distance and its default.
func measureOptions(k distance.Kind) []Option {
	return []Option{{"distance", string(k), "euclidean, squared, cosine, dot or lp"}, degreeOption, normalizeOption}
}

// measureNeeds are what they need.
func measureNeeds(k distance.Kind) []Need {
	return []Need{
		only("p", "distance", string(k), string(distance.Lp)),
		only("normalize", "distance", string(k), string(distance.Euclidean), string(distance.Squared), string(distance.Dot), string(distance.Lp)),
	}
}

// measure reads them.
func (c *Call[T]) measure(byDefault distance.Kind) distance.Measure {
	kind := distance.Kind(c.text("distance", string(byDefault)))
	if err := kind.Check("option distance", distance.Kinds); err != nil {
		c.fail("%v", err)
	}
	m := distance.Measure{Kind: kind, Normalize: c.flag("normalize", false)}
	if kind == distance.Lp {
		m.P = c.number("p", 2)
	}
	return m
}

func (c *Call[T]) over() Over {
	switch s := c.text("over", "active"); s {
	case "active":
		return OverActive
	case "all":
		return OverAll
	default:
		c.fail("option over is %q; it must be active or all", s)
		return OverActive
	}
}

// together returns the embeddings and labels of a batch.
func (c *Call[T]) together(embeddings, labels string) (x Array[T], dim int, y []int) {
	x = c.float(embeddings)
	if len(x.Shape) != 2 {
		c.fail("%s has shape %v; it must have two dimensions", embeddings, x.Shape)
		return x, 1, nil
	}
	all := c.ints(labels)
	if !slices.Equal(all.Shape, x.Shape[:1]) {
		c.fail("%s has shape %v; it must have [%d]", labels, all.Shape, x.Shape[0])
	}
	return x, x.Shape[1], all.Data
}

// batch evaluates a loss that no sample has to itself.
func (c *Call[T]) batch(eval func() (float64, error)) error {
	if c.none() {
		c.fail("option reduction is \"none\"; it must be mean or sum, since no sample has a loss of its own")
	}
	return c.finish(nil, nil, eval)
}

// pairs evaluates a loss over the pairs of a batch, or of a batch and references.
func (c *Call[T]) pairs(l OfReferences[T]) error {
	x, dim, y := c.together("embeddings", "labels")
	dx := c.grad("embeddings")
	if !c.has("ref_emb") && !c.has("ref_labels") {
		return c.batch(func() (float64, error) { return l.Eval(x.Data, dim, y, dx) })
	}
	r, width, ry := c.together("ref_emb", "ref_labels")
	if width != dim {
		c.fail("ref_emb has shape %v, embeddings %v; their last dimensions must be the same", r.Shape, x.Shape)
	}
	dr := c.grad("ref_emb")
	return c.batch(func() (float64, error) { return l.EvalAgainst(x.Data, dim, y, r.Data, ry, dx, dr) })
}

// onBatch evaluates a loss over a batch alone.
func (c *Call[T]) onBatch(l OfLabels[T]) error {
	x, dim, y := c.together("embeddings", "labels")
	dx := c.grad("embeddings")
	return c.batch(func() (float64, error) { return l.Eval(x.Data, dim, y, dx) })
}
