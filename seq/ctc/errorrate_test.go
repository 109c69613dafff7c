package ctc

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// apply checks that the operations are what they say, and returns their cost.
func apply(t *testing.T, ref, hyp []int, edits []Edit) (cost int) {
	t.Helper()
	r, h := 0, 0
	for _, e := range edits {
		if e.Ref != r || e.Hyp != h {
			t.Fatalf("an operation is at %d, %d; want %d, %d", e.Ref, e.Hyp, r, h)
		}
		if e.Op == Match && ref[r] != hyp[h] || e.Op == Substitute && ref[r] == hyp[h] {
			t.Fatalf("%q of %d and %d", e.Op, ref[r], hyp[h])
		}
		if e.Op != Insert {
			r++
		}
		if e.Op != Delete {
			h++
		}
		if e.Op != Match {
			cost++
		}
	}
	if r != len(ref) || h != len(hyp) {
		t.Fatalf("the operations end at %d, %d of %d, %d", r, h, len(ref), len(hyp))
	}
	return cost
}

// fewest is the definition of the distance.
func fewest(ref, hyp []int) int {
	if len(ref) == 0 || len(hyp) == 0 {
		return len(ref) + len(hyp)
	}
	best := fewest(ref[1:], hyp[1:])
	if ref[0] != hyp[0] {
		best++
	}
	return min(best, 1+fewest(ref[1:], hyp), 1+fewest(ref, hyp[1:]))
}

func draw(rng *rand.Rand, n, classes int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = rng.IntN(classes)
	}
	return x
}

func TestEditsAreFewest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		ref, hyp := draw(rng, rng.IntN(7), 3), draw(rng, rng.IntN(7), 3)
		if got, want := apply(t, ref, hyp, Edits(ref, hyp)), fewest(ref, hyp); got != want {
			t.Errorf("%v, %v: %d operations; want %d", ref, hyp, got, want)
		}
	}
}

// Long sequences, which are cut in two, need no more operations than their distance.
func TestLongEditsAreFewest(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	ref := draw(rng, 5000, 4)
	var hyp []int
	for _, c := range ref {
		switch rng.IntN(6) {
		case 0:
		case 1:
			hyp = append(hyp, rng.IntN(4))
		case 2:
			hyp = append(hyp, c, rng.IntN(4))
		default:
			hyp = append(hyp, c)
		}
	}
	if len(ref)*len(hyp) < 4*maxCells {
		t.Fatal("the sequences are too short to be cut twice")
	}
	d := distances(ref, hyp)
	if got, want := apply(t, ref, hyp, Edits(ref, hyp)), int(d[len(hyp)]); got != want {
		t.Errorf("%d operations; want %d", got, want)
	}
}

func TestErrorCount(t *testing.T) {
	var c ErrorCount
	if !math.IsNaN(c.Rate()) || !math.IsNaN(c.SequenceRate()) {
		t.Error("rates of nothing are not NaN")
	}
	c.Add(Edits(nil, []int{1}))
	if !math.IsInf(c.Rate(), 1) {
		t.Errorf("rate of an insertion alone is %v", c.Rate())
	}
	c.Add(Edits(Words("the cat sat  on the mat"), Words("the hat on the mat now")))
	c.Add(Edits(Words("right"), Words("right")))
	c.Add(Edits[int](nil, nil))
	want := ErrorCount{Length: 7, Substitutions: 1, Insertions: 2, Deletions: 1, Sequences: 4, Wrong: 2}
	if c != want {
		t.Errorf("%+v; want %+v", c, want)
	}
	if c.Rate() != 4./7 || c.SequenceRate() != 0.5 {
		t.Errorf("rates %v, %v", c.Rate(), c.SequenceRate())
	}
	c = ErrorCount{}
	c.Add(Edits(Characters("für"), Characters("fur")))
	if c.Rate() != 1./3 {
		t.Errorf("character error rate %v", c.Rate())
	}
}

func TestRenderEdits(t *testing.T) {
	for _, c := range []struct{ ref, hyp, want string }{
		{"the cat sat on the mat", "the hat on the mat now", `
ref  the cat sat on the mat ***
hyp  the *** hat on the mat now
         D   S              I
`},
		{"für zwölf", "fur zwölf", `
ref  für zwölf
hyp  fur zwölf
     S
`},
		{"das 日本 ist e\u0301a", "das 日 ist e\u0301ab", `
ref  das 日本 ist éa
hyp  das 日   ist éab
         S        S
`},
		{"same", "same", `
ref  same
hyp  same
`},
		{"", "", `
ref
hyp
`},
	} {
		ref, hyp := Words(c.ref), Words(c.hyp)
		if got := RenderEdits(ref, hyp, Edits(ref, hyp)); got != strings.TrimPrefix(c.want, "\n") {
			t.Errorf("got\n%swant%s", got, c.want)
		}
	}
	// Empty elements are not absent ones.
	ref, hyp := []string{"", "a", "b"}, []string{"", "", "b", "c"}
	if got, want := RenderEdits(ref, hyp, Edits(ref, hyp)), "ref  \"\" a  b *\nhyp  \"\" \"\" b c\n        S    I\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
