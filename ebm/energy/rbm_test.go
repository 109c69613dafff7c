package energy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/tensor"
)

func smallRBM(visible, hidden int, scale float64, rng *rand.Rand) *RBM[float64] {
	r := NewRBM[float64](visible, hidden, rng)
	for _, p := range r.Params() {
		for i := range p.Value.Float64s() {
			p.Value.Float64s()[i] = scale * rng.NormFloat64()
		}
	}
	return r
}

// states returns all 2^n rows of bits.
func states(n int) []float64 {
	all := make([]float64, 0, n<<n)
	for s := range 1 << n {
		for i := range n {
			all = append(all, float64(s>>i&1))
		}
	}
	return all
}

// jointLog is the log of Σ over both layers of exp(−E), by brute force, with the
// probability of each visible unit.
func jointLog(r *RBM[float64]) (logZ float64, on []float64) {
	k, m := r.Visible(), r.Hidden()
	w, b, c := r.W.Value.Float64s(), r.B.Value.Float64s(), r.C.Value.Float64s()
	on = make([]float64, k)
	var z float64
	vs, hs := states(k), states(m)
	for v := 0; v < len(vs); v += k {
		for h := 0; h < len(hs); h += m {
			var e float64
			for i := range k {
				e -= vs[v+i] * b[i]
			}
			for j := range m {
				e -= hs[h+j] * c[j]
				for i := range k {
					e -= hs[h+j] * w[j*k+i] * vs[v+i]
				}
			}
			p := math.Exp(-e)
			z += p
			for i := range k {
				on[i] += p * vs[v+i]
			}
		}
	}
	for i := range on {
		on[i] /= z
	}
	return math.Log(z), on
}

// TestRBMExact: free energies and the partition function agree with the sum over all
// states of both layers.
func TestRBMExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := smallRBM(7, 5, 1, rng)
	want, _ := jointLog(r)
	got, err := r.LogPartition()
	if err != nil || math.Abs(got-want) > 1e-11*math.Abs(want) {
		t.Errorf("log Z = %v, %v; it should be %v", got, err, want)
	}
	all := states(7)
	energy := make([]float64, 1<<7)
	NewSlopes[float64](r).Energies(energy, nil, all)
	sum := logSum{max: math.Inf(-1)}
	for _, e := range energy {
		sum.add(-e)
	}
	if math.Abs(sum.log()-want) > 1e-11*math.Abs(want) {
		t.Errorf("Σ exp(−F) is exp(%v); it should be exp(%v)", sum.log(), want)
	}
	v := tensor.New(tensor.Float64, 3, 7)
	for i := range v.Float64s() {
		v.Float64s()[i] = float64(rng.IntN(2))
	}
	gradcheck.Params(t, func(tape *autodiff.Tape) *autodiff.Var { return r.Energy(nil, tape.Const(v)) }, r.Params())
	if _, err := NewRBM[float64](3, 30, rng).LogPartition(); err == nil {
		t.Error("2^30 states are enumerated")
	}
}

// TestRBMGibbs: a long run visits the visible units as often as they are on.
func TestRBMGibbs(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 2))
	r := smallRBM(6, 4, 0.8, rng)
	_, want := jointLog(r)
	const chains, sweeps = 2000, 60
	v := make([]float64, chains*6)
	var g sampler.Gibbs[float64]
	p := make([]float64, len(v))
	for range 40 {
		g.Step(rng, r, v, nil)
	}
	got := make([]float64, 6)
	for range sweeps {
		g.Step(rng, r, v, p)
		for i, on := range p {
			got[i%6] += on / chains / sweeps
		}
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 0.006 {
			t.Errorf("unit %d is on %.4f of the time; it should be %.4f", i, got[i], want[i])
		}
	}
}

