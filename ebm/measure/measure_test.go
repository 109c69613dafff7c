package measure

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestAUROC(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		own, foreign := make([]float64, 1+rng.IntN(9)), make([]float64, 1+rng.IntN(9))
		for i := range own {
			own[i] = float64(rng.IntN(5))
		}
		for i := range foreign {
			foreign[i] = float64(rng.IntN(7))
		}
		var pairs float64
		for _, a := range own {
			for _, b := range foreign {
				switch {
				case b > a:
					pairs++
				case a == b:
					pairs += 0.5
				}
			}
		}
		if got, want := AUROC(own, foreign), pairs/float64(len(own)*len(foreign)); math.Abs(got-want) > 1e-12 {
			t.Fatalf("AUROC(%v, %v) = %v, want %v", own, foreign, got, want)
		}
	}
}

// Three samples of two labels: sure and right, sure and wrong, undecided.
func TestCalibration(t *testing.T) {
	sure := float32(math.Log(9)) // 0.9 against 0.1
	c, err := Calibrate([]float32{0, sure, 0, sure, 0, 0}, 2, []byte{0, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	wantECE := math.Abs(0.9-0.5)*2/3 + 0.5/3
	wantNLL := -(math.Log(0.9) + math.Log(0.1) + math.Log(0.5)) / 3
	if math.Abs(float64(c.ECE)-wantECE) > 1e-6 || math.Abs(float64(c.NLL)-wantNLL) > 1e-6 {
		t.Errorf("ECE %v and NLL %v, want %v and %v", c.ECE, c.NLL, wantECE, wantNLL)
	}
	if b := c.Bins[13]; b.Samples != 2 || math.Abs(float64(b.Accuracy)-0.5) > 1e-12 {
		t.Errorf("the bin of 0.9 is %+v", b)
	}
}

// TestNumberRoundTrip: JSON holds every number, and reads nothing else.
func TestNumberRoundTrip(t *testing.T) {
	for _, v := range []float64{0, -1.5, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		text, err := json.Marshal(struct{ X Number }{Number(v)})
		if err != nil {
			t.Fatal(err)
		}
		var back struct{ X Number }
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if got := float64(back.X); math.Float64bits(got) != math.Float64bits(v) && !(math.IsNaN(got) && math.IsNaN(v)) {
			t.Errorf("%v came back as %v from %s", v, got, text)
		}
	}
	for _, bad := range []string{`"nan"`, `"1"`, `1e999`, `true`, `{}`, `"` + strings.Repeat("x", 99) + `"`} {
		var n Number
		if err := json.Unmarshal([]byte(bad), &n); err == nil || !strings.Contains(err.Error(), `"-Infinity"`) || len(err.Error()) > 150 {
			t.Errorf("%s: %v is read, %v", bad, n, err)
		}
	}
}

// TestUnits: the unit alone decides how a value is written.
func TestUnits(t *testing.T) {
	for _, test := range []struct {
		unit Unit
		v    float64
		want string
	}{
		{Share, 0.0123, "1.23 %"},
		{Share, 1.5, "150.00 %"},
		{Share, math.NaN(), "not a number"},
		{Share, math.Inf(1), "∞"},
		{Nat, 205.377, "205 nat"},
		{Nat, -1.5, "−1.50 nat"},
		{Nat, math.NaN(), "not a number"},
		{Count, 8, "8"},
		{Count, 18130, "18130"},
		{Count, math.NaN(), "not a number"},
		{Plain, 0.0123, "0.0123"},
		{Plain, 0, "0"},
		{Plain, -2e7, "−2.00e+07"},
		{Plain, math.Inf(-1), "−∞"},
	} {
		if got := test.unit.Text(test.v); got != test.want {
			t.Errorf("%v in %q is %q, want %q", test.v, test.unit, got, test.want)
		}
	}
	nll := Quantity{Key: "nll", Name: "Negative log-likelihood", Unit: Nat, Note: "a picture"}
	if f := nll.Of(205.377); f.Text() != "205 nat" || f.Axis() != "nat a picture" {
		t.Errorf("%s over %s", f.Text(), f.Axis())
	}
}

func TestQuantiles(t *testing.T) {
	inf := math.Inf(1)
	for _, test := range []struct {
		x       []float64
		q, want float64
	}{
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{1, 2}, 0.25, 1.25},
		{[]float64{7}, 0.05, 7},
		{[]float64{1, inf}, 0, 1},
		{[]float64{1, inf}, 0.5, inf},
		{[]float64{inf, 2, 1}, 0.5, 2},
		{[]float64{-inf, inf}, 0.5, math.NaN()},
		{[]float64{1, math.NaN(), 2}, 0.5, math.NaN()},
		{nil, 0.5, math.NaN()},
	} {
		if got := Quantile(Sorted(test.x), test.q); got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want)) {
			t.Errorf("the %v-quantile of %v is %v, want %v", test.q, test.x, got, test.want)
		}
	}
	if got := Mean([]float64{math.MaxFloat64, math.MaxFloat64}); got != math.MaxFloat64 {
		t.Errorf("the mean of two largest numbers is %v", got)
	}
}
