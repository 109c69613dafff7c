package recipe

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
)

// TestToy2D: a short training comes nearer to the truth, and depends on the seed alone.
func TestToy2D(t *testing.T) {
	c := DefaultToy2D()
	c.Sets = []string{"gaussians"}
	run := func(steps, threads int) Toy2DResult {
		c.Steps, c.Threads = steps, threads
		all, err := Toy2D(context.Background(), c, func(Toy2DResult) {})
		if err != nil {
			t.Fatal(err)
		}
		all[0].Seconds = 0
		return all[0]
	}
	first, later := run(1, 1), run(40, 1)
	if !(later.KL < first.KL/2) || later.KL < 0 || later.Modes != 8 {
		t.Errorf("KL %v after a step, %v after 40", first.KL, later.KL)
	}
	if again := run(40, 3); !reflect.DeepEqual(again, later) {
		t.Error("with other workers the outcome is another")
	}
	total, cell := 0.0, later.Axis[1]-later.Axis[0]
	for _, e := range later.Model {
		total += math.Exp(-e) * cell * cell
	}
	if math.Abs(total-1) > 1e-9 {
		t.Errorf("the model's density integrates to %v", total)
	}
	c.Sets = []string{"circles"}
	if _, err := c.Resolve(); err == nil || !strings.Contains(err.Error(), "rings") {
		t.Errorf("error %v; it should list the sets", err)
	}
}

// TestToyMeasures: draws of the truth cover all modes and do not differ from it; draws of
// one mode do.
func TestToyMeasures(t *testing.T) {
	toy, err := data.NewToy("gaussians")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func() [][2]float64 {
		x := make([]float32, 2*800)
		toy.Draw(rng, x)
		out := make([][2]float64, 800)
		for i := range out {
			out[i] = [2]float64{float64(x[2*i]), float64(x[2*i+1])}
		}
		return out
	}
	a, b := draw(), draw()
	if n := covered(toy.Modes, a); n != 8 {
		t.Errorf("draws of the truth cover %d of 8 modes", n)
	}
	if d := discrepancy(a, b); math.Abs(d) > 0.01 {
		t.Errorf("two sets of draws of the truth differ by %v", d)
	}
	for i := range b {
		b[i] = toy.Modes[0]
	}
	if n, d := covered(toy.Modes, b), discrepancy(a, b); n != 1 || d < 0.1 {
		t.Errorf("draws of one mode cover %d, and differ by %v", n, d)
	}
}
