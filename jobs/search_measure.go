package jobs

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
)

// mistakesKept is how many of the hardest mistakes are written down.
const mistakesKept = 24

// Measure implements job.Model. The energies are of the pictures held out of training, and so is the verdict; the error is of the test pictures.
func (t *searchTask) Measure(ctx context.Context) (*job.Measures, error) {
	e, err := t.Evaluate(ctx)
	switch {
	case err != nil:
		return nil, err
	case e.Fault() != "":
		return nil, errLost
	}
	x, err := t.look.Embed(ctx, t.test)
	if err != nil {
		return nil, err
	}
	figures := &report.Retrieval{Classes: t.set.Classes, HeldOut: t.c.HoldOutClasses}
	o := retrieval.Options{Distance: t.distance(), Mistakes: mistakesKept, Rand: train.Rand(1, "clusters", 0)}
	if figures.Among, err = retrieval.Evaluate(ctx, x, t.Dim, t.test.Labels, o); err != nil {
		return nil, err
	}
	if t.gallery != nil {
		if figures.InTraining, err = t.among(ctx, x, t.gallery); err != nil {
			return nil, err
		}
	}
	e.Error.Value, e.Diagnosis.Chance = measure.Number(1-figures.Among.Precision1), measure.Number(wrongByChance(t.test.Labels))
	return &job.Measures{
		Evaluation: e, Figures: retrievalFigures(figures.Among), Tables: []measure.Table{t.galleries(figures)},
		Write: func(_ context.Context, dir string) error {
			if err := figures.Write(dir); err != nil {
				return err
			}
			return t.vectorsOf(t.test, x).Write(dir)
		},
	}, nil
}

// among searches for the test pictures, whose vectors are x, among those of a set that does not hold them.
func (t *searchTask) among(ctx context.Context, x []float32, set *data.Pictures) (*retrieval.Report, error) {
	vectors, err := t.look.Embed(ctx, set)
	if err != nil {
		return nil, err
	}
	return retrieval.Against(ctx, x, t.test.Labels, vectors, set.Labels, t.Dim, retrieval.Options{Distance: t.distance(), Mistakes: mistakesKept})
}

// retrievalFigures are what searching came to.
func retrievalFigures(r *retrieval.Report) []measure.Figure {
	share := func(key, name, note string, v float64) measure.Figure {
		return measure.Quantity{Key: key, Name: name, Unit: measure.Share, Note: note}.Of(v)
	}
	return []measure.Figure{
		share("precision_at_1", "Precision@1", "of the test pictures have one of their class as the nearest other one", r.Precision1),
		share("r_precision", "R-precision", "right ones among the R nearest, R being all of the class", r.RPrecision),
		share("map_at_r", "MAP@R", "as R-precision, but right ones count more in front", r.MAPAtR),
		measure.Quantity{Key: "nmi", Name: "NMI", Note: "how well clusters of the vectors agree with the classes, from 0 to 1"}.Of(*r.NMI),
	}
}

// galleries are the figures by what is searched.
func (t *searchTask) galleries(figures *report.Retrieval) measure.Table {
	table := measure.Table{Key: "among", Name: "among"}
	column := func(key, name string, unit measure.Unit) {
		table.Columns = append(table.Columns, measure.Quantity{Key: key, Name: name, Unit: unit})
	}
	column("queries", "Queries", measure.Count)
	for _, k := range figures.Among.Recall {
		column(fmt.Sprintf("recall_at_%d", k.K), fmt.Sprintf("Recall@%d", k.K), measure.Share)
	}
	column("r_precision", "R-precision", measure.Share)
	column("map_at_r", "MAP@R", measure.Share)
	add := func(name string, r *retrieval.Report) {
		values := []float64{float64(r.Queries)}
		for _, k := range r.Recall {
			values = append(values, k.Share)
		}
		table.Add(fmt.Sprintf("%d %s", r.Gallery, name), append(values, r.RPrecision, r.MAPAtR)...)
	}
	add("test pictures", figures.Among)
	if figures.InTraining != nil {
		add("training pictures", figures.InTraining)
	}
	return table
}
