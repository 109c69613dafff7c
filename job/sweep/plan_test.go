package sweep_test

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/sweep"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/train"
)

func TestParseAxis(t *testing.T) {
	j := parabola(t)
	for _, c := range []struct{ name, text, want string }{
		{"lr", "log:1e-4..1e-2", "log:0.0001..0.01 [0.0001 0.001 0.01]"},
		{"lr", "lin:0.1..0.3", "lin:0.1..0.3 [0.1 0.2 0.3]"},
		{"lr", "0.1,1e-3", "0.1,0.001 [0.1 0.001]"},
		{"batch", "log:16..256", "log:16..256 [16 64 256]"},
		{"epochs", "int:1..2", "int:1..2 [1 2]"},
		{"seed", "int:1..9", "int:1..9 [1 5 9]"},
		{"seed", "3,1,2", "3,1,2 [3 1 2]"},
		{"functional", "nll,hinge", "nll,hinge [nll hinge]"},
		{"lr", "int:1..3", "int:1..3 [1 2 3]"},
	} {
		a := axes(t, j, c.name, c.text)[0]
		if got := fmt.Sprint(a.Text(), " ", a.Grid(3)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, c.text, got, c.want)
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"lr", "log:0..1", "must be above 0"},
		{"lr", "log:2..1", "two numbers in order"},
		{"lr", "lin:1..1", "two numbers in order"},
		{"lr", "lin:1", "two numbers in order"},
		{"lr", "lin:a..b", "two numbers in order"},
		{"lr", "lin:NaN..1", "two numbers in order"},
		{"lr", "lin:1..Inf", "two numbers in order"},
		{"lr", "lin:-1..1", "lr is -1; it must be"},
		{"weight_decay", "lin:-1..1", "weight_decay is -1; it must be"},
		{"batch", "lin:0..4", "left out"},
		{"weight_decay", "lin:0..4", ""},
		{"batch", "lin:1.5..4", "whole numbers"},
		{"lr", "0.1,x", `lr: "x" is no float`},
		{"lr", "0.1,0.10", "names 0.1 twice"},
		{"lr", "", `lr: "" is no float`},
		{"functional", "nll,hinges", "did you mean hinge?"},
		{"functional", "log:1..2", "a range is of numbers"},
		{"ema", "0,1", "ema is 1; it must be"},
	} {
		o := j.New().Options().Find(c.name)
		a, err := sweep.ParseAxis(o, c.text)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %s: %+v, %v, want an error with %q", c.name, c.text, a, err, c.want)
		}
	}
	table, _ := job.Named(jobs.All(), "table")
	if _, err := sweep.ParseAxis(table.New().Options().Find("lr"), "lin:0..1"); err == nil || !strings.Contains(err.Error(), "left out") {
		t.Errorf("a 0 that is the default's: %v", err)
	}
}

// TestDraws: draws lie within their ranges, evenly on their scales.
func TestDraws(t *testing.T) {
	const n = 400
	for _, a := range axes(t, parabola(t), "lr", "log:1e-4..1e-2", "weight_decay", "lin:0..1", "batch", "int:1..10", "warmup", "log:1..100") {
		below, first := 0, 0
		for i := range uint64(n) {
			text := a.Draw(train.Rand(1, "test", i))
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || v < a.From || v > a.To || a.Whole && v != math.Trunc(v) {
				t.Fatalf("%s is %s", a.Name, text)
			}
			middle := (a.From + a.To) / 2
			if a.Scale == sweep.Log {
				middle = math.Sqrt(a.From * a.To)
			}
			if v < middle {
				below++
			}
			if v == a.From {
				first++
			}
		}
		if below < n*3/8 || below > n*5/8 { // 5 standard deviations of coins
			t.Errorf("%d of %d values of %s are in the lower half", below, n, a.Name)
		}
		if a.Scale == sweep.Int && (first < n/40 || first > n/5) {
			t.Errorf("%d of %d values of %s are the least", first, n, a.Name)
		}
	}
}

