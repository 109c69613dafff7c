package read

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
)

// TestTimesFeatures holds features against the formulas, frame by frame.
func TestTimesFeatures(t *testing.T) {
	f, err := newTimesFeatures(8000)
	if err != nil {
		t.Fatal(err)
	}
	if f.options.Hop != 40 || f.options.Window != 100 {
		t.Fatalf("the options are %+v", f.options)
	}
	clip := noise(8000, 1999, 1)
	x, err := f.of(clip)
	if err != nil {
		t.Fatal(err)
	}
	const frames = 1999/40 + 1
	if len(x) != frames*timesDims {
		t.Fatalf("there are %d numbers", len(x))
	}
	var c [frames][timesCepstra]float64
	for i := range frames {
		frame := make([]float32, 100)
		for k := range frame {
			if at := 40*i - 50 + k; at >= 0 && at < len(clip.Samples) {
				frame[k] = clip.Samples[at]
			}
		}
		mels := f.extract.Append(nil, frame)
		for k := range c[i] {
			for m, y := range mels {
				c[i][k] += math.Sqrt(2./26) * float64(y) * math.Cos(math.Pi*float64(k)*(float64(m)+0.5)/26)
			}
		}
	}
	at := func(i int) *[timesCepstra]float64 { return &c[min(max(i, 0), frames-1)] }
	for k := range timesCepstra {
		var all []float64
		mean := 0.0
		for i := range frames {
			all = append(all, c[i][k])
			mean += c[i][k] / frames
		}
		if k == 0 {
			slices.Sort(all)
			mean = all[95*(frames-1)/100]
		}
		for i := range frames {
			d := at(i + 1)[k] - at(i - 1)[k] + at(i + 2)[k] - at(i - 2)[k]
			got := x[i*timesDims:]
			if math.Abs(float64(got[k])-(c[i][k]-mean)) > 1e-4 || math.Abs(float64(got[13+k])-d) > 1e-4 {
				t.Fatalf("frame %d, cepstrum %d: %v and %v; the formulas say %v and %v", i, k, got[k], got[13+k], c[i][k]-mean, d)
			}
		}
	}
}

func noise(rate, n int, seed uint64) audio.Clip {
	rng := rand.New(rand.NewPCG(seed, 9))
	c := audio.Clip{Rate: rate}
	for range n {
		c.Samples = append(c.Samples, float32(0.1*rng.NormFloat64()))
	}
	return c
}

// TestTimesFeaturesAtAnyRate: no rate is so low or high that a filter is empty, and no recording too short.
func TestTimesFeaturesAtAnyRate(t *testing.T) {
	for _, rate := range []int{60, 500, 1000, 2000, 11025, 48000, 192000, 1 << 20} {
		f, err := newTimesFeatures(rate)
		if err != nil {
			t.Fatalf("%d samples a second: %v", rate, err)
		}
		for _, n := range []int{0, 1, 3} {
			x, err := f.of(audio.Clip{Rate: rate, Samples: make([]float32, n)})
			if err != nil || len(x) == 0 {
				t.Fatalf("%d samples at %d a second: %d features, %v", n, rate, len(x), err)
			}
		}
	}
}

// randomTimes is a model of these units with random Gaussians.
func randomTimes(t *testing.T, rng *rand.Rand, units ...string) *Times {
	t.Helper()
	f, err := newTimesFeatures(8000)
	if err != nil {
		t.Fatal(err)
	}
	m := newTimesModel(f, append(units, "", silenceUnit))
	for range len(m.names) * timesStates * timesDims {
		m.mean, m.variance = append(m.mean, float32(rng.NormFloat64())), append(m.variance, 0.2+rng.Float32())
	}
	m.prepare()
	return m
}

// TestTimesPath holds the likeliest path, and whether there is one, against all paths.
func TestTimesPath(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 7))
	none := 0
	for trial := range 300 {
		m := randomTimes(t, rng, "a", "b")
		places := randomPlaces(rng, 3+rng.IntN(5))
		x := make([]float32, timesDims*(1+rng.IntN(7)))
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		best := bestOfAll(m, x, places, 0, 0)
		path := m.path(x, places)
		if path == nil {
			none++
		}
		if got := scoreOf(t, m, x, places, path); !(math.Abs(got-best) < 1e-9 || got == best) {
			t.Fatalf("trial %d: the path %v has %v; the best has %v", trial, path, got, best)
		}
	}
	if none == 0 || none > 200 {
		t.Errorf("%d of 300 cases have no path", none)
	}
}

