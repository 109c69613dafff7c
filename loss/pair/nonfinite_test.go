package pair

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// miners are all of them, for a batch of rows of 2 coordinates; those that have a distance,
// with each.
func miners[T tensor.Float]() map[string]func(x []T, labels []int) (Stats, error) {
	all := map[string]func(x []T, labels []int) (Stats, error){
		"DistanceWeighted": func(x []T, labels []int) (Stats, error) {
			return (&DistanceWeighted[T]{}).Mine(&Triplets{}, x, 2, labels, seeded(1))
		},
	}
	for _, d := range []distance.Measure{{}, {Normalize: true}, {Kind: distance.Squared}, {Kind: distance.Cosine}, {Kind: distance.Dot}, {Kind: distance.Lp, P: 1}, {Kind: distance.Lp, P: math.Inf(1)}} {
		name := " " + string(d.Kind)
		all["BatchHard"+name] = func(x []T, labels []int) (Stats, error) {
			return (&BatchHard[T]{Distance: d}).Mine(&Triplets{}, x, 2, labels)
		}
		all["SemiHard"+name] = func(x []T, labels []int) (Stats, error) {
			return (&SemiHard[T]{Distance: d, Margin: 1}).Mine(&Triplets{}, x, 2, labels)
		}
		all["TripletMargin"+name] = func(x []T, labels []int) (Stats, error) {
			return (&TripletMargin[T]{Distance: d, Margin: 1}).Mine(&Triplets{}, x, 2, labels)
		}
		all["MultiSimilarity"+name] = func(x []T, labels []int) (Stats, error) {
			return (&MultiSimilarity[T]{Distance: d, Epsilon: 0.1}).Mine(&Pairs{}, x, 2, labels)
		}
	}
	return all
}

// TestMinersRefuse: no miner takes a number that is not finite, or a row so long that a
// distance might not be, for one that has nothing to mine.
func TestMinersRefuse(t *testing.T) {
	refuse(t, miners[float32](), 1e19, 1e38)
	refuse(t, miners[float64](), 1e154, 1e308)
}

func refuse[T tensor.Float](t *testing.T, all map[string]func(x []T, labels []int) (Stats, error), long ...float64) {
	t.Helper()
	bad := append(long, math.NaN(), math.Inf(1), math.Inf(-1))
	for name, mine := range all {
		x, labels := []T{1, 0, 0.5, 1, 0, 1, -1, 0.5}, []int{0, 0, 1, 1}
		if _, err := mine(x, labels); err != nil {
			t.Errorf("%s, %T: %v", name, x, err)
		}
		for i, old := range x {
			for _, v := range bad {
				x[i] = T(v)
				if stats, err := mine(x, labels); err == nil || !strings.Contains(err.Error(), "embeddings") {
					t.Errorf("%s, %T: with embeddings[%d] = %v: %+v, %v", name, x, i, v, stats, err)
				}
			}
			x[i] = old
		}
	}
}

// TestMinersComplete: every type of the package that mines is among the miners.
func TestMinersComplete(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "Mine" {
				continue
			}
			n++
			name := fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.IndexExpr).X.(*ast.Ident).Name
			tested := false
			for miner := range miners[float32]() {
				tested = tested || strings.Split(miner, " ")[0] == name
			}
			if !tested {
				t.Errorf("%s is not tested", name)
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d miners", n)
	}
}

// TestGreatestRows: of the longest rows that are taken, all distances are finite, and those
// of float32 are those of float64.
func TestGreatestRows(t *testing.T) {
	long := float32(maxNorm[float32]() * (1 - 1e-6))
	x := []float32{long, 0, -long, 0, 0, long, 0, -long}
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	for _, d := range []distance.Measure{{}, {Kind: distance.Squared}, {Kind: distance.Cosine}, {Kind: distance.Dot}, {Kind: distance.Lp, P: 1}, {Kind: distance.Lp, P: 3}} {
		var narrow Strips[float32]
		var exact Strips[float64]
		if err := narrow.Set(d, x, x, 2); err != nil {
			t.Fatal(err)
		}
		if err := exact.Set(d, wide, wide, 2); err != nil {
			t.Fatal(err)
		}
		got, _ := narrow.At(0)
		want, _ := exact.At(0)
		for i, v := range got {
			if !(math.Abs(float64(v)-want[i]) <= 1e-5*math.Abs(want[i])) {
				t.Errorf("%s: distance %d is %v in float32, %v in float64", d.Kind, i, v, want[i])
			}
		}
	}
}
