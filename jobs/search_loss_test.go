package jobs

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// flatten leaves a network one vector for all pictures: its last layer is its bias alone.
func flatten(t *testing.T, model job.Model) {
	t.Helper()
	var weight, bias []float32
	for _, p := range model.(train.Task).Params() {
		switch {
		case p.Name == "classes":
		case p.Value.Rank() == 1:
			bias = p.Value.Float32s()
		default:
			weight = p.Value.Float32s()
		}
	}
	for i := range weight {
		weight[i] = 0
	}
	for i := range bias {
		bias[i] = 1
	}
}

// TestCollapseUnderEachLoss: vectors that are all one are said to be collapsed under each loss. TestMetricLosses and TestSiameseRun have the ones that are not.
func TestCollapseUnderEachLoss(t *testing.T) {
	type run struct {
		name    string
		model   job.Model
		bounded bool
	}
	var runs []run
	for _, l := range metricLosses {
		for _, raw := range []bool{false, true} {
			c := smallSearch()
			c.Loss, c.Raw = l.name, raw
			runs = append(runs, run{fmt.Sprintf("%s, raw %v", l.name, raw), opened(t, searchJob, c), !raw})
		}
	}
	for _, l := range pairLosses {
		c := smallSiamese()
		c.Loss = l
		runs = append(runs, run{l, opened(t, siameseJob, c), l == "cosine_embedding"})
	}
	for _, r := range runs {
		before, err := r.model.Evaluate(t.Context())
		if err != nil || before.Diagnosis.Collapsed {
			t.Fatalf("%s: before training %+v, %v", r.name, before.Diagnosis, err)
		}
		r.model.Scale(before.Diagnosis.Spread)
		flatten(t, r.model)
		after, err := r.model.Evaluate(t.Context())
		if d := after.Diagnosis; err != nil || !d.Collapsed || !strings.Contains(d.Why, "are flat") || strings.Contains(d.Why, "is possible") != r.bounded {
			t.Errorf("%s: error %v, spread %v of %v: %q, %v", r.name, after.Error.Value, d.Spread, d.Scale, d.Why, err)
		}
	}
}

// TestScalesOfLosses lists what each loss looks for, in its own distance of unit vectors.
func TestScalesOfLosses(t *testing.T) {
	for name, want := range map[string]struct {
		energies           string
		margin, looks, top float64
	}{
		"triplet":          {"distances", 0.2, 0, 1},
		"contrastive":      {"distances", 1, 0, 1},
		"n_pairs":          {"cosine distances", 0, 0, 1},
		"nt_xent":          {"cosine distances", 0, 0.07, 1},
		"sup_con":          {"cosine distances", 0, 0.1, 1},
		"multi_similarity": {"cosine distances", 0, 0.02, 1},
		"circle":           {"cosine distances", 0.4, 0, 1},
		"proxy_nca":        {"squared distances", 0, 1. / 9, 2},
		"proxy_anchor":     {"cosine distances", 0, 1. / 32, 1},
		"arcface":          {"cosine distances", 0, 1. / 64, 1},
		"cosface":          {"cosine distances", 0, 1. / 64, 1},
		"vicreg":           {"squared distances", 0, 0, 2},
		"barlow_twins":     {"cosine distances", 0, 0, 1},
	} {
		c := smallSearch()
		c.Loss = name
		s := c.loss().subject(c)
		if s.Terms.Energies != want.energies || s.Margin != want.margin || math.Abs(s.Looks-want.looks) > 1e-15 || s.Range != want.top || (s.Terms.Kept.Key == "margin_kept") != (want.margin > 0) || (s.LooksName != "") != (want.looks > 0) {
			t.Errorf("%s: %+v", name, s)
		}
		if c.Raw = true; c.loss().subject(c).Range != 0 || c.loss().energy(c) != nil {
			t.Errorf("%s of vectors of any length: %+v", name, c.loss().subject(c))
		}
	}
	if len(metricLosses) != 13 {
		t.Errorf("there are %d losses; this test lists 13", len(metricLosses))
	}
	c := smallSearch()
	c.Loss, c.Temperature, c.Epochs = "sup_con", 0.05, 1
	if r, _, _ := searchOver(t, c); !strings.HasPrefix(r.Verdict, "The cosine distances of") || !strings.Contains(r.Verdict, " times the temperature 0.05; ") {
		t.Errorf("the verdict is %q", r.Verdict)
	}
}
