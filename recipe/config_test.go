package recipe

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestDefaultsResolve(t *testing.T) {
	for _, model := range Models {
		for _, optimizer := range Optimizers {
			c := DefaultDigits()
			c.Model, c.Optimizer = model, optimizer
			c, err := c.Resolve()
			if err != nil {
				t.Fatal(err)
			}
			if c.Epochs < 1 || c.Batch < 1 || c.LR <= 0 || c.Beta <= 0 {
				t.Errorf("%s with %s resolves to %+v", model, optimizer, c)
			}
			again, err := c.Resolve()
			if err != nil || !reflect.DeepEqual(again, c) {
				t.Errorf("resolved twice it is %+v, once %+v", again, c)
			}
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*DigitsConfig){
		`recipe is "other"`:    func(c *DigitsConfig) { c.Recipe = "other" },
		`model is "resnet"`:    func(c *DigitsConfig) { c.Model = "resnet" },
		`energy is ""`:         func(c *DigitsConfig) { c.Energy = "" },
		`codes is "random"`:    func(c *DigitsConfig) { c.Codes = "random" },
		`optimizer is "lbfgs"`: func(c *DigitsConfig) { c.Optimizer = "lbfgs" },
		`schedule is "linear"`: func(c *DigitsConfig) { c.Schedule = "linear" },
		`none called "hinges"`: func(c *DigitsConfig) { c.Functional = "hinges" },
		"margin is -1":         func(c *DigitsConfig) { c.Functional, c.Margin = "hinge", -1 },
		"beta is 0":            func(c *DigitsConfig) { c.Beta = 0 },
		"cost has 1 rows":      func(c *DigitsConfig) { c.Functional, c.Cost = "margin_cost", [][]float64{{0}} },
		"epochs is -1":         func(c *DigitsConfig) { c.Epochs = -1 },
		"batch is -1":          func(c *DigitsConfig) { c.Batch = -1 },
		"batch is 4611686018":  func(c *DigitsConfig) { c.Batch = 1 << 62 },
		"warmup is -1":         func(c *DigitsConfig) { c.Warmup = -1 },
		"validation is -1":     func(c *DigitsConfig) { c.Validation = -1 },
		"patience is -1":       func(c *DigitsConfig) { c.Patience = -1 },
		"limit is -1":          func(c *DigitsConfig) { c.Limit = -1 },
		"threads is -1":        func(c *DigitsConfig) { c.Threads = -1 },
		"checkpoint is -1":     func(c *DigitsConfig) { c.Checkpoint = -1 },
		"lr is -1":             func(c *DigitsConfig) { c.LR = -1 },
		"lr is NaN":            func(c *DigitsConfig) { c.LR = math.NaN() },
		"lr is +Inf":           func(c *DigitsConfig) { c.LR = math.Inf(1) },
		"weight_decay is -1":   func(c *DigitsConfig) { c.WeightDecay = -1 },
		"l1 is NaN":            func(c *DigitsConfig) { c.L1 = math.NaN() },
		"clip is -1":           func(c *DigitsConfig) { c.Clip = -1 },
		"margin is NaN":        func(c *DigitsConfig) { c.Margin = math.NaN() },
		"beta is 1e+308":       func(c *DigitsConfig) { c.Beta = 1e308 },
		"gamma is 1e-320":      func(c *DigitsConfig) { c.Gamma = 1e-320 },
		"ema is 1":             func(c *DigitsConfig) { c.EMA = 1 },
		"ema is -0.5":          func(c *DigitsConfig) { c.EMA = -0.5 },
	} {
		c := DefaultDigits()
		spoil(&c)
		if _, err := c.Resolve(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}

func TestReadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	read := func(text string) (DigitsConfig, error) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return ReadDigitsConfig(path, DefaultDigits())
	}
	want := DefaultDigits()
	if got, err := read(""); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("an empty file gives %+v, %v", got, err)
	}
	want.Model, want.Margin, want.Cost = "mlp", 0, [][]float64{{0, 1}, {2, 0}}
	if got, err := read("model: mlp\nmargin: 0\ncost: [[0, 1], [2, 0]]\n"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"modell: mlp":  "modell",
		"epochs: many": "many",
		"[]":           path,
		"\tmodel: mlp": path,
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: error %v; it should name %q and the file", text, err, want)
		}
	}
	if _, err := ReadDigitsConfig(path+".none", want); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestFingerprint changes every setting in turn: all but three shape the weights.
func TestFingerprint(t *testing.T) {
	before, err := DefaultDigits().fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	free := map[string]bool{"data": true, "threads": true, "checkpoint": true}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[DigitsConfig]()) {
		if field.Anonymous {
			continue // its fields are visible
		}
		c := DefaultDigits()
		switch v := reflect.ValueOf(&c).Elem().FieldByIndex(field.Index); v.Kind() {
		case reflect.String:
			v.SetString("other")
		case reflect.Int:
			v.SetInt(v.Int() + 1)
		case reflect.Uint64:
			v.SetUint(v.Uint() + 1)
		case reflect.Float64:
			v.SetFloat(v.Float() + 0.125)
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Slice:
			v.Set(reflect.ValueOf([][]float64{{0, 1}, {1, 0}}))
		default:
			t.Fatalf("field %s of a new kind", field.Name)
		}
		after, err := c.fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if same := reflect.DeepEqual(before, after); same != free[name] {
			t.Errorf("%s changed: the fingerprint stays as it was is %v", name, same)
		}
		if json, _, _ := strings.Cut(field.Tag.Get("json"), ","); json != name || name == "" {
			t.Errorf("%s is %q in YAML and %q in JSON", field.Name, name, json)
		}
	}
	text, err := yaml.Marshal(DefaultDigits())
	if err != nil || strings.Contains(string(text), "cost") {
		t.Errorf("without a cost matrix the file is %s, %v", text, err)
	}
}
