package ctc

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// plain is prefix beam search as its definition has it, over maps, with pruning.
func plain(d *Decoder, x []float32) map[string]float64 {
	type sums struct{ onBlank, onToken float64 }
	zero := math.Inf(-1)
	beam := map[string]sums{"": {0, zero}}
	know := map[string]knowledge{"": d.before()}
	for t := range len(x) / d.beam.Classes {
		row := x[t*d.beam.Classes : (t+1)*d.beam.Classes]
		ranked := make([]int, 0, d.beam.Classes)
		for c := range row {
			if c != d.beam.Blank {
				ranked = append(ranked, c)
			}
		}
		slices.SortStableFunc(ranked, func(a, b int) int { return int(math.Copysign(1, float64(row[b])-float64(row[a]))) })
		if d.beam.TopTokens > 0 {
			ranked = ranked[:min(len(ranked), d.beam.TopTokens)]
		}
		next := map[string]sums{}
		add := func(key string, onBlank, onToken float64) {
			s, ok := next[key]
			if !ok {
				s = sums{zero, zero}
			}
			next[key] = sums{logAdd(s.onBlank, onBlank), logAdd(s.onToken, onToken)}
		}
		for key, s := range beam {
			last := -1
			if key != "" {
				last = int(key[len(key)-1])
				add(key, zero, s.onToken+float64(row[last]))
			}
			add(key, logAdd(s.onBlank, s.onToken)+float64(row[d.beam.Blank]), zero)
			for c := range row {
				longer := key + string([]byte{byte(c)})
				_, in := beam[longer]
				if c == d.beam.Blank || !in && !slices.Contains(ranked, c) {
					continue
				}
				from := logAdd(s.onBlank, s.onToken)
				if c == last {
					from = s.onBlank
				}
				k := know[key]
				d.after(&k, int32(c))
				if know[longer] = k; k.prior > zero {
					add(longer, zero, from+float64(row[c]))
				}
			}
		}
		total := func(k string) float64 { return logAdd(next[k].onBlank, next[k].onToken) + know[k].prior }
		var keys []string
		for k := range next {
			if total(k) > zero {
				keys = append(keys, k)
			}
		}
		slices.SortFunc(keys, func(a, b string) int { return int(math.Copysign(1, total(b)-total(a))) })
		beam = map[string]sums{}
		for i, k := range keys {
			if i < d.beam.Width && (d.beam.Threshold == 0 || total(k) >= total(keys[0])-d.beam.Threshold) {
				beam[k] = next[k]
			}
		}
	}
	out := map[string]float64{}
	for k, s := range beam {
		end, err := d.atEnd(know[k])
		if err != nil {
			panic(err)
		}
		if a := logAdd(s.onBlank, s.onToken); a+end.prior > zero {
			out[k] = a + end.prior
		}
	}
	return out
}

// checkPruning holds a search against the plain one.
func checkPruning(t *testing.T, b Beam, x []float32) {
	t.Helper()
	d := decoder(t, b)
	want := plain(d, x)
	got, err := d.Decode(x)
	if err != nil && !(errors.Is(err, ErrNoHypothesis) && len(want) == 0) {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%+v: %d hypotheses; want %d", b, len(got), len(want))
	}
	for _, h := range got {
		key := ""
		for _, c := range h.Tokens {
			key += string([]byte{byte(c)})
		}
		if total, ok := want[key]; !ok || !close64(h.Total, total) {
			t.Fatalf("%+v: %v has total %v; want %v", b, h.Tokens, h.Total, total)
		}
	}
}

// Narrow beams keep what the plain search keeps, in long emissions too.
func TestPruningIsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	all := beams(t)
	all["nothing"] = Beam{Classes: 5, Blank: 1}
	for _, b := range all {
		for _, p := range []struct {
			width, top int
			threshold  float64
		}{{1, 0, 0}, {2, 0, 0}, {5, 2, 0}, {16, 0, 3}, {30, 1, 8}, {8, 3, 0.5}} {
			b.Width, b.TopTokens, b.Threshold, b.Best = p.width, p.top, p.threshold, wide
			x := emit(rng, 40, 5, 2, 0.1)
			for i := range 100 {
				x[i] += 4 // scores need not be below 0
			}
			checkPruning(t, b, x)
		}
	}
}

// So do beams with any hot words.
func TestPruningWithHotWords(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 3))
	some := beams(t)
	for trial := range 400 {
		b := some[[]string{"hot", "hot tokens", "above 1", "tokens, above 1", "model", "tokens"}[trial%6]]
		b.Hot, b.WordBonus = nil, 2*rng.NormFloat64()
		boost := float64(1 + 19*rng.IntN(2))
		for range rng.IntN(6) {
			h := HotWord{Boost: boost * rng.NormFloat64()}
			for range 1 + rng.IntN(4) {
				h.Tokens = append(h.Tokens, []int{0, 2, 4}[rng.IntN(3)])
			}
			b.Hot = append(b.Hot, h)
		}
		b.Width, b.TopTokens, b.Threshold, b.Best = 1+rng.IntN(10), rng.IntN(4), float64(3*rng.IntN(2)), wide
		checkPruning(t, b, emit(rng, 30, len(letters), 2, 0.1))
	}
}