// TestSeed: the trials follow from the seed, the first one of several.
func TestSeed(t *testing.T) {
	j := parabola(t)
	trials := func(seed string) []sweep.Trial {
		t.Helper()
		p := sweep.Plan{Job: j, Search: sweep.Random, Trials: 5, Axes: axes(t, j, "lr", "log:1e-4..1e-2"), Fixed: []sweep.Setting{fixed(t, j, "seed", seed)}}
		w, _, err := sweep.New(p)
		if err != nil || len(w.Trials) != 5 {
			t.Fatal(w, err)
		}
		return w.Trials
	}
	if !reflect.DeepEqual(trials("1"), trials("1")) || reflect.DeepEqual(trials("1"), trials("2")) {
		t.Error("the draws do not follow from the seed")
	}
	w, _, err := sweep.New(sweep.Plan{Job: j, Search: sweep.Random, Trials: 2, Axes: axes(t, j, "seed", "7,8")})
	if err != nil || w.Seed != 7 || len(w.Trials) != 2 {
		t.Errorf("%+v, %v", w, err)
	}
}

// TestAlike: settings without effect do not make trials of their own, and those that have none anywhere are refused.
func TestAlike(t *testing.T) {
	digits, _ := job.Named(jobs.All(), "digits")
	p := sweep.Plan{Job: digits, Search: sweep.Grid, Points: 2, Axes: axes(t, digits, "functional", "nll,hinge", "margin", "1,2,3")}
	w, left, err := sweep.New(p)
	if err != nil || len(left) > 0 || len(w.Trials) != 4 || len(w.Trials[0].Values) != 1 {
		t.Fatalf("%+v, %v, %v", w, left, err)
	}
	p.Search, p.Trials = sweep.Random, 8
	if w, _, err = sweep.New(p); err != nil || len(w.Trials) != 4 {
		t.Errorf("drawn: %+v, %v", w, err)
	}
	p.Axes = axes(t, digits, "functional", "nll,mee", "margin", "1,2")
	if _, _, err := sweep.New(p); err == nil || !strings.Contains(err.Error(), "--margin 1,2 has no effect") {
		t.Errorf("margins of functionals without one: %v", err)
	}
	p.Axes, p.Fixed = p.Axes[:1], []sweep.Setting{fixed(t, digits, "margin", "2")}
	if _, _, err := sweep.New(p); err == nil || !strings.Contains(err.Error(), "--margin 2 has no effect") {
		t.Errorf("a margin of functionals without one: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	j := parabola(t)
	for _, c := range []struct {
		plan sweep.Plan
		want string
	}{
		{sweep.Plan{Job: j, Search: "best"}, `search is "best"`},
		{sweep.Plan{Job: j, Search: sweep.Random}, "trials is 0"},
		{sweep.Plan{Job: j, Search: sweep.Random, Trials: 10001}, "trials is 10001"},
		{sweep.Plan{Job: j, Search: sweep.Grid, Points: 200, Axes: axes(t, j, "lr", "lin:1..2", "clip", "lin:1..2")}, "more than 10000"},
		{sweep.Plan{Job: j, Search: sweep.Halving, Trials: 9, Budget: 17, Eta: 3, Axes: axes(t, j, "lr", "lin:1..2")}, "need at least 18 epochs"},
	} {
		if w, _, err := sweep.New(c.plan); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v, %v, want an error with %q", w, err, c.want)
		}
	}
}

func FuzzParseAxis(f *testing.F) {
	for _, s := range []string{"log:1e-4..1e-2", "lin:0..1", "int:1..9", "1,2,3", "int:0..18446744073709551615", "lin:-1e308..1e308"} {
		f.Add("lr", s)
		f.Add("seed", s)
		f.Add("batch", s)
	}
	j, _ := job.Named(jobs.All(), "parabola")
	f.Fuzz(func(t *testing.T, name, text string) {
		o := j.New().Options().Find(name)
		if o == nil || o.Many() {
			return
		}
		a, err := sweep.ParseAxis(o, text)
		if err != nil {
			return
		}
		again, err := sweep.ParseAxis(j.New().Options().Find(name), a.Text())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(a) {
			t.Errorf("%q is %+v, whose text %q is %+v, %v", text, a, a.Text(), again, err)
		}
		for _, v := range a.Grid(7) {
			if err := o.Set(v); err != nil {
				t.Errorf("%q has %q: %v", text, v, err)
			}
		}
	})
}
