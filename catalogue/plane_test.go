package catalogue

import (
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// TestPlanes: every functional over both energies is what Labels makes of them, and its derivatives are those of differences.
func TestPlanes(t *testing.T) {
	const side = 31
	for _, e := range functional.Catalogue() {
		p, err := PlaneOf(prefix+e.Name, nil, side)
		if err != nil || len(p.E) != side || len(p.Value) != side*side || p.E[side-1] != 3 {
			t.Fatalf("%s: %v", e.Name, err)
		}
		f, err := functional.New(e.Name, functional.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		off := 0
		for i := range side {
			for j := range side {
				k, value, slopes := i*side+j, make([]float64, 1), make([]float64, 2)
				if err := functional.Labels(f, []float64{p.E[i], p.E[j]}, 2, []int{0}, value, slopes); err != nil {
					t.Fatal(err)
				}
				if value[0] != p.Value[k] || slopes[0] != p.ByCorrect[k] || slopes[1] != p.ByOther[k] {
					t.Fatalf("%s at %v, %v: %v, %v, %v; want %v, %v", e.Name, p.E[i], p.E[j], p.Value[k], p.ByCorrect[k], p.ByOther[k], value, slopes)
				}
				if i > 0 && i < side-1 && math.Abs((p.Value[k+side]-p.Value[k-side])/0.2-p.ByCorrect[k]) > 0.02 {
					off++
				}
			}
		}
		if off > 4*side {
			t.Errorf("%s: the derivative is another in %d places", e.Name, off)
		}
		g, err := DifferenceOf(prefix+e.Name, nil)
		if err != nil || len(g.Curves) != 1 {
			t.Fatalf("%s: %v", e.Name, err)
		}
		c := g.Curves[0] // the plane's other diagonal
		for i := range side {
			k := i * graphSteps / (side - 1)
			if math.Abs(c.Value[k]-p.Value[i*side+side-1-i]) > 1e-9 {
				t.Errorf("%s at the difference %v: %v, the plane has %v", e.Name, c.X[k], c.Value[k], p.Value[i*side+side-1-i])
			}
		}
	}
	for name, want := range map[string]string{"ebm.hing": "hing", "ebm.energy": `"beta"`} {
		_, err := PlaneOf(name, map[string]any{"beta": 1.0}, 3)
		_, err2 := DifferenceOf(name, map[string]any{"beta": 1.0})
		if err == nil || err2 == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err2.Error(), want) {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
	}
}

// TestMargins: where the margins end.
func TestMargins(t *testing.T) {
	for name, want := range map[string][]MarginLine{
		"ebm.hinge": {{1, 0, "0"}, {1, 2, "m"}}, "ebm.square_square": {{1, 0, "0"}, {0, 2, "m"}}, "ebm.margin_cost": {{1, 0, "0"}, {1, 2, "m"}},
	} {
		p, err := PlaneOf(name, map[string]any{"margin": 2.0}, 2)
		if err != nil || len(p.Lines) != 2 || p.Lines[0] != want[0] || p.Lines[1] != want[1] {
			t.Errorf("%s: %v, %v; want %v", name, p.Lines, err, want)
		}
	}
}

// TestGeometry: a loss of points has the gradient of differences, and is active where that is not 0.
func TestGeometry(t *testing.T) {
	count := 0
	for _, e := range loss.Catalogue() {
		names := PointsOf(e)
		if names == nil {
			continue
		}
		count++
		at := [][2]float64{{0.1, 0.2}, {1.3, 0.4}, {0.9, -0.7}, {-0.3, 1.1}}[:len(names)]
		g, err := GeometryOf(e, nil, at)
		if err != nil || !g.Active || len(g.Points) != len(names) {
			t.Fatalf("%s: %v, %+v", e.Name, err, g)
		}
		for i := range at {
			for axis := range 2 {
				if e.Name == "circle" { // its gradient takes the weights as constants
					continue
				}
				const h = 1e-5
				moved := append([][2]float64(nil), at...)
				moved[i][axis] += h
				up, _ := GeometryOf(e, nil, moved)
				moved[i][axis] -= 2 * h
				down, _ := GeometryOf(e, nil, moved)
				if d := (up.Loss - down.Loss) / (2 * h); math.Abs(d-g.Points[i].Gradient[axis]) > 1e-4*(1+math.Abs(d)) {
					t.Errorf("%s: %s, axis %d: %v, differences have %v", e.Name, g.Points[i].Name, axis, g.Points[i].Gradient[axis], d)
				}
			}
		}
	}
	if count != 9 {
		t.Errorf("%d losses have a geometry", count)
	}
	triplet, _ := loss.Lookup("triplet")
	far, err := GeometryOf(triplet, map[string]any{"margin": 0.5}, [][2]float64{{0, 0}, {1, 0}, {0, 2}})
	if err != nil || far.Active || far.Loss != 0 || len(far.Circles) != 2 || far.Circles[1].Radius != 1.5 {
		t.Errorf("beyond the margin: %+v, %v", far, err)
	}
	huber, _ := loss.Lookup("huber")
	for _, c := range []struct {
		e       loss.Entry
		options map[string]any
		points  int
		want    string
	}{{huber, nil, 3, "has no geometry"}, {triplet, nil, 2, "3 points"}, {triplet, map[string]any{"margin": -1.0}, 3, "margin is -1"}} {
		if _, err := GeometryOf(c.e, c.options, make([][2]float64, c.points)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.e.Name, err, c.want)
		}
	}
}