// randomPlaces is a chain of places, each but the last with an end like its neighbours', now and then
// one that may be left out.
func randomPlaces(rng *rand.Rand, n int) []timesPlace {
	all := []timesPlace{{}}
	for i := range n {
		p := timesPlace{row: rng.IntN(6), token: i, lo: all[i].lo, hi: all[i].hi + rng.IntN(3)}
		if i == 0 {
			p.hi += 2
		}
		if rng.IntN(2) == 0 {
			p.lo = min(p.lo+rng.IntN(3), p.hi)
		}
		switch rng.IntN(4) {
		case 0:
			p.row = anything
		case 1:
			p.skip = min(1, i)
		}
		all = append(all, p)
	}
	if rng.IntN(3) > 0 {
		for i := len(all) - 2; i < len(all); i++ {
			all[i].hi = 100
		}
	}
	return all
}

// bestOfAll is the best score of the paths that are at a place before frame t.
func bestOfAll(m *Times, x []float32, places []timesPlace, at, t int) float64 {
	if t == len(x)/timesDims {
		if at >= len(places)-2 && at > 0 {
			return 0
		}
		return math.Inf(-1)
	}
	best := math.Inf(-1)
	for next := at; next < min(at+3, len(places)); next++ {
		p := places[next]
		if next == 0 || t < p.lo || t >= p.hi || next == at+2 && p.skip != 1 {
			continue
		}
		best = max(best, densityAt(m, x, p, t)+bestOfAll(m, x, places, next, t+1))
	}
	return best
}

func densityAt(m *Times, x []float32, p timesPlace, t int) float64 {
	frame := x[t*timesDims:][:timesDims]
	if p.row == anything {
		return m.anyDensity(frame)
	}
	return m.logDensity(p.row, frame)
}

// scoreOf checks a path, and returns its score.
func scoreOf(t *testing.T, m *Times, x []float32, places []timesPlace, path []int32) float64 {
	t.Helper()
	if path == nil {
		return math.Inf(-1)
	}
	score, before := 0.0, 0
	for k, i := range path {
		p := places[i]
		step := int(i) - before
		if step < 0 || step > 2 || step == 2 && p.skip != 1 || k < p.lo || k >= p.hi {
			t.Fatalf("the path %v goes through %+v in frame %d", path, p, k)
		}
		score, before = score+densityAt(m, x, p, k), int(i)
	}
	if before < len(places)-2 {
		t.Fatalf("the path %v ends early", path)
	}
	return score
}

// TestTimesDensity holds densities against the formula, and a wildcard's against the best of all.
func TestTimesDensity(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 7))
	m := randomTimes(t, rng, "a", " ab")
	x := make([]float32, timesDims)
	best := math.Inf(-1)
	for row := range len(m.names) * timesStates {
		want := 0.0
		for i := range x {
			mean, variance := float64(m.mean[row*timesDims+i]), float64(m.variance[row*timesDims+i])
			want -= mean*mean/variance/2 + math.Log(2*math.Pi*variance)/2
		}
		if got := m.logDensity(row, x); math.Abs(got-want) > 1e-3 {
			t.Errorf("row %d: %v; the formula says %v", row, got, want)
		}
		switch row {
		case m.first["a"], m.first["a"] + 1, m.first[silenceUnit]:
			best = max(best, want)
		}
	}
	if got := m.anyDensity(x); math.Abs(got-(best-anythingCost)) > 1e-3 {
		t.Errorf("a wildcard has %v; the best character or silence has %v", got, best)
	}
}

// said are tokens of a text, * being a wildcard, every 100 ms, each 60 ms long.
func said(text string) []ctc.Timed {
	var spans []ctc.Span
	for i, c := range []rune(text) {
		k := int(c)
		if c == '*' {
			k = ctc.Wildcard
		}
		spans = append(spans, ctc.Span{Token: k, Start: 10 * i, End: 10*i + 6})
	}
	return ctc.TimedTokens(spans, func(k int) string { return string(rune(k)) }, 0.01, 0)
}

