package recipe

import (
	"strings"
	"testing"
)

// TestNamesComeOnce: a list of names that would train or measure one thing twice is refused.
func TestNamesComeOnce(t *testing.T) {
	parabola, toy, search := DefaultParabola(), DefaultToy2D(), DefaultSearch()
	parabola.Cases, toy.Sets, search.HoldOutClasses = []string{"1", "2", "1"}, []string{"moons", "moons"}, []string{"6", "6"}
	_, a := parabola.Resolve()
	_, b := toy.Resolve()
	_, d := search.Resolve()
	for want, err := range map[string]error{"case names 1 twice": a, "set names moons twice": b, "hold_out_classes names 6 twice": d} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}

// TestSettingsGivenInMemory: what only data that is read makes void is taken where the data is given.
func TestSettingsGivenInMemory(t *testing.T) {
	c := DefaultSearch()
	c.TestShare = 0.3
	c, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	text, err := counting(c)
	if err != nil || !strings.Contains(string(text), "test_share: 0.3\n") || strings.Contains(string(text), "size:") {
		t.Errorf("the file is %s, %v", text, err)
	}
	again, err := Counting(c, DefaultSearch())
	if err != nil || again.TestShare != 0.3 {
		t.Errorf("%+v, %v", again, err)
	}
}
