package tabular

import (
	"context"
	"math"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
)

// Measures is what a model came to on rows.
type Measures struct {
	Loss    float64                 // mean over the samples
	Stats   []functional.LabelStats // where the energies of each sample lie; of numbers E⁻ is that of the mean of the training rows
	Error   measure.Figure          // the first figure: less is better
	Chance  float64                 // the error of answers that do not look at the row
	Figures []measure.Figure        // besides the error

	// Of rows that have one of several classes each: the energies of all, [N, K], and the right ones.
	Energies []float32
	Right    []int
}

// Measure measures the model on rows. Of ranks with many rows in a group it takes some of the pairs, always the same ones.
//
// Errors: those of the functional or the loss; ctx has ended.
func (t *Trainer) Measure(ctx context.Context, p *Rows) (*Measures, error) {
	m := new(Measures)
	var out, energies []float32
	k, rows := 0, p.whole()
	for part := range slices.Chunk(rows, batchSize) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t.tape.Reset()
		o := t.model.forward(t.tape, &t.batch, p.x, part)
		e := t.energies(o)
		l, err := t.record(o, e, p, part)
		if err != nil {
			return nil, err
		}
		m.Loss += float64(l.Value.Float32s()[0]) * float64(len(part)) / float64(len(rows))
		out, energies, k = append(out, o.Value.Float32s()...), append(energies, e.Value.Float32s()...), e.Value.Dim(1)
	}
	if t.model.Schema.Target.Kind == data.TableNumber {
		m.number(out, p.y, &t.model.Schema.Target)
		return m, nil
	}
	places := t.answers(p, rows)
	m.Stats = make([]functional.LabelStats, len(places))
	if err := functional.Stats(m.Stats, energies, k, places); err != nil {
		return nil, err
	}
	switch t.model.Schema.Target.Kind {
	case data.TableClass:
		m.class(places, k)
		m.Energies, m.Right = energies, places
	case data.TableClasses:
		m.classes(out, places, len(t.model.Schema.Target.Classes))
	default:
		m.order()
	}
	return m, nil
}

// class takes the share of rows whose class of least energy, the first of equals, is not the right one.
func (m *Measures) class(right []int, k int) {
	wrong, counts := 0, make([]int, k)
	for i, x := range m.Stats {
		counts[right[i]]++
		if !(x.Gap() > 0 || x.Gap() == 0 && right[i] < x.Answer) {
			wrong++
		}
	}
	n := float64(len(right))
	q := measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of the rows wrong"}
	m.Error, m.Chance = q.Of(measure.Ratio(float64(wrong), n)), measure.Ratio(n-float64(slices.Max(counts)), n)
}

// classes takes the share of rows whose classes with energies below 0 are not exactly the right ones. places has 0 for each right one.
func (m *Measures) classes(energies []float32, places []int, k int) {
	all := measure.Labelled{N: len(energies) / k, K: k}
	for i, e := range energies {
		all.Scores, all.Right = append(all.Scores, -e), append(all.Right, places[i] == 0)
	}
	q := measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of the rows have not exactly their classes in the answer"}
	m.Error, m.Chance = q.Of(all.Wrong(0)), all.Chance()
	m.Figures = []measure.Figure{
		measure.Quantity{Key: "mean_average_precision", Name: "Mean AP", Unit: measure.Share, Note: "average precision, mean over the classes"}.Of(all.MeanAveragePrecision()),
		measure.Quantity{Key: "coverage", Name: "Coverage", Note: "scores from the best down that have all of a row's classes, mean"}.Of(all.MeanCoverage()),
	}
}

// number takes 1 − R² = Σ(y − f(x))²/Σ(y − ȳ)². A constant answer has 1 at best.
func (m *Measures) number(out, right []float32, target *data.TableTarget) {
	n := float64(len(out))
	var mean, off, away, distance float64
	for _, y := range right {
		mean += float64(y) / n
	}
	for i, y := range right {
		d, fromMean, fromTrained := float64(out[i])-float64(y), float64(y)-mean, float64(y)
		off, away, distance = off+float64(d*d), away+float64(fromMean*fromMean), distance+math.Abs(d)/n
		e, rival := float64(d*d)/2, float64(fromTrained*fromTrained)/2
		m.Stats = append(m.Stats, functional.LabelStats{Correct: e, Offending: rival, Answer: 1, Spread: math.Abs(rival-e) / 2})
	}
	ratio, unit := measure.Ratio(off, away), "in the unit of "+target.Column
	m.Error, m.Chance = measure.Quantity{Key: "unexplained", Name: "Unexplained", Unit: measure.Share, Note: "of the target's variance is left"}.Of(ratio), 1
	m.Figures = []measure.Figure{
		measure.Quantity{Key: "r2", Name: "R²", Note: "1 is exact, 0 the mean of the rows"}.Of(1 - ratio),
		measure.Quantity{Key: "mae", Name: "MAE", Note: "mean absolute error, " + unit}.Of(distance * target.Scale),
		measure.Quantity{Key: "rmse", Name: "RMSE", Note: "root mean squared error, " + unit}.Of(math.Sqrt(off/n) * target.Scale),
	}
}

// order takes the share of pairs of which the greater row has no lower energy.
func (m *Measures) order() {
	right := 0
	for _, x := range m.Stats {
		if x.Gap() > 0 {
			right++
		}
	}
	share := measure.Ratio(float64(right), float64(len(m.Stats)))
	m.Error, m.Chance = measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of the pairs not in order"}.Of(1-share), 0.5
	m.Figures = []measure.Figure{measure.Quantity{Key: "in_order", Name: "In order", Unit: measure.Share, Note: "of the pairs"}.Of(share)}
}
