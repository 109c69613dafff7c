package recipe

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestParabola: the tutorial's lesson. Case 2 collapses, the others don't and infer Y = X²,
// the misprint fails; the same seed gives the same outcome.
func TestParabola(t *testing.T) {
	c := DefaultParabola()
	c.Seeds = 1
	told := 0
	run := func(threads int) []ParabolaResult {
		c.Threads = threads
		all, err := Parabola(context.Background(), c, func(ParabolaCase, ParabolaOutcome, time.Duration) { told++ })
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := run(1)
	if told != 5 || len(first) != 5 {
		t.Fatalf("%d cases, %d told", len(first), told)
	}
	for _, r := range first {
		o := r.Runs[0]
		switch fails := r.Name == "2" || r.Name == "misprint"; {
		case fails && (o.MSE < wrongMSE || (r.Name == "2" && !o.Flat)):
			t.Errorf("case %s works: %+v", r.Name, o)
		case !fails && (o.MSE > wrongMSE || o.Flat):
			t.Errorf("case %s fails: %+v", r.Name, o)
		}
	}
	if again := run(3); !reflect.DeepEqual(again, first) {
		t.Error("with other workers the outcome is another")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Parabola(ctx, c, nil); err == nil {
		t.Error("it goes on after it is told to stop")
	}
	c.Cases = []string{"5"}
	if _, err := c.Resolve(); err == nil || !strings.Contains(err.Error(), "misprint") {
		t.Errorf("error %v; it should list the cases", err)
	}
}
