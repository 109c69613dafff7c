package catalogue

import (
	"maps"
	"math"
	"slices"

	"github.com/energo-ml/energo/loss"
)

// vectorView is how a loss of several vectors is shown: along a coordinate, or the angle, of one of them.
func vectorView(e loss.Entry) (view, bool) {
	switch e.Name {
	case "triplet", "triplet_with_distance":
		v := along("distance of the negative from the anchor; the positive is 1 away", "negative", 0, 0.01, 3, func(x float64) map[string]loss.Array[float64] {
			return map[string]loss.Array[float64]{"anchor": vector(0, 0), "positive": vector(0, 1), "negative": vector(x, 0)}
		})
		return v, true
	case "ctc":
		return along("logit of the first label at the first frame", "logits", 1, -4, 6, func(x float64) map[string]loss.Array[float64] {
			in := blankAndTwo()
			in["logits"].Data[1] = x
			return in
		}), true
	case "vicreg", "barlow_twins":
		return along("a coordinate of a vector of the second view", "y", 0, -3, 4, func(x float64) map[string]loss.Array[float64] {
			in := twoViews()
			in["y"].Data[0] = x
			return in
		}), true
	case "adaptive_log_softmax":
		v := along("the input", "input", 0, -4, 4, twoClusters)
		v.base = map[string]any{"n_classes": 4.0, "cutoffs": vector(2)}
		return v, true
	}
	if e.Batch {
		return around(e), true
	}
	return view{}, false
}

// along is the view along a coordinate of an input.
func along(x, input string, coordinate int, lo, hi float64, inputs func(x float64) map[string]loss.Array[float64]) view {
	return view{
		x: x, lo: lo, hi: hi, targets: []float64{math.NaN()}, input: input,
		request: func(x, _ float64) map[string]loss.Array[float64] { return inputs(x) },
		along:   func(_ float64, g loss.Array[float64]) float64 { return g.Data[coordinate] },
	}
}

// twoClusters are the inputs of a softmax over two frequent classes and a cluster of two others, of which the target is one.
func twoClusters(x float64) map[string]loss.Array[float64] {
	return map[string]loss.Array[float64]{
		"input": vector(x, 1), "target": scalar(2), "head.weight": {Shape: []int{3, 2}, Data: []float64{1, 0, 0, 1, -1, 0}},
		"tail.0.0.weight": {Shape: []int{1, 2}, Data: []float64{0.5, 1}}, "tail.0.1.weight": {Shape: []int{2, 1}, Data: []float64{1, -1}},
	}
}

// around is the view of a loss of a batch: vectors of length 1, the second of which goes around. The first has its label, or its class's point.
func around(e loss.Entry) view {
	angles, labels := []float64{0, 0, 45, 150}, []float64{0, 0, 1, 1}
	x := "angle of a vector from another of its label, in degrees; others are at 45 and 150"
	points := onCircle(0, 120)
	if takes(e, "weight") || takes(e, "proxies") {
		angles, labels = []float64{120, 0}, []float64{1, 0}
		x = "angle of a vector from its class's point, in degrees; another's is at 120"
	}
	v := view{x: x, lo: -180, hi: 180, targets: []float64{math.NaN()}, input: "embeddings"}
	v.request = func(x, _ float64) map[string]loss.Array[float64] {
		now := slices.Clone(angles)
		now[1] = x
		in := map[string]loss.Array[float64]{"embeddings": onCircle(now...), "labels": vector(labels...), "weight": points, "proxies": points}
		maps.DeleteFunc(in, func(name string, _ loss.Array[float64]) bool { return !takes(e, name) })
		return in
	}
	v.along = func(x float64, g loss.Array[float64]) float64 { // by the angle in radians
		sin, cos := math.Sincos(x * math.Pi / 180)
		return -sin*g.Data[2] + cos*g.Data[3]
	}
	return v
}

// takes tells whether a loss has an input.
func takes(e loss.Entry, input string) bool {
	return slices.ContainsFunc(e.Inputs, func(in loss.Input) bool { return in.Name == input })
}

// onCircle are vectors of length 1 at angles in degrees.
func onCircle(angles ...float64) loss.Array[float64] {
	a := loss.Array[float64]{Shape: []int{len(angles), 2}}
	for _, angle := range angles {
		sin, cos := math.Sincos(angle * math.Pi / 180)
		a.Data = append(a.Data, cos, sin)
	}
	return a
}
