package energy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// TestDerivatives goes through every energy function and every functional, by the
// weights and by the inputs.
func TestDerivatives(t *testing.T) {
	for _, e := range energies {
		for i, f := range functionals(t) {
			if f.Statistic().NonNegative && !e.nonNegative {
				continue
			}
			t.Run(e.name+"/"+f.Name(), func(t *testing.T) {
				rng := generator(uint64(i))
				l := e.of(rng)
				nn.Cast(Module(l), tensor.Float64)
				x, target := sample(tensor.Float64, 6, rng)
				var loss LabelLoss
				gradcheck.Params(t, func(tape *autodiff.Tape) *autodiff.Var {
					v, err := loss.Record(l.Energies(tape.Const(x)), target, f)
					return must(t, v, err)
				}, l.Params())
				gradcheck.Check(t, func(_ *autodiff.Tape, in []*autodiff.Var) *autodiff.Var {
					v, err := loss.Record(l.Energies(in[0]), target, f)
					return must(t, v, err)
				}, x)
			})
		}
	}
}

func TestLabelers(t *testing.T) {
	for _, e := range energies {
		l := e.of(generator(1))
		if l.Labels() != labels {
			t.Errorf("%s: %d labels", e.name, l.Labels())
		}
		var names []string
		for _, p := range l.Params() {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, e.params) {
			t.Errorf("%s: parameters %v, want %v", e.name, names, e.params)
		}
		x, _ := sample(tensor.Float32, 200, generator(2))
		got := NewPredictor(l, tensor.Float32).Energies(x)
		if !slices.Equal(got.Shape(), []int{200, labels}) {
			t.Errorf("%s: energies of shape %v", e.name, got.Shape())
		}
		if least := slices.Min(got.Float32s()); (least >= 0) != e.nonNegative {
			t.Errorf("%s: least energy %v", e.name, least)
		}
		path := filepath.Join(t.TempDir(), "model.safetensors")
		if err := nn.Save(path, Module(l)); err != nil {
			t.Fatal(err)
		}
		again := e.of(generator(3))
		if err := nn.Load(path, Module(again)); err != nil {
			t.Fatal(err)
		}
		if b := NewPredictor(again, tensor.Float32).Energies(x); !slices.Equal(got.Float32s(), b.Float32s()) {
			t.Errorf("%s: other energies after saving and loading", e.name)
		}
	}
}

// TestEveryLabelerHasARow parses the package.
func TestEveryLabelerHasARow(t *testing.T) {
	rows := map[string]bool{}
	for _, e := range energies {
		typ := reflect.TypeOf(e.of(generator(1)))
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		rows[typ.Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	types := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if name := labeler(d); name != "" {
				types++
				if !rows[name] {
					t.Errorf("energy.%s has no row in the table of the tests", name)
				}
			}
		}
	}
	if types != len(rows) {
		t.Errorf("%d energy functions for %d types in the table", types, len(rows))
	}
}

// labeler returns the type that d is the method Energies(*autodiff.Var) of, or "".
func labeler(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Recv == nil || f.Name.Name != "Energies" || len(f.Type.Params.List) != 1 {
		return ""
	}
	if p, ok := f.Type.Params.List[0].Type.(*ast.StarExpr); !ok || p.X.(*ast.SelectorExpr).Sel.Name != "Var" {
		return ""
	}
	typ := f.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	return typ.(*ast.Ident).Name
}

func TestScoresAreNegativeEnergies(t *testing.T) {
	x, _ := sample(tensor.Float32, 5, generator(1))
	a, b := NewHead(net(labels, generator(2)), labels), NewHead(net(labels, generator(2)), labels)
	b.Scores = true
	ea, eb := NewPredictor(a, tensor.Float32).Energies(x), NewPredictor(b, tensor.Float32).Energies(x)
	for i, v := range ea.Float32s() {
		if v != -eb.Float32s()[i] {
			t.Fatalf("energy %v, of scores %v", v, eb.Float32s()[i])
		}
	}
}

// TestCodeEnergies computes ‖G(x) − c_y‖² as written.
func TestCodeEnergies(t *testing.T) {
	g, codes := net(5, generator(1)), UnitCodes(labels, 5, generator(2))
	c := NewCode(g, codes)
	x, _ := sample(tensor.Float32, 7, generator(3))
	got := NewPredictor(c, tensor.Float32).Energies(x)
	out := g.Forward(autodiff.NewTape(tensor.Float32).Const(x)).Value
	for i := range 7 {
		for y := range labels {
			want := 0.0
			for j := range 5 {
				d := out.At(i, j) - codes.Value.At(y, j)
				want += d * d
			}
			if math.Abs(got.At(i, y)-want) > 1e-5*(1+want) {
				t.Errorf("E = %v, want %v", got.At(i, y), want)
			}
		}
	}
}