// TestAnnealRBM: annealing is within 0.1 nat of the exact log Z, in both element types.
func TestAnnealRBM(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	r := smallRBM(40, 15, 0.5, rng)
	want, err := r.LogPartition()
	if err != nil {
		t.Fatal(err)
	}
	got, err := AnnealRBM(t.Context(), rng, r, nil, sampler.Ladder(400), 200)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.LogZ-want) > min(0.1, 5*got.StdErr) {
		t.Errorf("log Z = %.4f ± %.4f; it is %.4f", got.LogZ, got.StdErr, want)
	}
	v := make([]float64, 200*40)
	for i := range v {
		v[i] = float64(rng.IntN(2))
	}
	var gibbs sampler.Gibbs[float64]
	for range 500 {
		gibbs.Step(rng, r, v, nil)
	}
	back, err := AnnealRBMBack(t.Context(), rng, r, nil, sampler.Ladder(400), v)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(back.LogZ-want) > min(0.1, 5*back.StdErr) {
		t.Errorf("backwards, log Z = %.4f ± %.4f; it is %.4f", back.LogZ, back.StdErr, want)
	}
	single := NewRBM[float32](40, 15, rng)
	for i, p := range r.Params() {
		for j, v := range p.Value.Float64s() {
			single.Params()[i].Value.Float32s()[j] = float32(v)
		}
	}
	if low, err := single.LogPartition(); err != nil || math.Abs(low-want) > 1e-4 {
		t.Errorf("in float32, log Z = %v, %v; it is %v", low, err, want)
	}
	if low, err := AnnealRBM(t.Context(), rng, single, make([]float32, 40), sampler.Ladder(400), 200); err != nil || math.Abs(low.LogZ-want) > min(0.1, 5*low.StdErr+1e-4) {
		t.Errorf("in float32, log Z = %+v, %v; it is %v", low, err, want)
	}
	if _, err := AnnealRBM(t.Context(), rng, r, make([]float64, 3), sampler.Ladder(10), 10); err == nil {
		t.Error("three base biases are taken")
	}
}

// TestRBMWithoutAUnit: a hidden bias of −Inf takes its unit out; a base bias that is not
// finite is no base.
func TestRBMWithoutAUnit(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	r := smallRBM(7, 5, 1, rng)
	for j := range 7 {
		r.W.Value.Float64s()[4*7+j] = 0
	}
	r.C.Value.Float64s()[4] = 0 // a unit of no effect doubles Z
	want, err := r.LogPartition()
	if err != nil {
		t.Fatal(err)
	}
	r.C.Value.Float64s()[4] = math.Inf(-1)
	if got, err := r.LogPartition(); err != nil || math.Abs(got-(want-math.Ln2)) > 1e-12*math.Abs(want) {
		t.Errorf("log Z = %v, %v; it should be %v", got, err, want-math.Ln2)
	}
	for _, v := range []float64{math.Inf(-1), math.Inf(1), math.NaN()} {
		base := make([]float64, 7)
		base[3] = v
		_, forward := AnnealRBM(t.Context(), rng, r, base, sampler.Ladder(5), 10)
		_, back := AnnealRBMBack(t.Context(), rng, r, base, sampler.Ladder(5), make([]float64, 70))
		for _, err := range []error{forward, back} {
			if want := fmt.Sprintf("base[3] is %v; it must be finite", v); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		}
	}
}

// TestRBMAt: a machine at a temperature has the probabilities of its fields by the temperature, and free energies of its own.
func TestRBMAt(t *testing.T) {
	r := smallRBM(3, 2, 0.7, rand.New(rand.NewPCG(1, 2)))
	v, p, q := []float64{1, 0, 1}, make([]float64, 2), make([]float64, 2)
	r.HiddenGiven(p, v)
	r.At(2).HiddenGiven(q, v)
	for j := range p {
		if want := 1 / (1 + math.Exp(-math.Log(p[j]/(1-p[j]))/2)); math.Abs(q[j]-want) > 1e-12 {
			t.Errorf("unit %d: %v at temperature 2, want %v", j, q[j], want)
		}
	}
	again := make([]float64, 2)
	if r.HiddenGiven(again, v); !slices.Equal(again, p) {
		t.Error("the machine itself has changed")
	}
}
