package autodiff_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

func each(t *testing.T, f func(t *testing.T, r row)) {
	for _, r := range rows() {
		t.Run(r.String(), func(t *testing.T) { f(t, r) })
	}
}

func TestDerivatives(t *testing.T) {
	each(t, func(t *testing.T, r row) { gradcheck.Check(t, r.build, r.inputs(tensor.Float64)...) })
}

// crowded uses every input many times: in the operation twice, once through a view,
// and before and after it elsewhere, so that each backward function meets gradients
// that are fresh and that are to be added to.
func crowded(r row) func(t *Tape, x []*Var) *Var {
	return func(t *Tape, x []*Var) *Var {
		var parts []*Var
		viewed := make([]*Var, len(x))
		for i, v := range x {
			viewed[i] = Reshape(Reshape(v, -1), v.Shape()...)
			parts = append(parts, Reshape(Square(v), -1))
		}
		parts = append(parts, Reshape(r.build(t, x), -1), Reshape(r.build(t, viewed), -1))
		for _, v := range viewed {
			parts = append(parts, Reshape(Scale(v, 0.5), -1))
		}
		return Concat(0, parts...)
	}
}

func TestDerivativesWhereInputsAreReused(t *testing.T) {
	each(t, func(t *testing.T, r row) { gradcheck.Check(t, crowded(r), r.inputs(tensor.Float64)...) })
}

// evaluation is what a row gives: its value, and the derivatives by its inputs of the value's sum.
func evaluate(tape *Tape, r row, xs []*tensor.Tensor) [][]float64 {
	tape.Reset()
	tape.Training = false
	vars := make([]*Var, len(xs))
	for i, x := range xs {
		vars[i] = tape.Input(x)
	}
	out := r.build(tape, vars)
	tape.BackwardFrom(out, nil)
	result := [][]float64{slices.Clone(out.Value.Convert(tensor.Float64).Float64s())}
	for _, v := range vars {
		result = append(result, slices.Clone(v.Grad().Convert(tensor.Float64).Float64s()))
	}
	return result
}

func TestFloat32AgreesWithFloat64(t *testing.T) {
	for l := simd.Generic; l <= simd.Best(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			defer simd.Use(simd.Use(l))
			each(t, func(t *testing.T, r row) {
				want := evaluate(NewTape(tensor.Float64), r, r.inputs(tensor.Float64))
				got := evaluate(NewTape(tensor.Float32), r, r.inputs(tensor.Float32))
				for i := range want {
					for j, w := range want[i] {
						if !(math.Abs(got[i][j]-w) <= 2e-5*(1+math.Abs(w))) {
							t.Fatalf("result %d (0 is the value), element %d: %v, in float64 %v", i, j, got[i][j], w)
						}
					}
				}
			})
		})
	}
}

func TestWarmOperationsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		each(t, func(t *testing.T, r row) {
			tape, xs := NewTape(dt), r.inputs(dt)
			vars := make([]*Var, len(xs))
			step := func() {
				tape.Reset()
				for i, x := range xs {
					vars[i] = tape.Input(x)
				}
				tape.BackwardFrom(r.build(tape, vars), nil)
			}
			step()
			if n := testing.AllocsPerRun(5, step); n != 0 {
				t.Errorf("%v: %v allocations a step", dt, n)
			}
		})
	}
}

func TestNoGradGivesTheSameValueAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, r row) {
		xs := r.inputs(tensor.Float32)
		want := evaluate(NewTape(tensor.Float32), r, xs)[0]
		tape := NewTape(tensor.Float32)
		tape.NoGrad = true
		vars := make([]*Var, len(xs))
		for i, x := range xs {
			vars[i] = tape.Input(x)
		}
		out := r.build(tape, vars)
		if out.Needs() {
			t.Error("Needs is true on a tape with NoGrad")
		}
		tape.BackwardFrom(out, nil)
		for i, v := range vars {
			if v.Grad() != nil {
				t.Errorf("input %d has a gradient", i)
			}
		}
		if got := out.Value.Convert(tensor.Float64).Float64s(); !slices.Equal(got, want) {
			t.Errorf("value is %v, with gradients it is %v", got, want)
		}
	})
}

// A second Backward on one recording adds the same once more.
func TestBackwardTwice(t *testing.T) {
	each(t, func(t *testing.T, r row) {
		xs := r.inputs(tensor.Float64)
		tape := NewTape(tensor.Float64)
		vars := make([]*Var, len(xs))
		for i, x := range xs {
			vars[i] = tape.Input(x)
		}
		out := r.build(tape, vars)
		tape.BackwardFrom(out, nil)
		var first [][]float64
		for _, v := range vars {
			first = append(first, slices.Clone(v.Grad().Float64s()))
		}
		tape.BackwardFrom(out, nil)
		for i, v := range vars {
			for j, g := range v.Grad().Float64s() {
				if want := 2 * first[i][j]; !(math.Abs(g-want) <= 1e-12*(1+math.Abs(want))) {
					t.Fatalf("input %d, element %d: %v after the second, want %v", i, j, g, want)
				}
			}
		}
	})
}

// TestEveryOperationHasARow parses the package: an exported function of values
// without a row in the table would go unchecked.
func TestEveryOperationHasARow(t *testing.T) {
	covered := map[string]bool{}
	for _, r := range rows() {
		covered[r.op] = true
	}
	named := 0
	for _, name := range operations(t) {
		named++
		if !covered[name] {
			t.Errorf("%s has no row in table_test.go", name)
		}
		delete(covered, name)
	}
	if named < 40 {
		t.Errorf("only %d operations", named)
	}
	for name := range covered {
		t.Errorf("a row names %s, which is not an operation", name)
	}
}

// operations returns the exported functions, not methods, that return a *Var.
func operations(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || fn.Type.Results == nil {
				continue
			}
			if star, ok := fn.Type.Results.List[0].Type.(*ast.StarExpr); ok {
				if id, ok := star.X.(*ast.Ident); ok && id.Name == "Var" {
					names = append(names, fn.Name.Name)
				}
			}
		}
	}
	return names
}