func TestCodes(t *testing.T) {
	one := OneHotCodes(3)
	if want := []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}; !slices.Equal(one.Value.Float32s(), want) || !one.Frozen {
		t.Errorf("one-hot codes %v, frozen %v", one.Value.Float32s(), one.Frozen)
	}
	sign := SignCodes(16, 4, generator(1)) // all there are
	seen := map[[4]float32]bool{}
	for y := range 16 {
		row := [4]float32(sign.Value.Float32s()[4*y:])
		seen[row] = true
		for _, v := range row {
			if v != 1 && v != -1 {
				t.Errorf("sign code %v", row)
			}
		}
	}
	if len(seen) != 16 || !sign.Frozen {
		t.Errorf("%d different codes of 16, frozen %v", len(seen), sign.Frozen)
	}
	unit := UnitCodes(9, 7, generator(1))
	for y := range 9 {
		sum := 0.0
		for _, v := range unit.Value.Float32s()[7*y : 7*y+7] {
			sum += float64(v) * float64(v)
		}
		if math.Abs(sum-1) > 1e-6 || !unit.Frozen {
			t.Errorf("a unit code of squared length %v, frozen %v", sum, unit.Frozen)
		}
	}
	if LearnedCodes(3, 2, generator(1)).Frozen {
		t.Error("learned codes are frozen")
	}
}

// counted counts how often a module runs, and over how many rows.
type counted struct {
	nn.Module
	runs, rows int
}

func (c *counted) Forward(x *autodiff.Var) *autodiff.Var {
	c.runs++
	c.rows += x.Shape()[0]
	return c.Module.Forward(x)
}

func TestJoint(t *testing.T) {
	rng := generator(1)
	trunk := &counted{Module: net(6, rng)}
	j := NewJoint(trunk, nn.NewSequential(nn.Tanh{}, nn.NewLinear(6, 1, rng)), labels, 6, rng)
	nn.Cast(Module(j), tensor.Float64)
	x, target := sample(tensor.Float64, 5, rng)
	tape := autodiff.NewTape(tensor.Float64)
	all := j.Energies(tape.Const(x))
	if trunk.runs != 1 || trunk.rows != 5 {
		t.Errorf("the trunk ran %d times over %d rows for 5 samples", trunk.runs, trunk.rows)
	}
	for y := range labels {
		hot := tensor.New(tensor.Float64, 5, labels)
		for i := range 5 {
			hot.Set(1, i, y)
		}
		e := j.Energy(tape.Const(x), tape.Const(hot))
		if !slices.Equal(e.Shape(), []int{5}) {
			t.Fatalf("energy of shape %v", e.Shape())
		}
		for i := range 5 {
			if a, b := e.Value.At(i), all.Value.At(i, y); math.Abs(a-b) > 1e-14 {
				t.Errorf("E(x, one-hot %d) = %v, of all labels %v", y, a, b)
			}
		}
	}
	// By x and by an answer between the labels.
	soft := tensor.New(tensor.Float64, 5, labels)
	for i := range soft.Float64s() {
		soft.Float64s()[i] = rng.Float64()
	}
	gradcheck.Check(t, func(_ *autodiff.Tape, in []*autodiff.Var) *autodiff.Var { return j.Energy(in[0], in[1]) }, x, soft)
	_ = target
}

func TestMisusePanics(t *testing.T) {
	for want, do := range map[string]func(){
		"NewHead: 1 labels":                      func() { NewHead(net(1, generator(1)), 1) },
		"SignCodes: 2 dimensions have no 5":      func() { SignCodes(5, 2, generator(1)) },
		"LearnedCodes: codes of 0 dimensions":    func() { LearnedCodes(5, 0, generator(1)) },
		"codes of shape [3]; they must be":       func() { NewCode(net(3, generator(1)), &autodiff.Param{Value: tensor.New(tensor.Float32, 3)}) },
		"the network gives shape [2 3]":          func() { run(NewHead(net(3, generator(1)), 4)) },
		"the trunk gives shape [2 3]":            func() { run(NewJoint(net(3, generator(1)), net(1, generator(1)), 4, 6, generator(1))) },
		"the upper part gives shape [8 2] for 8": func() { run(NewJoint(net(inputs, generator(1)), net(2, generator(1)), 4, inputs, generator(1))) },
	} {
		func() {
			defer func() {
				if v, ok := recover().(string); !ok || !strings.Contains(v, want) {
					t.Errorf("panic %q; it should say %q", v, want)
				}
			}()
			do()
		}()
	}
}

func run(l Labeler) {
	x, _ := sample(tensor.Float32, 2, generator(1))
	NewPredictor(l, tensor.Float32).Energies(x)
}
