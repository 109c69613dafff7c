package answers

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// dense is total and add of a walker, class by class.
func dense(w *walker, which paths, beta float64) (total float64, grads []float64) {
	away := w.away()
	next := func(p, class int) int {
		own, label := noClass, noClass
		if p != away {
			own, label = w.leads(p)
		}
		switch {
		case p == away:
			return away
		case class == w.blank:
			return p + p%2
		case class == own:
			return p
		case class == label:
			return p + p%2 + 1
		}
		return away
	}
	cells := make([][]float64, w.frames+1)
	for t := w.frames; t >= 0; t-- {
		cells[t] = make([]float64, away+1)
		for p := range cells[t] {
			m := newSoftMin(beta)
			if t == w.frames && which.ends(p, len(w.text)) {
				m.add(0, 0)
			}
			for class := 0; t < w.frames && class < w.classes; class++ {
				m.add(w.row(t)[class]+cells[t+1][next(p, class)], class)
			}
			cells[t][p] = m.value()
		}
	}
	grads = make([]float64, len(w.energies))
	shares := make([]float64, away+1)
	shares[0] = 1
	for t := 0; t < w.frames && beta > 0 && !math.IsInf(cells[0][0], 1); t++ {
		after := make([]float64, away+1)
		for p, share := range shares {
			for class := 0; share > 0 && class < w.classes; class++ {
				to := next(p, class)
				q := share * math.Exp(-beta*(w.row(t)[class]+cells[t+1][to]-cells[t][p]))
				grads[t*w.classes+class] += q
				after[to] += q
			}
		}
		shares = after
	}
	return cells[0][0], grads
}

// TestWalkerAgainstDense: taking all classes that lead away together, and probabilities for energies, gives what the classes
// give one by one, also where one class has nearly all of a frame, the text is nearly certain, or energies are +Inf.
func TestWalkerAgainstDense(t *testing.T) {
	rng := generator(21)
	for trial := range 400 {
		classes, frames := 2+trial%8, trial%23
		size := []float64{1e-3, 1, 10, 300}[rng.IntN(4)]
		energies := make([]float64, frames*classes)
		for i := range energies {
			if energies[i] = size * rng.NormFloat64(); rng.IntN(15) == 0 {
				energies[i] = math.Inf(1)
			}
		}
		blank := rng.IntN(classes)
		text := make([]int, rng.IntN(5))
		for i := range text {
			text[i] = (blank + 1 + rng.IntN(classes-1)) % classes
		}
		if trial%2 == 0 { // a text that the energies are sure of
			best := make([]int, frames)
			for t := range best {
				best[t] = leastOf(energies[t*classes:][:classes])
				energies[t*classes+best[t]] -= 3 * size
			}
			text = collapsed(best, blank)
		}
		var w walker
		set(&w, energies, blank, classes, text)
		for _, which := range []paths{allPaths, rightPaths, wrongPaths} {
			for _, beta := range []float64{0, 0.5, 1, 4} {
				name := fmt.Sprintf("trial %d, paths %d, β = %v", trial, which, beta)
				want, slopes := dense(&w, which, beta)
				if got := w.total(which, beta); apart(got, want) > 1e-13 {
					t.Fatalf("%s: total %v; class by class %v", name, got, want)
				}
				if beta == 0 {
					continue
				}
				grads := make([]float64, len(energies))
				add(&w, grads, which, beta, 1)
				for i, v := range grads {
					if math.Abs(v-slopes[i]) > 1e-12*max(1, beta*size) {
						t.Fatalf("%s: derivative %d is %v; class by class %v", name, i, v, slopes[i])
					}
				}
			}
		}
	}
}

// BenchmarkAlignments is a step of functionals on log-softmax frames, a batch of lines like those of strips and of speech,
// and of the fused CTC loss. ratio is the time of the fastest step in relation to that.
func BenchmarkAlignments(b *testing.B) {
	for _, size := range []struct {
		name                            string
		lines, frames, classes, letters int
	}{{"strips", 32, 50, 11, 4}, {"speech", 16, 150, 28, 20}} {
		rng := generator(22)
		f := &Frames[float32]{Classes: size.classes}
		for range size.lines {
			f.Lengths, f.TargetLengths = append(f.Lengths, size.frames), append(f.TargetLengths, size.letters)
			for range size.frames * size.classes {
				f.Energies = append(f.Energies, float32(3*rng.NormFloat64()))
			}
			for range size.letters {
				f.Targets = append(f.Targets, 1+rng.IntN(size.classes-1))
			}
		}
		scores, grads := make([]float32, len(f.Energies)), make([]float32, len(f.Energies))
		for i, e := range f.Energies {
			scores[i] = -e
		}
		ctc := loss.CTC[float32]{Logits: true}
		batch := &loss.CTCBatch[float32]{
			Scores: scores, Frames: size.frames, Batch: size.lines, Classes: size.classes, BatchFirst: true,
			Targets: f.Targets, TargetLengths: f.TargetLengths,
		}
		fused := time.Duration(math.MaxInt64)
		b.Run(size.name+"/ctc", func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				if _, err := ctc.Eval(batch, grads); err != nil {
					b.Fatal(err)
				}
				fused = min(fused, time.Since(start))
			}
		})
		each := make([]float64, size.lines)
		for _, c := range []struct {
			name   string
			latent Latent
			f      functional.Functional
		}{
			{"sum/nll", Sum, functional.NLL{Beta: 1}},
			{"sum/hinge", Sum, functional.Hinge{Margin: 1, Rival: functional.Rival{Wrong: true, Beta: 1}}},
			{"least/nll", Least, functional.NLL{Beta: 1}},
			{"least/perceptron", Least, functional.Perceptron{}},
			{"least/hinge", Least, functional.Hinge{Margin: 1}},
			{"least/mce", Least, functional.MCE{}},
			{"least/margin_cost_max", Least, functional.MarginCostMax{Margin: 1}},
		} {
			b.Run(size.name+"/"+c.name, func(b *testing.B) {
				a, l := &Alignments[float32]{Latent: c.latent}, &Loss{}
				fastest := time.Duration(math.MaxInt64)
				for b.Loop() {
					start := time.Now()
					clear(grads)
					err := a.Set(f, grads)
					_, err2 := l.Eval(a, c.f, each)
					err3 := l.AddGrads(1)
					if err != nil || err2 != nil || err3 != nil {
						b.Fatal(err, err2, err3)
					}
					fastest = min(fastest, time.Since(start))
				}
				b.ReportMetric(float64(fastest)/float64(fused), "ratio")
			})
		}
	}
}
