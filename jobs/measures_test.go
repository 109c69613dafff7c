package jobs

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
	"github.com/energo-ml/energo/train/lesson"
)

// refused stands for an error instead of values.
var refused []float64

// measuredInputs are what every measure is given. NaN and infinities are in different places, as they sort to different ends.
var measuredInputs = []struct {
	name string
	x    []float64
}{
	{"NaN", []float64{1, math.NaN(), 3, 4}},
	{"+Inf", []float64{1, 2, 3, math.Inf(1)}},
	{"-Inf", []float64{math.Inf(-1), 2, 3, 4}},
	{"empty", nil},
	{"constant", []float64{2, 2, 2, 2}},
	{"finite", []float64{1, 2, 3, 4}},
}

// measures has a row for each measure that jobs report: what it says of each of measuredInputs.
var measures = []struct {
	name string
	of   func(t *testing.T, x []float64) []float64
	want [6][]float64
}{{
	"mean", func(_ *testing.T, x []float64) []float64 { return []float64{measure.Mean(x)} },
	[6][]float64{{nan}, {inf}, {-inf}, {nan}, {2}, {2.5}},
}, {
	"quantiles", func(_ *testing.T, x []float64) []float64 {
		s := measure.Sorted(x)
		return []float64{measure.Quantile(s, 0), measure.Quantile(s, 0.5), measure.Quantile(s, 1)}
	},
	[6][]float64{{nan, nan, nan}, {1, 2.5, inf}, {-inf, 2.5, 4}, {nan, nan, nan}, {2, 2, 2}, {1, 2.5, 4}},
}, {
	"AUROC of foreign scores", func(_ *testing.T, x []float64) []float64 { return []float64{measure.AUROC([]float64{2, 3}, x)} },
	[6][]float64{{nan}, {0.5}, {0.5}, {nan}, {0.25}, {0.5}},
}, {
	"AUROC of own scores", func(_ *testing.T, x []float64) []float64 { return []float64{measure.AUROC(x, []float64{2, 3})} },
	[6][]float64{{nan}, {0.5}, {0.5}, {nan}, {0.75}, {0.5}},
}, {
	"calibration", func(t *testing.T, x []float64) []float64 {
		c, err := measure.Calibrate(surface.Single(x), 2, make([]byte, len(x)/2))
		if err != nil {
			t.Fatal(err)
		}
		return []float64{float64(c.ECE), float64(c.NLL)}
	},
	[6][]float64{{nan, nan}, {0.1344707, 0.1566308}, {nan, nan}, {nan, nan}, {0.5, math.Ln2}, {0.2689414, 0.3132617}},
}, {
	"entropy", func(_ *testing.T, x []float64) []float64 {
		sum := 0.0
		for _, v := range x {
			sum += measure.Entropy(v / 10)
		}
		return []float64{sum}
	},
	[6][]float64{{nan}, {-inf}, {nan}, {0}, {1.2875503}, {1.2798542}},
}, {
	"quality by distances", func(_ *testing.T, x []float64) []float64 {
		q := measure.QualityOf(make([]float32, 2*len(x)), 2, x, 2.5)
		return []float64{q.Copies, q.Nearest}
	},
	[6][]float64{{nan, nan}, {0.5, 2.5}, {0.5, 2.5}, {nan, nan}, {1, 2}, {0.5, 2.5}},
}, {
	"quality by probabilities", func(_ *testing.T, x []float64) []float64 {
		q := measure.QualityOf(surface.Single(x), 2, make([]float64, len(x)/2), 1)
		return []float64{q.Confidence}
	},
	[6][]float64{{nan}, {inf}, {3}, {nan}, {2}, {3}},
}, {
	"discrepancy of pictures", func(_ *testing.T, x []float64) []float64 {
		return []float64{pictureDiscrepancy(surface.Single(x), surface.Single(x), 2)}
	},
	[6][]float64{{nan}, {nan}, {nan}, {nan}, {nan}, {-0.3934693}},
}, {
	"discrepancy of points", func(_ *testing.T, x []float64) []float64 {
		var points [][2]float64
		for i := 0; i+1 < len(x); i += 2 {
			points = append(points, [2]float64{x[i], x[i+1]})
		}
		return []float64{measure.Discrepancy(points, [][2]float64{{1, 2}, {3, 4}})}
	},
	[6][]float64{{nan}, {-0.4908422}, {-0.4908422}, {nan}, {0.3297000}, {-0.9816844}},
}, {
	"distance from the training set", func(t *testing.T, x []float64) []float64 {
		j := judge{set: &data.Images{N: 1, H: 1, W: 2, Pixels: []byte{0, 0}, Labels: []byte{0}}}
		far, _, err := j.neighbours(t.Context(), surface.Single(x))
		if err != nil {
			t.Fatal(err)
		}
		return far
	},
	[6][]float64{{nan, 5}, {math.Sqrt(5), inf}, {inf, 5}, {}, {math.Sqrt(8), math.Sqrt(8)}, {math.Sqrt(5), 5}},
}, {
	"lost variance", func(_ *testing.T, x []float64) []float64 {
		squares := 0.0
		for _, v := range x {
			squares += v
		}
		f, chance := varianceLost(squares, 2)
		none, blind := varianceLost(squares, 0)
		return []float64{float64(f.Value), chance, float64(none.Value), blind}
	},
	[6][]float64{{nan, 1, nan, nan}, {inf, 1, nan, nan}, {-inf, 1, nan, nan}, {0, 1, nan, nan}, {4, 1, nan, nan}, {5, 1, nan, nan}},
}, {
	"diagnosis", func(_ *testing.T, x []float64) []float64 {
		var stats []functional.LabelStats
		for _, v := range x {
			stats = append(stats, functional.LabelStats{Correct: v, Offending: v + 1, Spread: 1})
		}
		e := train.Diagnose(stats, train.Subject{Loss: "l", Terms: train.AnswerTerms("samples", 0), Scale: 1}, train.WrongSamples.Of(0.1), 0.9)
		fault := 0.0
		if e.Fault() != "" {
			fault = 1
		}
		d := e.Diagnosis
		return []float64{float64(d.Correct.Mean), float64(d.Gap.P50), float64(d.Kept), fault}
	},
	[6][]float64{{nan, nan, 0.75, 1}, {inf, nan, 0.75, 1}, {-inf, nan, 0.75, 1}, {nan, nan, nan, 0}, {2, 1, 1, 0}, {2.5, 1, 1, 0}},
}, {
	"verification", func(_ *testing.T, x []float64) []float64 {
		v, err := retrieval.Verify(x, []bool{true, false, true, false}[:len(x)])
		if err != nil {
			return refused
		}
		return []float64{v.AUC, v.EER, v.Accuracy, v.AccuracyAt(nan)}
	},
	[6][]float64{refused, refused, refused, refused, {0.5, 0.5, 0.5, nan}, {0.75, 0.5, 0.75, nan}},
}, {
	"retrieval", func(t *testing.T, x []float64) []float64 {
		r, err := retrieval.Evaluate(t.Context(), surface.Single(x), 1, []int{0, 0, 1, 1}[:len(x)], retrieval.Options{})
		if err != nil {
			return refused
		}
		return []float64{r.Precision1, r.MAPAtR}
	},
	[6][]float64{refused, refused, refused, refused, {0.5, 0.5}, {0.75, 0.75}},
}, {
	"film", func(_ *testing.T, x []float64) []float64 {
		if len(x) == 0 { // a film has two places or more on each axis
			return nil
		}
		f := surface.Film{X: []float64{0, 1}, Y: []float64{0, 1}, Frames: []surface.Frame{
			{Energy: []float32{1, 2, 3, 4}}, {Energy: surface.Single(x), Correct: surface.Single(x), Other: []float32{2.5, 2.5, 2.5, 2.5}},
		}}
		alarm := 0.0
		if f.Alarm() != "" {
			alarm = 1
		}
		return []float64{f.Spread(1), f.Kept(1), alarm}
	},
	[6][]float64{{nan, 0.25, 1}, {nan, 0.5, 1}, {nan, 0.5, 1}, {}, {0, 1, 1}, {math.Sqrt(1.25), 0.5, 0}},
}, {
	"answers of a surface", func(_ *testing.T, x []float64) []float64 {
		s := lesson.Grid{X: make([]float64, len(x)/2), Y: []float64{0, 1}, Energies: x}
		return s.Inferred()
	},
	[6][]float64{{nan, 0}, {0, 0}, {0, 0}, {}, {0, 0}, {0, 0}},
}}

var nan, inf = math.NaN(), math.Inf(1)

// TestMeasures holds every measure against what is not finite, nothing and what is all alike: each has an answer, soon.
func TestMeasures(t *testing.T) {
	const deadline = 10 * time.Second // a hang, not a speed
	for _, m := range measures {
		for i, in := range measuredInputs {
			x, done := slices.Clone(in.x), make(chan []float64, 1)
			go func() {
				defer func() {
					if v := recover(); v != nil {
						t.Errorf("%s of %s: panic: %v", m.name, in.name, v)
						done <- m.want[i]
					}
				}()
				done <- m.of(t, x)
			}()
			select {
			case got := <-done:
				if !alikeNumbers(got, m.want[i]) {
					t.Errorf("%s of %s is %v, want %v", m.name, in.name, got, m.want[i])
				}
			case <-time.After(deadline):
				t.Fatalf("%s of %s has not ended after %v", m.name, in.name, deadline)
			}
		}
	}
}

// alikeNumbers tells whether two lists agree in six digits, NaN being NaN.
func alikeNumbers(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool {
		return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= 1e-6*math.Max(1, math.Abs(y))
	})
}
