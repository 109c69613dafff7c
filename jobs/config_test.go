package jobs

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/job"
)

func TestDefaultsResolve(t *testing.T) {
	for _, model := range Models {
		for _, optimizer := range job.Optimizers {
			c := atDefaults[*Digits](digitsJob)
			c.Model, c.Optimizer = model, optimizer
			if err := job.Resolve(digitsJob, c); err != nil {
				t.Fatal(err)
			}
			if c.Epochs < 1 || c.Batch < 1 || c.LR <= 0 || c.Beta <= 0 {
				t.Errorf("%s with %s resolves to %+v", model, optimizer, c)
			}
			before := fmt.Sprint(c.Options().Values())
			if err := job.Resolve(digitsJob, c); err != nil || fmt.Sprint(c.Options().Values()) != before {
				t.Errorf("resolved twice it is %+v, once %s, %v", c, before, err)
			}
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*Digits){
		`model is "resnet"`:      func(c *Digits) { c.Model = "resnet" },
		`energy is ""`:           func(c *Digits) { c.Energy = "" },
		`codes is "random"`:      func(c *Digits) { c.Energy, c.Codes = "code", "random" },
		`optimizer is "lbfgs"`:   func(c *Digits) { c.Optimizer = "lbfgs" },
		`schedule is "linear"`:   func(c *Digits) { c.Schedule = "linear" },
		`functional is "hinges"`: func(c *Digits) { c.Functional = "hinges" },
		"margin is -1":           func(c *Digits) { c.Functional, c.Margin = "hinge", -1 },
		"beta is 0":              func(c *Digits) { c.Beta = 0 },
		"cost has 1 rows":        func(c *Digits) { c.Functional, c.Cost = "margin_cost", [][]float64{{0}} },
		"epochs is -1":           func(c *Digits) { c.Epochs = -1 },
		"batch is -1":            func(c *Digits) { c.Batch = -1 },
		"batch is 4611686018":    func(c *Digits) { c.Batch = 1 << 62 },
		"warmup is -1":           func(c *Digits) { c.Warmup = -1 },
		"validation is -1":       func(c *Digits) { c.Validation = -1 },
		"patience is -1":         func(c *Digits) { c.Patience = -1 },
		"limit is -1":            func(c *Digits) { c.Limit = -1 },
		"threads is -1":          func(c *Digits) { c.Threads = -1 },
		"checkpoint is -1":       func(c *Digits) { c.Checkpoint = -1 },
		"lr is -1":               func(c *Digits) { c.LR = -1 },
		"lr is NaN":              func(c *Digits) { c.LR = math.NaN() },
		"lr is +Inf":             func(c *Digits) { c.LR = math.Inf(1) },
		"weight_decay is -1":     func(c *Digits) { c.WeightDecay = -1 },
		"l1 is NaN":              func(c *Digits) { c.L1 = math.NaN() },
		"clip is -1":             func(c *Digits) { c.Clip = -1 },
		"margin is NaN":          func(c *Digits) { c.Functional, c.Margin = "hinge", math.NaN() },
		"beta is 1e+308":         func(c *Digits) { c.Beta = 1e308 },
		"gamma is 1e-320":        func(c *Digits) { c.Functional, c.Gamma = "square_exp", 1e-320 },
		"ema is 1":               func(c *Digits) { c.EMA = 1 },
		"ema is -0.5":            func(c *Digits) { c.EMA = -0.5 },
	} {
		c := atDefaults[*Digits](digitsJob)
		spoil(c)
		if err := job.Resolve(digitsJob, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}

func TestReadConfig(t *testing.T) {
	read := func(text string) (*Digits, error) {
		c := atDefaults[*Digits](digitsJob)
		_, err := job.Read("c.yaml", []byte(text), digitsJob, c)
		return c, err
	}
	want := atDefaults[*Digits](digitsJob)
	if got, err := read(""); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("an empty file gives %+v, %v", got, err)
	}
	want.Model, want.Margin, want.Cost = "mlp", 0, [][]float64{{0, 1}, {2, 0}}
	if got, err := read("model: mlp\nmargin: 0\ncost: [[0, 1], [2, 0]]\n"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"modell: mlp":     "modell",
		"epochs: many":    "many",
		"cost: [[0, a]]":  "cost",
		"[]":              "map of settings",
		"\tmodel: mlp":    "yaml",
		"recipe: tagger":  `recipe is "tagger"`,
		"model: [a, mlp]": "model",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "c.yaml") {
			t.Errorf("%q: error %v; it should name %q and the file", text, err, want)
		}
	}
}

// TestFingerprint: all settings but three shape the weights, where they count.
func TestFingerprint(t *testing.T) {
	checkFingerprints(t, func() job.Spec { return atDefaults[*Digits](digitsJob) }, []string{"data", "threads", "checkpoint"}, map[string]string{
		"codes": "energy=code", "label_smoothing": "loss=cross_entropy", "margin": "functional=hinge", "gamma": "functional=square_exp",
		"cap": "functional=lvq2", "rival": "functional=hinge", "delta": "functional=lvq2", "cost": "functional=margin_cost",
	})
	text, err := atDefaults[*Digits](digitsJob).Options().Write()
	if err != nil || strings.Contains(string(text), "cost") {
		t.Errorf("without a cost matrix the file is %s, %v", text, err)
	}
}

// checkFingerprints changes every setting of a job in turn: all but the free ones shape the weights. beside has, for those that
// only count beside other settings, these with their values.
func checkFingerprints(t *testing.T, fresh func() job.Spec, free []string, beside map[string]string) {
	t.Helper()
	for _, name := range fresh().Options().Names() {
		c := fresh()
		for _, set := range strings.Fields(beside[name]) {
			other, value, _ := strings.Cut(set, "=")
			if err := c.Options().Find(other).Set(value); err != nil {
				t.Fatal(err)
			}
		}
		before, own := c.Options().Fingerprint(), c.Options().Find(name)
		value := map[string]string{"bool": "true", "int": "7", "uint": "7", "float": "0.125", "matrix": "[[0,1],[1,0]]", "string": "other", "strings": "a,b"}[own.Type()]
		if choices := own.Choices(); len(choices) > 0 {
			value = choices[len(choices)-1]
			if value == own.String() {
				value = choices[0]
			}
		}
		if err := own.Set(value); err != nil {
			t.Fatal(err)
		}
		if same := reflect.DeepEqual(before, c.Options().Fingerprint()); same != slices.Contains(free, name) {
			t.Errorf("%s changed to %s: the fingerprint stays as it was is %v", name, value, same)
		}
	}
}
