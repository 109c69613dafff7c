package report

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/train"
)

// keptShare is what is kept of answers with a margin.
var keptShare = train.AnswerTerms("samples", 1).Kept

// someCells are a comparison made up: every functional on two energies, three seeds.
func someCells() []Cell {
	rng := rand.New(rand.NewPCG(6, 7))
	var cells []Cell
	for _, energy := range []string{"head", "code"} {
		for i, e := range functional.Catalogue() {
			c := Cell{Functional: e.Name, Model: "cnn", Energy: energy}
			for seed := range uint64(3) {
				gap := measure.Number(math.Exp(1.2*rng.NormFloat64() + 1))
				o := Outcome{
					Seed: seed + 1, Error: train.WrongSamples.Of(0.008 * math.Exp(0.15*float64(i%5)+0.05*rng.NormFloat64())), GapP50: gap, GapP05: 0.1*gap - 0.2,
					Kept: keptShare.Of(0.95 + 0.01*rng.NormFloat64()), CorrectMean: -2, OffendingMean: gap - 2, TrainSeconds: 60,
				}
				if !e.GoodMargin && energy == "code" && e.Name != "lvq2" {
					o.Error, o.GapP05, o.GapP50, o.Kept = train.WrongSamples.Of(0.9+0.003*rng.NormFloat64()), -1e-3, 0, keptShare.Of(0)
					o.Collapsed, o.Why = true, "With learned class codes the energy loss is zero on a flat surface: nothing pushes wrong answers up."
				}
				if e.Demonstration && seed == 2 {
					o = Outcome{Seed: 3, Failed: "it diverged at step 40", Error: train.WrongSamples.Of(math.NaN())}
				}
				c.Outcomes = append(c.Outcomes, o)
			}
			cells = append(cells, c)
		}
	}
	return cells
}

func TestCompare(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	cells := someCells()
	summaries, err := Compare(dir, cells)
	if err != nil {
		t.Fatal(err)
	}
	all := checkOutput(t, dir, "compare.html")
	rows, err := csv.NewReader(strings.NewReader(string(all["compare.csv"]))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 3*len(cells); len(rows) != want {
		t.Errorf("compare.csv has %d lines, want %d", len(rows), want)
	}
	var got []Summary
	if err := json.Unmarshal(all["compare.json"], &got); err != nil {
		t.Fatal(err)
	}
	if again, err := json.MarshalIndent(summaries, "", "  "); err != nil || string(again)+"\n" != string(all["compare.json"]) {
		t.Errorf("compare.json is not what Compare returns: %v", err)
	}
	for i, c := range cells {
		mean := 0.0
		n := 0
		for _, o := range c.Outcomes {
			if o.Failed == "" {
				mean, n = mean+float64(o.Error.Value), n+1
			}
		}
		if mean /= float64(n); math.Abs(float64(got[i].Error.Mean)-mean) > 1e-12 || got[i].Seeds != 3 || got[i].Failed != 3-n {
			t.Errorf("%s: mean error %v, want %v; %d seeds, %d failed", c.Functional, got[i].Error.Mean, mean, got[i].Seeds, got[i].Failed)
		}
	}
	page := string(all["compare.html"])
	for _, want := range []string{"cnn · code", "square_<wbr>square_<wbr>misprint<wbr>", "it diverged at step 40", "learned class codes", "±"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, err := Compare(dir, cells); err != nil {
		t.Fatal(err)
	}
	for name, data := range files(t, dir) {
		if string(all[name]) != string(data) {
			t.Errorf("%s differs on a second run", name)
		}
	}
}

func TestCompareEdges(t *testing.T) {
	nan := math.NaN()
	for name, cells := range map[string][]Cell{
		"one":        {{Functional: "nll", Outcomes: []Outcome{{Error: train.WrongSamples.Of(0.01)}}}},
		"no error":   {{Functional: "nll", Outcomes: []Outcome{{}, {Error: train.WrongSamples.Of(0.5)}}}},
		"all failed": {{Functional: "nll", Outcomes: []Outcome{{Failed: "x"}, {Failed: "y"}}}},
		"not finite": {{Functional: "own <b>", Model: "../m", Outcomes: []Outcome{{Error: train.WrongSamples.Of(nan), GapP05: measure.Number(nan), GapP50: measure.Number(math.Inf(1)), Kept: keptShare.Of(nan), TrainSeconds: measure.Number(nan)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := Compare(dir, cells); err != nil {
				t.Fatal(err)
			}
			checkOutput(t, dir, "compare.html")
		})
	}
	if _, err := Compare(t.TempDir(), nil); err == nil {
		t.Error("no cells: no error")
	}
	if _, err := Compare(t.TempDir(), []Cell{{Functional: "nll"}}); err == nil {
		t.Error("a cell without outcomes: no error")
	}
}

// TestOutcome: a run sums up to its result, and without one has failed.
func TestOutcome(t *testing.T) {
	r, err := Open(newFake().write(t))
	if err != nil {
		t.Fatal(err)
	}
	o := r.Outcome()
	if o.Seed != 7 || o.Error.Value != r.Result.TestError || o.Kept.Value != 0.98 || o.Error.Unit != measure.Share || o.GapP05 != 0.5 || o.GapP50 != 9 || o.Failed != "" {
		t.Errorf("%+v", o)
	}
	r.Result = nil
	if o = r.Outcome(); !strings.Contains(o.Failed, "not been evaluated") {
		t.Errorf("without a result: %+v", o)
	}
	r.Broken = errors.New("damage")
	if o = r.Outcome(); o.Failed != "damage" {
		t.Errorf("with a damaged result: %+v", o)
	}
}
