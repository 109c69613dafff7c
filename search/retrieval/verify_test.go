package retrieval

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestVerify compares with definitions that look at all pairs, and at all thresholds.
func TestVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		d, same := make([]float64, n), make([]bool, n)
		for i := range d {
			d[i] = float64(rapid.IntRange(-4, 8).Draw(t, "d"))
			same[i] = rapid.Bool().Draw(t, "same")
		}
		same[0], same[1] = true, false
		v, err := Verify(d, same)
		if err != nil {
			t.Fatal(err)
		}
		checkVerification(t, v, d, same)
	})
}

func checkVerification(t *rapid.T, v *Verification, d []float64, same []bool) {
	var auc, pairs, best float64
	for i := range d {
		for j := range d {
			if same[i] && !same[j] {
				pairs++
				switch {
				case d[i] < d[j]:
					auc++
				case d[i] == d[j]:
					auc += 0.5
				}
			}
		}
	}
	if math.Abs(v.AUC-auc/pairs) > 1e-12 {
		t.Fatalf("AUC %v, want %v", v.AUC, auc/pairs)
	}
	rates := func(threshold float64) (far, tar, accuracy float64) {
		for i := range d {
			accept := d[i] <= threshold
			if accept && same[i] {
				tar += 1 / float64(v.Same)
			} else if accept {
				far += 1 / float64(v.Different)
			}
			if accept == same[i] {
				accuracy += 1 / float64(len(d))
			}
		}
		return far, tar, accuracy
	}
	worse, better := 0.0, 1.0 // bounds of the EER
	for threshold := -5.0; threshold < 9; threshold += 0.25 {
		far, tar, accuracy := rates(threshold)
		best = max(best, accuracy)
		worse = max(worse, min(far, 1-tar))
		better = min(better, max(far, 1-tar))
		if got := v.AccuracyAt(threshold); math.Abs(got-accuracy) > 1e-9 {
			t.Fatalf("accuracy at %v is %v, want %v", threshold, got, accuracy)
		}
	}
	if math.Abs(v.Accuracy-best) > 1e-9 {
		t.Fatalf("best accuracy %v, want %v", v.Accuracy, best)
	}
	if _, _, accuracy := rates(v.Threshold); math.Abs(accuracy-best) > 1e-9 {
		t.Fatalf("accuracy at the best threshold, %v, is %v, want %v", v.Threshold, accuracy, best)
	}
	if v.EER < worse-1e-9 || v.EER > better+1e-9 {
		t.Fatalf("EER %v is not between %v and %v", v.EER, worse, better)
	}
	first, last := v.ROC[0], v.ROC[len(v.ROC)-1]
	if first.FAR != 0 || first.TAR != 0 || last.FAR != 1 || last.TAR != 1 {
		t.Fatalf("the curve runs from %v to %v", first, last)
	}
	for i, p := range v.ROC {
		far, tar, _ := rates(p.Threshold)
		if math.Abs(p.FAR-far) > 1e-9 || math.Abs(p.TAR-tar) > 1e-9 {
			t.Fatalf("point %d of the curve is %v, want %v and %v", i, p, far, tar)
		}
	}
	if _, err := json.Marshal(v); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyByHand is small enough to be seen through.
func TestVerifyByHand(t *testing.T) {
	for _, c := range []struct {
		name                     string
		same, different          []float64
		auc, eer, acc, threshold float64
	}{
		{"apart", []float64{1, 2}, []float64{3, 4}, 1, 0, 1, 2.5},
		{"the wrong way round", []float64{3, 4}, []float64{1, 2}, 0, 1, 0.5, math.Nextafter(1, 0)},
		{"all alike", []float64{1, 1}, []float64{1, 1}, 0.5, 0.5, 0.5, math.Nextafter(1, 0)},
		{"one of four mixed up", []float64{1, 2, 3, 6}, []float64{5, 7, 8, 9}, 15.0 / 16, 0.25, 0.875, 4},
		// At 1, FAR is 0 and 1 − TAR is 2/3; at 2, FAR is 1/2 and 1 − TAR 1/3: straight lines cross at 2/5.
		{"between two thresholds", []float64{1, 2, 4}, []float64{2, 5}, 4.5 / 6, 0.4, 0.8, 4.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := slices.Concat(c.same, c.different)
			same := make([]bool, len(d))
			for i := range c.same {
				same[i] = true
			}
			v, err := Verify(d, same)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range []struct {
				name      string
				got, want float64
			}{{"AUC", v.AUC, c.auc}, {"EER", v.EER, c.eer}, {"accuracy", v.Accuracy, c.acc}, {"threshold", v.Threshold, c.threshold}} {
				if math.Abs(f.got-f.want) > 1e-12 {
					t.Errorf("%s is %v, want %v", f.name, f.got, f.want)
				}
			}
		})
	}
}

