package functional

import (
	"math"
	"testing"
)

// TestWrongIdentities: over the wrong answers' free energy, log is nll, mce is mee, and a
// large β gives the most offending answer back.
func TestWrongIdentities(t *testing.T) {
	wrong := Rival{Wrong: true}
	for _, scale := range []float64{1e-3, 1, 30} {
		b := draw(generator(20), Log{}, 100, 6, scale)
		for _, pair := range [][2]Functional{{Log{wrong}, NLL{}}, {MCE{wrong}, MEE{}}} {
			loss, grad := b.eval(t, pair[0])
			want, wantGrad := b.eval(t, pair[1])
			for i := range loss {
				if apart(loss[i], want[i], 1e-300) > 1e-12 {
					t.Fatalf("scale %g: %s on F⁻ is %v, %s %v", scale, pair[0].Name(), loss[i], pair[1].Name(), want[i])
				}
			}
			for i := range grad {
				if apart(grad[i], wantGrad[i], 1e-15) > 1e-11 {
					t.Fatalf("scale %g: %s on F⁻ has the derivative %v, %s %v", scale, pair[0].Name(), grad[i], pair[1].Name(), wantGrad[i])
				}
			}
		}
		cold, _ := b.eval(t, Hinge{Margin: scale, Rival: Rival{true, 1e12}})
		least, _ := b.eval(t, Hinge{Margin: scale})
		for i := range cold {
			if math.Abs(cold[i]-least[i]) > 1e-11 {
				t.Fatalf("scale %g: hinge on F⁻ at β 1e12 is %v, on E⁻ %v", scale, cold[i], least[i])
			}
		}
	}
}

// TestWrongMasked: where every wrong answer is masked F⁻ is +Inf, and nothing is pushed up.
func TestWrongMasked(t *testing.T) {
	inf := math.Inf(1)
	for _, f := range []Functional{Hinge{1, Rival{Wrong: true}}, Log{Rival{Wrong: true}}, MCE{Rival{Wrong: true}}, LVQ2{Rival: Rival{Wrong: true}}} {
		loss, grad := batch{3, []float64{inf, 2, inf}, []int{1}}.eval(t, f)
		if loss[0] != 0 || grad[0] != 0 || grad[1] != 0 || grad[2] != 0 {
			t.Errorf("%s: loss %v, derivatives %v", f.Name(), loss, grad)
		}
	}
	loss, grad := batch{3, []float64{inf, 2, 2}, []int{1}}.eval(t, MCE{Rival{Wrong: true}})
	if loss[0] != 0.5 || grad[0] != 0 || grad[1] != 0.25 || grad[2] != -0.25 {
		t.Errorf("one wrong answer of two masked: loss %v, derivatives %v", loss, grad)
	}
	// The sum overflows no exponent, and a tiny β gives every wrong answer its share.
	loss, grad = batch{3, []float64{0, 1, 2}, []int{0}}.eval(t, SquareExp{Rival: Rival{true, 1e-4}})
	if !math.IsInf(loss[0], 1) || grad[1] != -inf || grad[2] != -inf {
		t.Errorf("square_exp beyond float64: loss %v, derivatives %v", loss, grad)
	}
}