// TestTimesPlaces: units by their neighbours, else by the character, else by all speech; frames by
// the neighbours in the word; silence between words.
func TestTimesPlaces(t *testing.T) {
	m := randomTimes(t, rand.New(rand.NewPCG(1, 1)), "a", "b", " ab")
	places := m.places(said(" ab *z"), 1000)
	row := func(unit string, state int) int { return m.first[unit] + state }
	reach := 50 // frames of 5 ms
	want := []timesPlace{
		{},
		{row(" ", 0), silence, 0, 0, 20*2 + 12 + reach},
		{row(" ab", 0), 1, 1, 0, 40 + 12 + reach},
		{row(" ab", 1), 1, 0, 0, 40 + 12 + reach},
		{row("b", 0), 2, 0, 0, 40 + 12 + reach},
		{row("b", 1), 2, 0, 0, 40 + 12 + reach},
		{row(" ", 0), silence, 0, 0, 80 + 12 + reach},
		{anything, 4, 1, 80 - reach, 80 + 12 + reach},
		{row(" ", 0), silence, 0, 80 - reach, 100 + 12 + reach},
		{row("", 0), 5, 1, 100 - reach, 100 + 12 + reach},
		{row("", 1), 5, 0, 100 - reach, 100 + 12 + reach},
		{row(" ", 0), silence, 0, 100 - reach, 1000},
	}
	if !slices.Equal(places, want) {
		t.Errorf("places\n%v\nwant\n%v", places, want)
	}
	for _, text := range []string{"", " ", "  "} {
		if p := m.places(said(text), 1000); p != nil {
			t.Errorf("the text %q has places %v", text, p)
		}
	}
}

// TestTimesRefine: separators have what is between words, and where there is nothing to find the times stay.
func TestTimesRefine(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := randomTimes(t, rng, "a", "b", " ab")
	x := make([]float32, 100*timesDims)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, text := range []string{"ab", " a b", "a  b ", "*a", "a*", "**", "*"} {
		const length = 0.497
		got := m.refine(x, said(text), length)
		at := 0.0
		for i, k := range got {
			if k.Start < at || k.End < k.Start || k.End > length || !isSeparator(k) && k.End == k.Start {
				t.Fatalf("%q: token %d is from %v to %v, after %v", text, i, k.Start, k.End, at)
			}
			if isSeparator(k) && (k.Start != at || i+1 < len(got) && !isSeparator(got[i+1]) && k.End != got[i+1].Start) {
				t.Fatalf("%q: the separator %d, from %v to %v, does not fill the gap: %v", text, i, k.Start, k.End, got)
			}
			at = k.End
		}
	}
	for text, frames := range map[string]int{"": 100, " ": 100, "ab": 3} {
		if got := m.refine(x[:frames*timesDims], said(text), 0.5); !slices.Equal(got, said(text)) {
			t.Errorf("%q in %d frames: %v", text, frames, got)
		}
	}
}