// TestVerifyMany has enough pairs for small rates, and for a curve that must be thinned.
func TestVerifyMany(t *testing.T) {
	rng := seeded(3)
	const n = 40000
	d, same := make([]float64, n), make([]bool, n)
	for i := range d {
		same[i] = i%4 == 0
		d[i] = rng.NormFloat64()
		if !same[i] {
			d[i] += 3
		}
	}
	v, err := Verify(d, same)
	if err != nil {
		t.Fatal(err)
	}
	if len(v.ROC) > 2500 || len(v.ROC) < 500 {
		t.Errorf("the curve has %d points", len(v.ROC))
	}
	area := 0.0
	for i, q := range v.ROC[1:] {
		p := v.ROC[i]
		if q.Threshold <= p.Threshold || q.FAR < p.FAR || q.TAR < p.TAR {
			t.Fatalf("the curve turns back at point %d", i+1)
		}
		area += (q.FAR - p.FAR) * (p.TAR + q.TAR) / 2
	}
	if math.Abs(area-v.AUC) > 2e-3 {
		t.Errorf("the area under the thinned curve is %v, AUC %v", area, v.AUC)
	}
	// The normal distribution function gives what there is to be found.
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	if want := phi(3 / math.Sqrt2); math.Abs(v.AUC-want) > 0.002 {
		t.Errorf("AUC %v, want about %v", v.AUC, want)
	}
	if want := phi(-1.5); math.Abs(v.EER-want) > 0.005 {
		t.Errorf("EER %v, want about %v", v.EER, want)
	}
	if len(v.TARAtFAR) != 4 || v.TARAtFAR[3].FAR != 1e-4 { // 30,000 different pairs
		t.Fatalf("%v", v.TARAtFAR)
	}
	for _, at := range v.TARAtFAR {
		far, tar := 0, 0
		for i := range d {
			if d[i] <= at.Threshold {
				if same[i] {
					tar++
				} else {
					far++
				}
			}
		}
		if want := int(at.FAR*float64(v.Different) + 0.5); far != want {
			t.Errorf("at a FAR of %v, %d of %d are accepted, want %d", at.FAR, far, v.Different, want)
		}
		if got := float64(tar) / float64(v.Same); got != at.TAR {
			t.Errorf("TAR at a FAR of %v is %v, want %v", at.FAR, at.TAR, got)
		}
	}
}

func TestVerifyErrors(t *testing.T) {
	_, err := Verify([]float64{1, 2}, []bool{true})
	wantError(t, err, "same has 1", "2")
	_, err = Verify([]float64{1, math.NaN()}, []bool{true, false})
	wantError(t, err, "distances[1]", "NaN")
	_, err = Verify([]float64{1, math.Inf(1)}, []bool{true, false})
	wantError(t, err, "distances[1]", "Inf")
	_, err = Verify([]float64{1, 2}, []bool{true, true})
	wantError(t, err, "2 pairs", "0 are not")
	_, err = Verify([]float64{1}, []bool{false})
	wantError(t, err, "0 pairs")
	_, err = Verify(nil, nil)
	wantError(t, err, "0 pairs")
}
