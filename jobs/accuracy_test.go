package jobs

import (
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/job"
)

// TestAccuracy trains on MNIST itself and holds what docs/results.md says: the models'
// errors, each good functional within half a point of NLL, and which energies collapse.
// It takes a quarter of an hour on two cores: go test ./jobs -run Accuracy -long -timeout 1h
func TestAccuracy(t *testing.T) {
	if !*long {
		t.Skip("takes minutes; run it with -long")
	}
	trainSet, testSet, err := data.LoadDigits(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(change func(*Digits)) *job.Result {
		t.Helper()
		c := atDefaults[*Digits](digitsJob)
		c.Labelled = inMemory(trainSet, testSet)
		change(c)
		r, err := resumed(t.Context(), c, t.TempDir(), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %s energy, %s, %d epochs: error %.2f %% in %.0f s", c.Model, c.Energy, c.Functional, r.Epochs, 100*r.TestError, r.TrainSeconds)
		return r
	}
	for _, test := range []struct {
		name   string
		limit  float64
		change func(*Digits)
	}{
		{"linear", 0.085, func(c *Digits) { c.Model = "linear" }},
		{"mlp", 0.018, func(c *Digits) { c.Model = "mlp" }},
		{"cnn", 0.010, func(c *Digits) { c.Seed = 2 }},
		{"cnn for longer", 0.007, func(c *Digits) { c.Epochs, c.Augment, c.EMA = 20, true, 0.999 }},
		{"fixed codes by the energy loss", 0.018, func(c *Digits) { c.Energy, c.Functional, c.Epochs = "code", "energy", 3 }},
	} {
		if r := run(test.change); float64(r.TestError) > test.limit || r.Collapsed {
			t.Errorf("%s: error %v, collapsed is %v; want at most %v", test.name, r.TestError, r.Collapsed, test.limit)
		}
	}
	nll := run(func(*Digits) {})
	for _, entry := range functional.Catalogue() {
		if !entry.GoodMargin || entry.Name == "nll" {
			continue
		}
		r := run(func(c *Digits) { c.Functional = entry.Name })
		if r.TestError > nll.TestError+0.005 || r.Collapsed {
			t.Errorf("%s: error %v, collapsed is %v; nll has %v", entry.Name, r.TestError, r.Collapsed, nll.TestError)
		}
	}
	for _, model := range Models {
		r := run(func(c *Digits) {
			c.Model, c.Energy, c.Codes, c.Functional, c.Epochs = model, "code", "learned", "energy", 2
		})
		if !r.Collapsed {
			t.Errorf("%s: the energy loss with learned codes is not reported as collapsed: %+v", model, r.Energy)
		}
	}
}
