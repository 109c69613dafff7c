package op_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// contraction computes an Einsum without an ellipsis by its definition.
func contraction(terms []string, out string, in []*value.Value) *value.Value {
	lengths, labels := map[byte]int{}, ""
	for i, t := range terms {
		for j := range len(t) {
			if _, ok := lengths[t[j]]; !ok {
				labels += t[j : j+1]
			}
			lengths[t[j]] = max(lengths[t[j]], in[i].Shape[j])
		}
	}
	at := map[byte]int{}
	find := func(term string, shape []int) int {
		n := 0
		for i, d := range shape {
			k := at[term[i]]
			if d == 1 {
				k = 0
			}
			n = n*d + k
		}
		return n
	}
	var shape, all []int
	for i := range len(out) {
		shape = append(shape, lengths[out[i]])
	}
	for i := range len(labels) {
		all = append(all, lengths[labels[i]])
	}
	y := counted(shape...)
	sums := make([]float64, y.Len())
	coordinates(all, func(index []int) {
		for i := range len(labels) {
			at[labels[i]] = index[i]
		}
		p := 1.0
		for i, t := range terms {
			p *= float64(value.Data[float32](in[i])[find(t, in[i].Shape)])
		}
		sums[find(out, shape)] += p
	})
	for i, s := range sums {
		value.Data[float32](y)[i] = float32(s)
	}
	return y
}

// Pitfall 14: ranks that differ broadcast, and lists are rows and columns.
func TestMatMul(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		a, b       []int
		left       string
		right, out string
	}{
		{[]int{3, 4}, []int{4, 5}, "mk", "kn", "mn"},
		{[]int{17, 33}, []int{33, 65}, "mk", "kn", "mn"},
		{[]int{2, 3, 4}, []int{4, 5}, "bmk", "kn", "bmn"},
		{[]int{3, 4}, []int{2, 4, 5}, "mk", "bkn", "bmn"},
		{[]int{2, 1, 3, 4}, []int{5, 4, 2}, "acmk", "ckn", "acmn"},
		{[]int{1, 1, 3}, []int{7, 3, 2}, "amk", "akn", "amn"},
		{[]int{4}, []int{4, 3}, "k", "kn", "n"},
		{[]int{4}, []int{2, 4, 3}, "k", "bkn", "bn"},
		{[]int{2, 3, 4}, []int{4}, "bmk", "k", "bm"},
		{[]int{4}, []int{4}, "k", "k", ""},
		{[]int{30, 9, 8}, []int{30, 8, 7}, "bmk", "bkn", "bmn"},
		{[]int{500, 1, 1}, []int{500, 1, 1}, "bmk", "bkn", "bmn"},
	} {
		a, b := normal(r, c.a...), normal(r, c.b...)
		want := contraction([]string{c.left, c.right}, c.out, ins(a, b))
		is(t, one(t, 13, "MatMul", ins(a, b)), want, 1e-4)
		for i := range a.Len() {
			value.Data[float32](a)[i] = float32(i%7 - 3)
		}
		for i := range b.Len() {
			value.Data[float32](b)[i] = float32(i%5 - 2)
		}
		want = contraction([]string{c.left, c.right}, c.out, ins(a, b))
		for _, kind := range []func(v *value.Value) *value.Value{to[int8], to[int32], to[uint64], to[float64]} {
			got := one(t, 13, "MatMul", ins(kind(a), kind(b)))
			for i, e := range elements(got) {
				if w := float64(value.Data[float32](want)[i]); e != w && e != float64(uint64(int64(w))) && e != float64(int8(int64(w))) {
					t.Fatalf("%v by %v of %s: element %d is %v, must be %v", c.a, c.b, got.Kind, i, e, w)
				}
			}
		}
	}
	is(t, one(t, 13, "MatMul", ins(counted(2, 0), counted(0, 3))), of([]int{2, 3}, float32(0), 0, 0, 0, 0, 0), 0)
	is(t, one(t, 13, "MatMul", ins(counted(0, 2), counted(2, 3))), counted(0, 3), 0)
	refused(t, "columns of the first are 2, the rows of the second 3", 13, "MatMul", 1, ins(counted(1, 2), counted(3, 1)))
	refused(t, "do not broadcast", 13, "MatMul", 1, ins(counted(2, 1, 1), counted(3, 1, 1)))
	refused(t, "a dimension each", 13, "MatMul", 1, ins(scalar(float32(1)), counted(1)))
	refused(t, "of one type", 13, "MatMul", 1, ins(counted(1), list(1)))
	refused(t, "is not for tensors of bool", 13, "MatMul", 1, ins(of([]int{1}, true), of([]int{1}, true)))
	a, b := normal(r, 2, 4, 3), normal(r, 2, 5, 4)
	want := contraction([]string{"bkm", "bnk"}, "bmn", ins(a, b))
	for i := range want.Len() {
		value.Data[float32](want)[i] *= .5
	}
	is(t, one(t, 13, "com.microsoft.FusedMatMul", ins(a, b), "transA", 1, "transB", 1, "alpha", float32(.5)), want, 1e-4)
	refused(t, "transBatchA", 13, "com.microsoft.FusedMatMul", 1, ins(a, b), "transBatchA", 1)
}

