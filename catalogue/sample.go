package catalogue

import (
	"maps"

	"github.com/energo-ml/energo/loss"
)

// Sample returns small inputs that a loss takes; nil for a loss without a picture.
func Sample(e loss.Entry) map[string]loss.Array[float64] {
	switch e.Name {
	case "triplet", "triplet_with_distance":
		return triplet()
	case "ctc":
		return blankAndTwo()
	case "vicreg", "barlow_twins":
		return twoViews()
	}
	if e.Batch {
		in := fourSamples()
		maps.DeleteFunc(in, func(name string, _ loss.Array[float64]) bool { return !takes(e, name) })
		return in
	}
	v, ok := viewOf(e)
	if !ok {
		return nil
	}
	return v.request((v.lo+v.hi)/2+0.25, v.targets[0])
}

// Example returns a request that Answer answers, with the inputs of Sample; "" where there are none.
func Example(e loss.Entry) string {
	inputs := Sample(e)
	if inputs == nil {
		return ""
	}
	v, _ := viewOf(e)
	return Line(e.Called(), loss.Request{Options: v.base, Inputs: inputs})
}

// triplet is one in the plane whose negative is nearer than its positive.
func triplet() map[string]loss.Array[float64] {
	return map[string]loss.Array[float64]{"anchor": vector(0, 0), "positive": vector(1.5, 0.9), "negative": vector(0.9, -0.9)}
}

// blankAndTwo is three frames of a blank and two classes, and the target 1, 2.
func blankAndTwo() map[string]loss.Array[float64] {
	return map[string]loss.Array[float64]{
		"logits":  {Shape: []int{3, 3}, Data: []float64{0, 2, 1, 1, 0.5, 0, 0, 1, 3}},
		"targets": {Shape: []int{2}, Data: []float64{1, 2}},
	}
}

// fourSamples are two samples of each of two labels, and a point of each label, by all the
// names that the losses have for it.
func fourSamples() map[string]loss.Array[float64] {
	points := loss.Array[float64]{Shape: []int{2, 2}, Data: []float64{1, 0.5, -0.5, 1}}
	return map[string]loss.Array[float64]{
		"embeddings": {Shape: []int{4, 2}, Data: []float64{1, 0, 0.5, 1, 0, 1, -1, 0.5}},
		"labels":     {Shape: []int{4}, Data: []float64{0, 0, 1, 1}},
		"weight":     points, "proxies": points,
	}
}

// twoViews are three samples, seen twice.
func twoViews() map[string]loss.Array[float64] {
	return map[string]loss.Array[float64]{
		"x": {Shape: []int{3, 2}, Data: []float64{1, 0, 0, 0.5, -1, 1}},
		"y": {Shape: []int{3, 2}, Data: []float64{0.9, 0.1, 0, 0.75, -1, 0.5}},
	}
}
