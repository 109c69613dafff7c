package ctc

import (
	"math"
	"strings"
	"testing"
)

// TestTimeError works out the measures of a few words by hand.
func TestTimeError(t *testing.T) {
	var e TimeError
	words := []Timed{{Text: "*", wildcard: true}, {Text: "a", Start: 0.11, End: 0.2}, {Text: "b", Start: 0.3, End: 0.52}}
	truth := []Timed{{Text: "a", Start: 0.1, End: 0.2}, {Text: "b", Start: 0.34, End: 0.5}}
	if err := e.Add(words, truth); err != nil {
		t.Fatal(err)
	}
	if err := e.Add([]Timed{{Text: "c", Start: 1, End: 2}}, []Timed{{Text: "c", Start: 0.9, End: 2}}); err != nil {
		t.Fatal(err)
	}
	s := e.Starts() // 10, −40, 100 ms
	if s.Count != 3 || !near(s.Median, 0.04) || !near(s.Mean, 0.05) || !near(s.Bias, 0.01) || !near(s.P95, 0.1) || !near(s.Within20, 1./3) || !near(s.Within50, 2./3) {
		t.Errorf("starts %+v", s)
	}
	if s := e.Ends(); !near(s.Median, 0) || !near(s.Within20, 1) {
		t.Errorf("ends %+v", s)
	}
	if s := e.All(); s.Count != 6 || !near(s.Median, 0.015) || !near(s.Bias, 0.005) {
		t.Errorf("all %+v", s)
	}
	if (&TimeError{}).All() != (TimeErrors{}) {
		t.Error("nothing has an error")
	}
	for want, words := range map[string][]Timed{"1 words, and times of 2": truth[:1], `word 1 is "x"`: {truth[0], {Text: "x"}}} {
		if err := e.Add(words, truth); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