// to converts a tensor of small whole numbers.
func to[T value.Number](v *value.Value) *value.Value {
	x := make([]T, v.Len())
	for i, e := range value.Data[float32](v) {
		x[i] = T(int64(e))
	}
	return of(v.Shape, x...)
}

func TestGemm(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	const m, n, k = 5, 7, 9
	for trans := range 4 {
		ta, tb := trans&1, trans>>1
		left, right := []string{"mk", "km"}[ta], []string{"kn", "nk"}[tb]
		sizes := map[byte]int{'m': m, 'n': n, 'k': k}
		a, b := normal(r, sizes[left[0]], sizes[left[1]]), normal(r, sizes[right[0]], sizes[right[1]])
		product := contraction([]string{left, right}, "mn", ins(a, b))
		for _, shape := range [][]int{{}, {1}, {n}, {1, n}, {m, 1}, {m, n}} {
			c := normal(r, shape...)
			spread := one(t, 13, "Expand", ins(c, list(m, n)))
			for _, f := range [][2]float32{{1, 1}, {.5, 1}, {1, .25}, {0, 2}, {2, 0}} {
				want := counted(m, n)
				for i := range want.Len() {
					value.Data[float32](want)[i] = f[0]*value.Data[float32](product)[i] + f[1]*value.Data[float32](spread)[i]
				}
				is(t, one(t, 13, "Gemm", ins(a, b, c), "transA", ta, "transB", tb, "alpha", f[0], "beta", f[1]), want, 1e-4)
			}
		}
		is(t, one(t, 13, "Gemm", ins(a, b), "transA", ta, "transB", tb), product, 1e-4)
	}
	is(t, one(t, 13, "Gemm", ins(of([]int{1, 2}, int64(1), 2), of([]int{2, 1}, int64(3), 4), list(5))), of([]int{1, 1}, int64(16)), 0)
	is(t, one(t, 13, "Gemm", ins(counted(2, 0), counted(0, 2), counted(2))), of([]int{2, 2}, float32(0), 1, 0, 1), 0)
	refused(t, "must broadcast to [1,1]", 13, "Gemm", 1, ins(counted(1, 1), counted(1, 1), counted(2)))
	refused(t, "must be matrices", 13, "Gemm", 1, ins(counted(1), counted(1, 1)))
	refused(t, "has 2 inputs, must have 3", 9, "Gemm", 1, ins(counted(1, 1), counted(1, 1)))
}

