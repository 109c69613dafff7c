package jobs

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/retrieval"
)

// A plainEncoder is vectors of pictures without training, which a run's are held against.
type plainEncoder struct {
	name  string
	dim   func(set *data.Pictures) int
	embed func(ctx context.Context, set *data.Pictures) ([]float32, error)
}

// plainEncoders are compared by the Euclidean distance.
var plainEncoders = []plainEncoder{
	{"raw pixels", thumbDim, func(_ context.Context, set *data.Pictures) ([]float32, error) { return thumbs(set), nil }},
	{"a colour histogram", func(*data.Pictures) int { return encode.Histogram{}.Dim() }, encode.Histogram{}.Embed},
}

// thumbSide is how many pixels a side has, at most, whose picture is compared by its pixels as it is; larger ones are averaged over blocks.
const thumbSide = 32

// thumbSize is the size of a set's pictures as they are compared by pixels, and how many pixels across and down are averaged.
func thumbSize(set *data.Pictures) (h, w, block int) {
	block = (max(set.H, set.W) + thumbSide - 1) / thumbSide
	return max(set.H/block, 1), max(set.W/block, 1), block
}

func thumbDim(set *data.Pictures) int {
	h, w, _ := thumbSize(set)
	return set.C * h * w
}

// thumbs returns the pixels of a set's pictures, in [0, 1].
func thumbs(set *data.Pictures) []float32 {
	h, w, block := thumbSize(set)
	out := make([]float32, 0, set.N*set.C*h*w)
	for i := range set.N {
		for c := range set.C {
			plane := set.Picture(i)[c*set.H*set.W:][:set.H*set.W]
			for y := range h {
				for x := range w {
					sum := 0
					for dy := range block {
						for _, v := range plane[(y*block+dy)*set.W+x*block:][:block] {
							sum += int(v)
						}
					}
					out = append(out, float32(sum)/float32(255*block*block))
				}
			}
		}
	}
	return out
}

// baselines are what chance and plain vectors come to on the test pictures of a run, whose own figures are last.
func baselines(ctx context.Context, test *data.Pictures, own *retrieval.Report) ([]report.Baseline, error) {
	precision, mapAtR := retrieval.Chance(test.Labels)
	all := []report.Baseline{{Name: "chance", Precision1: precision, MAPAtR: mapAtR}}
	for _, e := range plainEncoders {
		x, err := e.embed(ctx, test)
		if err != nil {
			return nil, err
		}
		r, err := retrieval.Evaluate(ctx, x, e.dim(test), test.Labels, retrieval.Options{K: []int{1}, Distance: distance.Measure{}})
		if err != nil {
			return nil, err
		}
		all = append(all, report.Baseline{Name: e.name, Precision1: r.Precision1, MAPAtR: r.MAPAtR})
	}
	return append(all, report.Baseline{Name: "this run", Precision1: own.Precision1, MAPAtR: own.MAPAtR}), nil
}

// baselineTable shows baselines.
func baselineTable(all []report.Baseline) measure.Table {
	t := measure.Table{Key: "baselines", Name: "nearest by", Columns: []measure.Quantity{
		{Key: "precision_at_1", Name: "Precision@1", Unit: measure.Share},
		{Key: "map_at_r", Name: "MAP@R", Unit: measure.Share},
	}}
	for _, b := range all {
		t.Add(b.Name, b.Precision1, b.MAPAtR)
	}
	return t
}

// gain is how much better a run is than the best of the plain ways.
func gain(what string, own float64, best report.Baseline, of float64) measure.Figure {
	q := measure.Quantity{Key: "gain", Name: "Gain", Unit: measure.Share, Note: fmt.Sprintf("of %s over the best way without training, %s with %s", what, best.Name, measure.Share.Text(of))}
	if !(own > of) {
		q.Note = fmt.Sprintf("of %s: the run does not beat %s with %s", what, best.Name, measure.Share.Text(of))
	}
	return q.Of(own - of)
}