// lateTones are recordings of tones with a recogniser's times that are late at the beginning of words, and the
// true ones.
func lateTones(t *testing.T, f *timesFeatures, n int, seed uint64) (all []timesRecording, truth [][]audio.Interval) {
	t.Helper()
	manifest := tones(t, n, seed)
	lines, err := audio.Manifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	times, err := audio.Times(filepath.Join(filepath.Dir(manifest), "times.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range lines {
		clip, err := audio.Read(u.Path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := f.of(clip.Clip)
		if err != nil {
			t.Fatal(err)
		}
		var spans []ctc.Span
		for i, w := range times[u.Path] {
			if i > 0 {
				spans = append(spans, ctc.Span{Token: ' ', Start: spans[len(spans)-1].End, End: int(w.Start * 1000)})
			}
			begin, end := int(w.Start*1000)+80, int(w.End*1000)+10
			for k, c := range w.Word {
				spans = append(spans, ctc.Span{Token: int(c), Start: begin + 10*k, End: begin + 10*k + 10})
			}
			spans[len(spans)-1].End = end
		}
		tokens := ctc.TimedTokens(spans, func(k int) string { return string(rune(k)) }, 0.001, 0)
		all, truth = append(all, timesRecording{x: x, tokens: tokens}), append(truth, times[u.Path])
	}
	return all, truth
}

// errorOf is the median error of the words' times.
func errorOf(t *testing.T, all [][]ctc.Timed, truth [][]audio.Interval) float64 {
	t.Helper()
	var e ctc.TimeError
	for i, tokens := range all {
		var want []ctc.Timed
		for _, w := range truth[i] {
			want = append(want, ctc.Timed{Text: w.Word, Start: w.Start, End: w.End})
		}
		if err := e.Add(ctc.TimedWords(tokens, " "), want); err != nil {
			t.Fatal(err)
		}
	}
	return e.All().Median
}

// TestTrainTimes: times become exact; the weights are the same whatever the number of threads is; too little speech
// makes no model.
func TestTrainTimes(t *testing.T) {
	f, err := newTimesFeatures(8000)
	if err != nil {
		t.Fatal(err)
	}
	var models []*Times
	for _, threads := range []int{1, 2} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		all, _ := lateTones(t, f, 40, 1)
		m, err := trainTimes(t.Context(), f, all)
		if err != nil || m == nil {
			t.Fatal(m, err)
		}
		models = append(models, m)
	}
	a, b := models[0], models[1]
	if !slices.Equal(a.names, b.names) || !slices.Equal(a.mean, b.mean) || !slices.Equal(a.variance, b.variance) {
		t.Error("two threads make another model than one does")
	}
	all, truth := lateTones(t, f, 10, 2)
	var late, exact [][]ctc.Timed
	for _, r := range all {
		late, exact = append(late, r.tokens), append(exact, a.refine(r.x, r.tokens, 100))
	}
	if before, after := errorOf(t, late, truth), errorOf(t, exact, truth); after > 0.02 || before < 2*after {
		t.Errorf("the median error is %.4f s, before %.4f s", after, before)
	}
	few, _ := lateTones(t, f, 2, 1)
	if m, err := trainTimes(t.Context(), f, few[:1]); err != nil || m != nil {
		t.Errorf("one recording makes the model %v, %v", m, err)
	}
	if m, err := trainTimes(t.Context(), f, nil); err != nil || m != nil {
		t.Errorf("no recording makes the model %v, %v", m, err)
	}
}

// TestTimesMended: first times by loudness, between words that a recogniser has from 200 to 300 ms and from 500 to
// 600 ms, frames being 5 ms.
func TestTimesMended(t *testing.T) {
	m := randomTimes(t, rand.New(rand.NewPCG(1, 1)))
	tokens := ctc.TimedTokens([]ctc.Span{
		{Token: 'a', Start: 200, End: 230}, {Token: 'b', Start: 250, End: 300}, {Token: ' ', Start: 350, End: 400}, {Token: 'c', Start: 500, End: 600},
	}, func(k int) string { return string(rune(k)) }, 0.001, 0)
	for _, c := range []struct {
		loud                     [][2]int // frames
		start, end, start2, end2 float64
	}{
		{[][2]int{{30, 70}, {90, 140}}, 0.15, 0.35, 0.45, 0.6},
		{[][2]int{{0, 140}}, 0, 0.38, 0.38, 0.6},
		{[][2]int{{40, 60}, {99, 101}}, 0.2, 0.3, 0.495, 0.6},
	} {
		x := make([]float32, 150*timesDims)
		for _, r := range c.loud {
			for k := r[0]; k < r[1]; k++ {
				x[k*timesDims] = 10
			}
		}
		got := m.mended(tokens, x)
		for i, want := range map[int][2]float64{0: {c.start, 0.24}, 1: {0.24, c.end}, 3: {c.start2, c.end2}} {
			if math.Abs(got[i].Start-want[0]) > 1e-9 || math.Abs(got[i].End-want[1]) > 1e-9 {
				t.Errorf("loud in frames %v: token %d is from %v to %v; it should be from %v to %v", c.loud, i, got[i].Start, got[i].End, want[0], want[1])
			}
		}
	}
}

// TestTimesFit holds Gaussians against the formulas: a unit that was seen, one that was not, and what they are
// held to.
func TestTimesFit(t *testing.T) {
	f, err := newTimesFeatures(8000)
	if err != nil {
		t.Fatal(err)
	}
	m := newTimesModel(f, []string{"", silenceUnit, "a", " a ", "ba "})
	frame := func(v ...float32) (x []float32) {
		for _, v := range v {
			for range timesDims {
				x = append(x, v)
			}
		}
		return x
	}
	tr := timesTraining{model: m, recordings: []timesRecording{{
		x:      frame(1, 3, 7, 10, 20),
		places: []timesPlace{{row: m.first[" a "]}, {row: m.first["ba "]}, {row: m.first[silenceUnit]}},
		path:   []int32{0, 0, 1, 2, 2},
	}}}
	tr.fit()
	check := func(unit string, mean, variance float64) {
		t.Helper()
		at := m.first[unit] * timesDims
		if math.Abs(float64(m.mean[at])-mean) > 1e-5 || math.Abs(float64(m.variance[at])-variance) > 1e-4 {
			t.Errorf("unit %q has mean %v and variance %v; the formulas say %v and %v", unit, m.mean[at], m.variance[at], mean, variance)
		}
	}
	const n, mean, variance = 3., 11. / 3, (1+9+49)/3. - 121./9
	check("", mean, variance)
	check("a", mean, variance)
	check(" a ", (2*2+10*mean)/12, (2*1+10*variance)/12)
	check("ba ", (7+10*mean)/11, 10*variance/11)
	check(silenceUnit, (2*15+10*mean)/12, (2*25+10*variance)/12)
}

// TestTimesFile: what is saved is read again; what can't be right is refused by what is wrong.
func TestTimesFile(t *testing.T) {
	m := randomTimes(t, rand.New(rand.NewPCG(1, 2)), "a", "é", " aé")
	path := filepath.Join(t.TempDir(), TimesFile)
	if got, err := readTimes(path); got != nil || err != nil {
		t.Errorf("no file: %v, %v", got, err)
	}
	if err := m.save(path); err != nil {
		t.Fatal(err)
	}
	got, err := readTimes(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.names, m.names) || !slices.Equal(got.mean, m.mean) || !slices.Equal(got.variance, m.variance) ||
		!slices.Equal(got.constant, m.constant) || got.features.options != m.features.options {
		t.Error("the model that was read is another")
	}
	for want, change := range map[string]func(f *tensor.File){
		"the units: ":          func(f *tensor.File) { f.Metadata["units"] = "" },
		"not in order":         func(f *tensor.File) { f.Metadata["units"] = `["a",""," "]` },
		`unit 2 is " "`:        func(f *tensor.File) { f.Metadata["units"] = `[""," "," "]` },
		`unit 2 is "ab"`:       func(f *tensor.File) { f.Metadata["units"] = `[""," ","ab"]` },
		"lack silence":         func(f *tensor.File) { f.Metadata["units"] = `["","a"]` },
		"the tensor mean is":   func(f *tensor.File) { f.Metadata["units"] = `[""," "]` },
		"the features: ":       func(f *tensor.File) { delete(f.Metadata, "features") },
		"Rate is -1":           func(f *tensor.File) { f.Metadata["features"] = `{"Rate":-1}` },
		"those of this":        func(f *tensor.File) { f.Metadata["features"] = `{"Rate":8000}` },
		"no tensor variance":   func(f *tensor.File) { f.Tensors = f.Tensors[:1] },
		"the mean of row 0":    func(f *tensor.File) { f.Tensors[0].Tensor.Fill(math.NaN()) },
		"is +Inf":              func(f *tensor.File) { f.Tensors[0].Tensor.Fill(math.Inf(1)) },
		"dimension 0 is 0; it": func(f *tensor.File) { f.Tensors[1].Tensor.Fill(0) },
		"it must be float32":   func(f *tensor.File) { f.Tensors[1].Tensor = f.Tensors[1].Tensor.Convert(tensor.Float64) },
	} {
		f, err := tensor.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		change(f)
		wrong := filepath.Join(t.TempDir(), "wrong")
		if err := tensor.WriteFile(wrong, f); err != nil {
			t.Fatal(err)
		}
		if _, err := readTimes(wrong); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("the error is %v; it should say %q", err, want)
		}
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := readTimes(path); err == nil || !strings.Contains(err.Error(), TimesFile) {
		t.Errorf("a file that is cut off: %v", err)
	}
}