// Pitfall 29: the result's labels are implied, an ellipsis broadcasts, and repeated labels take the diagonal.
func TestEinsum(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	sizes := map[byte]int{'i': 3, 'j': 4, 'k': 5, 'l': 1, 'b': 2, 'I': 2}
	for _, c := range []struct {
		terms         []string
		out, equation string
	}{
		{[]string{"ij", "jk"}, "ik", "ij , jk"},
		{[]string{"ij", "jk"}, "ki", "ij,jk->ki"},
		{[]string{"ij"}, "ji", "ij->ji"},
		{[]string{"ji"}, "ij", "ji"},
		{[]string{"ii"}, "", "ii"},
		{[]string{"ii"}, "i", "ii->i"},
		{[]string{"iji"}, "ij", "iji->ij"},
		{[]string{"ij"}, "", "ij->"},
		{[]string{"i", "j"}, "ij", "i,j"},
		{[]string{"bij", "bjk"}, "bik", "bij,bjk->bik"},
		{[]string{"bij", "bkj"}, "bik", "bij,bkj->bik"},
		{[]string{"bij", "bkj"}, "bki", "bij,bkj->bki"},
		{[]string{"ij", "ij"}, "ij", "ij,ij->ij"},
		{[]string{"ij", "ij"}, "", "ij,ij"},
		{[]string{"ijk", "jl"}, "ikl", "ijk,jl->ikl"},
		{[]string{"ij", "jk", "kl"}, "il", "ij,jk,kl"},
		{[]string{"bi", "ij", "bj"}, "b", "bi,ij,bj->b"},
		{[]string{"ik", "jk"}, "j", "ik,jk->j"},
		{[]string{"Ij", "ij"}, "Ii", "Ij,ij"},
		{[]string{"ii", "ij"}, "j", "ii,ij->j"},
		{[]string{"i", "j", "k"}, "kji", "i,j,k->kji"},
		{[]string{"bikj", "bkl"}, "bjil", "bikj,bkl->bjil"},
	} {
		var in []*value.Value
		for _, term := range c.terms {
			var shape []int
			for i := range len(term) {
				shape = append(shape, sizes[term[i]])
			}
			in = append(in, normal(r, shape...))
		}
		got, err := single(12, "Einsum", 1, in, "equation", c.equation)
		if err != nil {
			t.Fatalf("%q: %v", c.equation, err)
		}
		if s := differs(got[0], contraction(c.terms, c.out, in), 1e-4); s != "" {
			t.Errorf("%q: %s", c.equation, s)
		}
	}
	a, b := normal(r, 2, 1, 3, 4), normal(r, 5, 4, 6)
	is(t, one(t, 12, "Einsum", ins(a, b), "equation", "...ij,...jk->...ik"), one(t, 13, "MatMul", ins(a, b)), 1e-4)
	is(t, one(t, 12, "Einsum", ins(a, b), "equation", "...ij,...jk"), one(t, 13, "MatMul", ins(a, b)), 1e-4)
	is(t, one(t, 12, "Einsum", ins(a), "equation", "i...j->j...i"), one(t, 13, "Transpose", ins(a), "perm", []int{3, 1, 2, 0}), 0)
	is(t, one(t, 12, "Einsum", ins(of([]int{2}, int32(2), 3), of([]int{2}, int32(4), 5)), "equation", "i,i"), scalar(int32(23)), 0)
	is(t, one(t, 12, "Einsum", ins(counted(2, 0)), "equation", "ij->i"), of([]int{2}, float32(0), 0), 0)
	for equation, text := range map[string]string{
		"ij->k": "must stand in an operand", "ij->ii": "once in the result", "i1": "must be letters", "ij,jk": "has 2 operands, the node has 1 inputs",
		"i": "a dimension for each of 1 labels", "i......": "at most one ellipsis", "ij->i...": "no operand has",
	} {
		refused(t, text, 12, "Einsum", 1, ins(counted(2, 3)), "equation", equation)
	}
	refused(t, "has the length 3, and the same label elsewhere 2", 12, "Einsum", 1, ins(counted(2, 3)), "equation", "ii")
	refused(t, "limit of one result", 12, "Einsum", 1, ins(counted(9000), counted(9000), counted(9000), counted(9000)), "equation", "i,j,i,j->")
}

