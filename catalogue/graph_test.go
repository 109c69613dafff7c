package catalogue

import (
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// TestGraphSlopes: the slope of every graph is the derivative of its values, but beside corners and jumps, which are few.
func TestGraphSlopes(t *testing.T) {
	var names []string
	for _, e := range loss.Catalogue() {
		if e.Name != "circle" { // its gradient takes the weights as constants
			names = append(names, e.Name)
		}
	}
	for _, e := range functional.Catalogue() {
		names = append(names, prefix+e.Name)
	}
	for _, name := range names {
		g, err := GraphOf(name, nil)
		if err != nil || g.Formula == "" || g.X == "" || len(g.Curves) == 0 {
			t.Errorf("%s: %v, %+v", name, err, g)
			continue
		}
		unit := 1.0
		if e, err := loss.Lookup(name); name == "cosine_embedding" || err == nil && e.Batch && takes(e, "embeddings") { // its argument is in degrees, its derivative by radians
			unit = math.Pi / 180
		}
		for _, c := range g.Curves {
			off := 0
			for i := 1; i < len(c.X)-1; i++ {
				slope := (c.Value[i+1] - c.Value[i-1]) / (c.X[i+1] - c.X[i-1]) / unit
				if !(math.Abs(slope-c.Slope[i]) <= 0.02*(1+math.Abs(slope))) {
					off++
				}
			}
			if len(c.X) != graphSteps+1 || off > 16 {
				t.Errorf("%s, %s: the slope is not the derivative in %d of %d places", name, c.Name, off, len(c.X))
			}
		}
	}
}

// TestGraphValues holds two graphs against their formulas, and their marks against their options.
func TestGraphValues(t *testing.T) {
	g, err := GraphOf("MSELoss", nil)
	if err != nil || g.Name != "MSE" || len(g.Curves) != 1 || g.Marks != nil {
		t.Fatalf("%+v, %v", g, err)
	}
	c := g.Curves[0]
	for i, x := range c.X {
		if math.Abs(c.Value[i]-x*x) > 1e-12 || math.Abs(c.Slope[i]-2*x) > 1e-12 {
			t.Fatalf("at %v: %v, slope %v", x, c.Value[i], c.Slope[i])
		}
	}
	if g, err = GraphOf("ebm.hinge", map[string]any{"margin": 2.0}); err != nil || len(g.Curves) != 1 || len(g.Marks) != 1 || g.Marks[0] != (Mark{-2, "−m"}) {
		t.Fatalf("%+v, %v", g, err)
	}
	c = g.Curves[0]
	for i, x := range c.X {
		if want := max(0, 2+x); math.Abs(c.Value[i]-want) > 1e-12 {
			t.Fatalf("hinge at %v is %v, want %v", x, c.Value[i], want)
		}
	}
	if g, err = GraphOf("ebm.square_square", nil); err != nil || len(g.Curves) != 3 || g.Curves[1].Name != "E⁺ = 0.5" || g.Marks[0] != (Mark{1, "m"}) {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestGraphErrors(t *testing.T) {
	for name, want := range map[string]string{"hubr": "hubr", "ebm.hing": "hing", "huber": `"beta"`, "ebm.energy": `"beta"`} {
		if _, err := GraphOf(name, map[string]any{"beta": 1.0}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %s", name, err, want)
		}
	}
}
