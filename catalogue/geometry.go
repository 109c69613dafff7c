package catalogue

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/loss"
)

// A Geometry is a loss of points of the plane, and where its gradient moves them.
type Geometry struct {
	Request loss.Request
	Loss    float64
	Active  bool // whether any point is moved
	Points  []Point
	Circles []Circle // around the first point, the anchor
}

// A Point is one of the plane, and the loss's derivatives by its coordinates.
type Point struct {
	Name         string
	At, Gradient [2]float64
}

// A Circle is where a margin ends.
type Circle struct {
	Radius float64
	Name   string
}

// pairLosses are losses over the pairs of a batch that are shown by the points of two labels.
var pairLosses = []string{"contrastive", "batch_triplet", "n_pairs", "nt_xent", "sup_con", "multi_similarity", "circle"}

// PointsOf returns the names of the points that GeometryOf takes; nil of losses that have no such geometry.
func PointsOf(e loss.Entry) []string {
	switch {
	case e.Name == "triplet" || e.Name == "triplet_with_distance":
		return []string{"anchor", "positive", "negative"}
	case e.Name == "n_pairs": // a label's negatives are the positives of others
		return []string{"anchor", "positive", "other anchor", "negative"}
	case slices.Contains(pairLosses, e.Name):
		return []string{"anchor", "positive", "negative"}
	}
	return nil
}

// GeometryOf evaluates a loss of an anchor, a positive and a negative, in the order of PointsOf.
//
// Errors: a loss without such a geometry; another number of points; options that the loss refuses.
func GeometryOf(e loss.Entry, options map[string]any, at [][2]float64) (Geometry, error) {
	names := PointsOf(e)
	if names == nil {
		return Geometry{}, fmt.Errorf("%s has no geometry: it is not of an anchor, a positive and a negative", e.Name)
	}
	if len(at) != len(names) {
		return Geometry{}, fmt.Errorf("%s has %d points (%s); there are %d", e.Name, len(names), strings.Join(names, ", "), len(at))
	}
	g := Geometry{Request: loss.Request{Options: options, Inputs: placed(e, names, at)}}
	a, err := e.Eval(g.Request, false)
	if err != nil {
		return Geometry{}, err
	}
	if len(a.Loss.Data) != 1 {
		return Geometry{}, fmt.Errorf("%s: the loss has shape %v; points have one loss: reduction must be mean or sum", e.Name, a.Loss.Shape)
	}
	g.Loss = a.Loss.Data[0]
	for i, name := range names {
		p := Point{Name: name, At: at[i]}
		if d, ok := a.Grad[name]; ok {
			copy(p.Gradient[:], d.Data)
		} else {
			copy(p.Gradient[:], a.Grad["embeddings"].Data[2*i:])
		}
		g.Active = g.Active || p.Gradient != [2]float64{}
		g.Points = append(g.Points, p)
	}
	g.Circles = circles(e, options, at)
	return g, nil
}

// placed are the inputs of a loss at points.
func placed(e loss.Entry, names []string, at [][2]float64) map[string]loss.Array[float64] {
	in := map[string]loss.Array[float64]{}
	if !e.Batch {
		for i, name := range names {
			in[name] = vector(at[i][:]...)
		}
		return in
	}
	all := loss.Array[float64]{Shape: []int{len(at), 2}}
	for _, p := range at {
		all.Data = append(all.Data, p[:]...)
	}
	in["embeddings"], in["labels"] = all, vector(0, 0, 1, 1)
	in["labels"] = vector(in["labels"].Data[:len(at)]...)
	return in
}

// circles are the margins of the losses whose distance is Euclidean: the negative is pushed inside.
func circles(e loss.Entry, options map[string]any, at [][2]float64) []Circle {
	near := math.Hypot(at[1][0]-at[0][0], at[1][1]-at[0][1])
	number := func(name string, otherwise float64) float64 {
		if v, ok := options[name].(float64); ok {
			return v
		}
		return otherwise
	}
	is := func(name, value string) bool { v, ok := options[name].(string); return !ok || v == value }
	normalized, _ := options["normalize"].(bool)
	soft, _ := options["soft"].(bool)
	switch {
	case e.Name == "triplet" && number("p", 2) == 2, e.Name == "triplet_with_distance" && is("distance_function", "pairwise_distance"):
		return []Circle{{near, "the positive's distance"}, {near + number("margin", 1), "the margin beyond it"}}
	case e.Name == "batch_triplet" && is("distance", "euclidean") && !normalized && !soft:
		return []Circle{{near, "the positive's distance"}, {near + number("margin", 0.2), "the margin beyond it"}}
	case e.Name == "contrastive" && is("distance", "euclidean") && !normalized:
		all := []Circle{{number("neg_margin", 1), "neg_margin"}}
		if m := number("pos_margin", 0); m > 0 {
			all = append(all, Circle{m, "pos_margin"})
		}
		return all
	}
	return nil
}