func TestDet(t *testing.T) {
	is(t, one(t, 11, "Det", ins(of([]int{2, 2, 2}, float32(1), 2, 3, 4, 0, 1, 1, 0))), of([]int{2}, float32(-2), -1), 1e-6)
	is(t, one(t, 11, "Det", ins(of([]int{3, 3}, 1.0, 2, 3, 2, 4, 6, 7, 8, 9))), scalar(0.0), 1e-12)
	is(t, one(t, 11, "Det", ins(counted(0, 0))), scalar(float32(1)), 0)
	refused(t, "must be equal", 11, "Det", 1, ins(counted(2, 3)))
}

func BenchmarkMoves(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		op         string
		in         []*value.Value
		attributes []any
	}{
		{"Transpose", ins(normal(r, 1, 64, 112, 112)), []any{"perm", []int{0, 2, 3, 1}}},
		{"Transpose", ins(normal(r, 16, 128, 12, 64)), []any{"perm", []int{0, 2, 1, 3}}},
		{"Transpose", ins(normal(r, 16, 12, 128, 64)), []any{"perm", []int{0, 1, 3, 2}}},
		{"Transpose", ins(normal(r, 1, 224, 224, 3)), []any{"perm", []int{0, 3, 1, 2}}},
		{"Slice", ins(normal(r, 1, 3, 448, 448), list(0, 0), list(448, 448), list(2, 3), list(2, 2)), nil},
		{"Concat", ins(normal(r, 4, 64, 56, 56), normal(r, 4, 64, 56, 56)), []any{"axis", 1}},
		{"Expand", ins(normal(r, 1, 128, 1), list(64, 128, 100)), nil},
		{"Pad", ins(normal(r, 4, 64, 56, 56), list(0, 0, 1, 1, 0, 0, 1, 1)), []any{"mode", "reflect"}},
		{"Gather", ins(normal(r, 30000, 384), of([]int{16, 128}, make([]int64, 2048)...)), nil},
		{"MatMul", ins(normal(r, 16, 12, 128, 64), normal(r, 16, 12, 64, 128)), nil},
		{"MatMul", ins(normal(r, 1, 128, 384), normal(r, 384, 1536)), nil},
		{"MatMul", ins(normal(r, 1, 384), normal(r, 384, 1536)), nil},
		{"Einsum", ins(normal(r, 16, 128, 12, 64), normal(r, 16, 128, 12, 64)), []any{"equation", "bihd,bjhd->bhij"}},
	} {
		g := graph{outputs: []string{"y"}}
		var names []string
		for i := range c.in {
			names = append(names, fmt.Sprint("in", i))
		}
		g.inputs = names
		g.nodes = append(g.nodes, node(c.op, names, []string{"y"}, c.attributes...))
		m, err := g.model()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(c.op, c.in[0].Shape), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := m.RunFunc(c.in, func([]*value.Value) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The same bits on any number of workers.
func TestProductsOfAnyWorkers(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	a, b, row := normal(r, 6, 40, 300), normal(r, 6, 300, 50), normal(r, 1, 700)
	wide, tall := normal(r, 700, 3000), normal(r, 3000, 700)
	defer simd.SetThreads(0)
	var first []*value.Value
	for _, workers := range []int{1, 2, 5} {
		simd.SetThreads(workers)
		results := ins(one(t, 13, "MatMul", ins(a, b)), one(t, 13, "MatMul", ins(row, wide)), one(t, 13, "Gemm", ins(row, tall), "transB", 1), one(t, 12, "Einsum", ins(a, b), "equation", "bij,bjk->kb"))
		if first == nil {
			first = results
		}
		for i, v := range results {
			is(t, v, first[i], 0)
		}
	}
}
