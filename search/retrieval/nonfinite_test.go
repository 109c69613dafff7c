package retrieval

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// measures are all functions of the package that measure numbers: what each says of some
// that are good but for, perhaps, one.
var measures = map[string]func(x []float32) error{
	"Evaluate": func(x []float32) error {
		for _, m := range []distance.Kind{"", distance.Squared, distance.Cosine, distance.Dot} {
			if _, err := Evaluate(context.Background(), x, 2, []int{0, 0, 1, 1}, Options{Distance: distance.Measure{Kind: m}, Rand: seeded(1)}); err != nil {
				return err
			}
		}
		return nil
	},
	"Against": func(x []float32) error {
		y := []float32{1, 2, 3, 4, 5, 6, 7, 8}
		_, err := Against(context.Background(), x, []int{0, 0, 1, 1}, y, []int{0, 0, 1, 1}, 2, Options{})
		if err == nil {
			_, err = Against(context.Background(), y, []int{0, 0, 1, 1}, x, []int{0, 0, 1, 1}, 2, Options{})
		}
		return err
	},
	"Neighbours": func(x []float32) error {
		_, err := Neighbours(x, 2, 4, []int{0, 0, 1, 1}, nil)
		return err
	},
	"KMeans": func(x []float32) error {
		_, err := KMeans(context.Background(), x, 2, 2, seeded(1))
		return err
	},
	"PCA": func(x []float32) error {
		_, err := PCA(x, 2, 1)
		return err
	},
	"Layout": func(x []float32) error {
		_, err := Layout(context.Background(), x, 2)
		return err
	},
	"Project": func(x []float32) error {
		p, err := PCA([]float32{1, 2, 3, 4}, 2, 1)
		if err == nil {
			_, err = p.Project(x)
		}
		return err
	},
	"Verify": func(x []float32) error {
		d := make([]float64, len(x))
		for i, v := range x {
			if d[i] = float64(v); math.Abs(d[i]) > 1e18 { // as a row, it would be too long
				d[i] = math.Inf(1)
			}
		}
		_, err := Verify(d, []bool{true, false, true, false, true, false, true, false})
		return err
	},
}

// TestMeasuresRefuse: no figure is made of a number that is not finite, or of a row so long
// that a distance might not be.
func TestMeasuresRefuse(t *testing.T) {
	for name, measure := range measures {
		x := []float32{1, 0, 0.5, 1, 0, 1, -1, 0.5}
		if err := measure(x); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i, old := range x {
			for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e19, 3e38} {
				x[i] = float32(v)
				if err := measure(x); err == nil {
					t.Errorf("%s: number %d is %v, and there is no error", name, i, v)
				}
			}
			x[i] = old
		}
	}
}

// TestMeasuresComplete: every exported function of floats is among the measures.
func TestMeasuresComplete(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	functions := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || !slices.ContainsFunc(fn.Type.Params.List, ofFloats) {
				continue
			}
			functions++
			if measures[fn.Name.Name] == nil {
				t.Errorf("%s is not tested", fn.Name.Name)
			}
		}
	}
	if functions != len(measures) {
		t.Errorf("%d functions, %d measures", functions, len(measures))
	}
}

func ofFloats(f *ast.Field) bool {
	a, ok := f.Type.(*ast.ArrayType)
	if !ok {
		return false
	}
	id, ok := a.Elt.(*ast.Ident)
	return ok && strings.HasPrefix(id.Name, "float")
}

// TestAccuracyAtNaN: a threshold that is NaN has no accuracy; infinite ones accept all or none.
func TestAccuracyAtNaN(t *testing.T) {
	v, err := Verify([]float64{1, 2, 3}, []bool{true, true, false})
	if err != nil {
		t.Fatal(err)
	}
	if a := v.AccuracyAt(math.NaN()); !math.IsNaN(a) {
		t.Errorf("the accuracy is %v", a)
	}
	if a, b := v.AccuracyAt(math.Inf(1)), v.AccuracyAt(math.Inf(-1)); a != 2.0/3 || b != 1.0/3 {
		t.Errorf("of all accepted %v, of none %v", a, b)
	}
}
