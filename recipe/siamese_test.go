package recipe

import (
	"context"
	"encoding/json"
	"image"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/pair"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/search/distance"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// smallSiamese is a short job over bars.
func smallSiamese() SiameseConfig {
	c := DefaultSiamese()
	c.Epochs, c.Batch, c.Dim, c.LR, c.Validation, c.Seed = 4, 20, 6, 0.005, 50, 3
	return c
}

func siameseJob(t *testing.T, c SiameseConfig, sets SiameseSets) (*SiameseResult, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Siamese(t.Context(), c, sets, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return r, dir
}

// listedPairs are bars in pairs, as a file has them.
func listedPairs(n int) SiameseSets {
	sets := SiameseSets{PictureSets: barPictures()}
	sets.Test = nil
	rng := rand.New(rand.NewPCG(4, 4))
	for range n {
		a, b := rng.IntN(sets.Train.N), rng.IntN(sets.Train.N)
		if rng.IntN(2) == 0 {
			b = (a + 5*rng.IntN(20)) % sets.Train.N // bars of the same place are five apart
		}
		sets.Pairs = append(sets.Pairs, data.PicturePair{A: a, B: b, Same: sets.Train.Labels[a] == sets.Train.Labels[b]})
	}
	sets.Train.Labels, sets.Train.Classes = nil, nil
	return sets
}

func TestSiameseRun(t *testing.T) {
	drawn := SiameseSets{PictureSets: barPictures()}
	for _, loss := range PairLosses {
		for what, sets := range map[string]SiameseSets{"drawn": drawn, "listed": listedPairs(400)} {
			c := smallSiamese()
			c.Loss = loss
			r, dir := siameseJob(t, c, sets)
			t.Logf("%s, pairs %s: %+v", loss, what, r)
			if r.Accuracy < 0.95 || r.AUC < 0.98 || r.EER > 0.05 || r.Best < r.Accuracy || r.Collapsed || math.Abs(float64(r.TestError)-(1-r.Accuracy)) > 1e-12 || r.Reason != "finished" {
				t.Errorf("%s, pairs %s: the run came to %+v", loss, what, r)
			}
			if what == "drawn" && (r.Same != 100 || r.Different != 100 || r.Held != 100 || r.Steps != 40) {
				t.Errorf("%s: measured %+v", loss, r)
			}
			if what == "listed" && (r.Same+r.Different != 80 || r.Held != 50 || r.Steps != 4*14) {
				t.Errorf("%s: measured %+v", loss, r)
			}
			checkVerified(t, r, dir)
			again, err := EvalSiamese(t.Context(), dir, sets, true)
			if err != nil || !reflect.DeepEqual(again, r) {
				t.Errorf("%s, pairs %s: evaluated again it comes to\n%+v, the run said\n%+v (%v)", loss, what, again, r, err)
			}
			other, err := EvalSiamese(t.Context(), dir, sets, false)
			if want := map[string]int{"drawn": 200, "listed": 400}[what]; err != nil || other.Same+other.Different != want {
				t.Errorf("%s, pairs %s: on all %+v, %v", loss, what, other, err)
			}
		}
	}
}

// checkVerified holds the files of a run against its result, and its encoder against its metric.
func checkVerified(t *testing.T, r *SiameseResult, dir string) {
	t.Helper()
	var written SiameseResult
	if err := json.Unmarshal([]byte(file(t, dir, ResultFile)), &written); err != nil {
		t.Fatal(err)
	}
	if written.Run = r.Run; !reflect.DeepEqual(&written, r) {
		t.Errorf("%s has\n%+v, the result is\n%+v", ResultFile, written, r)
	}
	var v retrieval.Verification
	if err := json.Unmarshal([]byte(file(t, dir, VerificationFile)), &v); err != nil || v.AUC != r.AUC || len(v.ROC) < 2 {
		t.Errorf("%s has %+v, %v", VerificationFile, v, err)
	}
	e, err := encode.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"square_square": "euclidean", "hinge_embedding": "euclidean", "cosine_embedding": "cosine"}[r.Loss]
	if e.Metric() != want || r.Metric != want || !strings.HasPrefix(e.Fingerprint(), "siamese-") {
		t.Errorf("%s: encoder of %s, %s", r.Loss, e.Metric(), e.Fingerprint())
	}
	if err := e.Encode(make([]float32, 6), []image.Image{image.NewRGBA(image.Rect(0, 0, 30, 20))}); err != nil {
		t.Error(err)
	}
}

func TestSiameseResumeGivesTheSameBits(t *testing.T) {
	for what, sets := range map[string]SiameseSets{"drawn": {PictureSets: barPictures()}, "listed": listedPairs(400)} {
		c := smallSiamese()
		c.Batch, c.Augment, c.EMA, c.Epochs = 10, true, 0.9, 2
		_, want := siameseJob(t, c, sets)
		for _, cut := range []int{10, 20, 30} {
			dir := filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(t.Context())
			r, err := Siamese(ctx, c, sets, Options{Dir: dir, Emit: func(e train.Event) {
				if s, ok := e.(train.Step); ok && s.Step >= cut {
					cancel()
				}
			}})
			if err != nil || r.Reason != "interrupted" || r.Steps != cut || r.Held != 0 {
				t.Fatalf("stopped with %+v, %v", r, err)
			}
			if _, err := EvalSiamese(t.Context(), dir, sets, true); err == nil || !strings.Contains(err.Error(), "--resume") {
				t.Errorf("evaluation of an unfinished run: error %v", err)
			}
			again := c
			again.Threads = 3 // may change
			if _, err := Siamese(t.Context(), again, sets, Options{Dir: dir, Resume: true}); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{ModelFile, VerificationFile, ConfigFile, encode.CardFile} {
				if file(t, want, name) != file(t, dir, name) {
					t.Errorf("pairs %s, cut after step %d: %s differs from an unbroken run's", what, cut, name)
				}
			}
		}
		if what == "listed" {
			sets.Pairs[0].A++
			if _, err := Siamese(t.Context(), c, sets, Options{Dir: want, Resume: true}); err == nil || !strings.Contains(err.Error(), "checksum") {
				t.Errorf("resuming with other pairs: error %v", err)
			}
		}
	}
}

// TestPairLoss holds gradients against finite differences, and values against the formulas.
func TestPairLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, name := range PairLosses {
		c := smallSiamese()
		c.Loss, c.Dim = name, 4
		c, err := c.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		l := newPairLoss(c)
		same := []bool{true, false, false, true, false}
		x := make([]float32, 2*5*4)
		for i := range x {
			x[i] = float32(0.4 * rng.NormFloat64())
		}
		for k := range 4 {
			x[20+8+k] = x[8+k] // the third pair lies in one place
			x[20+16+k] = 9 + x[16+k]
		}
		grad := make([]float32, len(x))
		value, err := l.eval(x, same, grad)
		if err != nil {
			t.Fatal(err)
		}
		if want := pairLossOf(c, x, same); math.Abs(value-want) > 1e-5 {
			t.Errorf("%s is %v, by its formula %v", name, value, want)
		}
		for i := range x {
			if k := i % 20 / 4; k == 2 {
				if grad[i] != 0 && name != "cosine_embedding" {
					t.Errorf("%s: pair in one place has the slope %v", name, grad[i])
				}
				continue
			}
			const h = 1e-2
			was := x[i]
			x[i] = was + h
			up := pairLossOf(c, x, same)
			x[i] = was - h
			down := pairLossOf(c, x, same)
			x[i] = was
			if slope := (up - down) / (2 * h); math.Abs(slope-float64(grad[i])) > 2e-3 {
				t.Errorf("%s: slope %d is %v, by differences %v", name, i, grad[i], slope)
			}
		}
	}
}

// TestPairLossDiverged: vectors that are not finite, or so far apart that their distance is not,
// are never a pair that is far enough apart.
func TestPairLossDiverged(t *testing.T) {
	for _, name := range PairLosses {
		c := smallSiamese()
		c.Loss, c.Dim = name, 2
		c, err := c.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		far := float32(math.Inf(1))
		if name != "cosine_embedding" {
			far = 3e38
		}
		for _, v := range []float32{far, float32(math.NaN())} {
			if value, err := newPairLoss(c).eval([]float32{v, 1, -far, 1}, []bool{false}, make([]float32, 4)); err != nil || value-value == 0 {
				t.Errorf("%s of %v and %v: %v, %v", name, v, -far, value, err)
			}
		}
	}
}

// pairLossOf is the mean loss in float64, straight from the formulas.
func pairLossOf(c SiameseConfig, x []float32, same []bool) (sum float64) {
	n, d := len(same), c.Dim
	for i, s := range same {
		squares, dot, a, b := 0.0, 0.0, 0.0, 0.0
		for k := range d {
			u, v := float64(x[i*d+k]), float64(x[(n+i)*d+k])
			squares += (u - v) * (u - v)
			dot, a, b = dot+u*v, a+u*u, b+v*v
		}
		e, cos := math.Sqrt(squares), dot/math.Sqrt(a*b)
		switch {
		case c.Loss == "square_square" && s:
			sum += squares
		case c.Loss == "square_square":
			sum += math.Pow(max(0, c.Margin-e), 2)
		case c.Loss == "hinge_embedding" && s:
			sum += e
		case c.Loss == "hinge_embedding":
			sum += max(0, c.Margin-e)
		case s:
			sum += 1 - cos
		default:
			sum += max(0, cos-c.Margin)
		}
	}
	return sum / float64(n)
}

// TestChoose looks at what pairs are drawn.
func TestChoose(t *testing.T) {
	sets := SiameseSets{PictureSets: barPictures()}
	c, err := smallSiamese().Resolve()
	if err != nil {
		t.Fatal(err)
	}
	parts, err := c.parts(sets)
	if err != nil {
		t.Fatal(err)
	}
	task, err := newSiameseTask(t.Context(), c, parts)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	samples, labels := rng.Perm(200), parts.train.set.Labels
	task.choose(samples, rng)
	partners := map[int]bool{}
	for k, i := range samples {
		a, b := task.indices[k], task.indices[200+k]
		if a != i || a == b || task.same[k] != (labels[a] == labels[b]) || task.same[k] != (k%2 == 0) {
			t.Errorf("pair %d is %d, %d, same %v; labels %d, %d", k, a, b, task.same[k], labels[a], labels[b])
		}
		partners[b] = true
	}
	if len(partners) < 100 {
		t.Errorf("200 pairs have %d partners", len(partners))
	}
	before := slices.Clone(task.indices)
	if task.choose(samples, rng); slices.Equal(before, task.indices) {
		t.Error("the same pairs come twice")
	}
	task.partners = pair.NewPartners([]int{0, 1, 1, 1}) // picture 0 is alone
	if task.choose([]int{0, 0}, rng); task.same[0] || task.same[1] {
		t.Errorf("a picture that is alone has pairs %v, same %v", task.indices, task.same)
	}
	many := make([]int, 10000) // 5000 classes of two
	for i := range many {
		many[i] = i % 5000
	}
	task.partners = pair.NewPartners(many)
	for i := range many {
		if j, same := task.partner(i, true, rng); j != (i+5000)%10000 || !same {
			t.Fatalf("picture %d gets %d, same %v", i, j, same)
		}
		if j, same := task.partner(i, false, rng); many[j] == many[i] || same {
			t.Fatalf("picture %d gets %d, same %v", i, j, same)
		}
	}
}

// TestDistances embeds what occurs in pairs, and no other picture: the set here has no pixels of others.
func TestDistances(t *testing.T) {
	all := barPictures().Train
	e, err := encode.NewNetwork(smallSiamese().encoder("siamese", all, false, "euclidean"), 1)
	if err != nil {
		t.Fatal(err)
	}
	task := &siameseTask{Network: e, look: e.Worker()}
	pairs := []data.PicturePair{{A: 7, B: 2, Same: true}, {A: 2, B: 9}}
	want, _, err := task.distances(t.Context(), pairSet{all, pairs})
	if err != nil {
		t.Fatal(err)
	}
	few := *all
	few.Pixels, few.Labels = all.Pixels[:10*all.Size()], nil
	got, same, err := task.distances(t.Context(), pairSet{&few, pairs})
	if err != nil || !slices.Equal(got, want) || !slices.Equal(same, []bool{true, false}) {
		t.Errorf("%v, %v, want %v", got, same, want)
	}
	x, err := task.look.Embed(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	if far := distance.Between(measureOf(e), x[7*6:][:6], x[2*6:][:6]); math.Abs(far-want[0]) > 1e-6*far {
		t.Errorf("the first pair's distance is %v, want %v", want[0], far)
	}
}

func TestSiameseWarmStepAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer simd.SetThreads(0)
	simd.SetThreads(2)
	for _, loss := range PairLosses {
		c := smallSiamese()
		c.Loss, c.Augment = loss, true
		c, err := c.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		parts, err := c.parts(SiameseSets{PictureSets: barPictures()})
		if err != nil {
			t.Fatal(err)
		}
		task, err := newSiameseTask(t.Context(), c, parts)
		if err != nil {
			t.Fatal(err)
		}
		if n := allocations(t, task, []int{1, 2, 3, 4, 5, 6, 7, 8}); n != 0 {
			t.Errorf("%s: %v allocations a step", loss, n)
		}
	}
}

func TestSiameseRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*SiameseConfig){
		`recipe is "other"`:       func(c *SiameseConfig) { c.Recipe = "other" },
		`loss is "nll"`:           func(c *SiameseConfig) { c.Loss = "nll" },
		"margin is -1":            func(c *SiameseConfig) { c.Margin = -1 },
		"margin is NaN":           func(c *SiameseConfig) { c.Margin = math.NaN() },
		"margin is 1; of cosine":  func(c *SiameseConfig) { c.Loss, c.Margin = "cosine_embedding", 1 },
		`data b has no effect: p`: func(c *SiameseConfig) { c.Pairs, c.Data = "a", "b" },
		`test_pairs a has no eff`: func(c *SiameseConfig) { c.TestPairs = "a" },
		"dim is 0":                func(c *SiameseConfig) { c.Dim = 0 },
		"epochs is 0":             func(c *SiameseConfig) { c.Epochs = 0 },
		"batch is 1; it must":     func(c *SiameseConfig) { c.Batch = 1 },
	} {
		c := DefaultSiamese()
		spoil(&c)
		if _, err := c.Resolve(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	refuse := func(want string, sets SiameseSets, change func(*SiameseConfig)) {
		t.Helper()
		c := smallSiamese()
		change(&c)
		if _, err := Siamese(t.Context(), c, sets, Options{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	alike := listedPairs(100)
	for i := range alike.Pairs {
		alike.Pairs[i].Same = true
	}
	refuse("some of the same and some that are not", alike, func(*SiameseConfig) {})
	refuse("test_share is 0.999, which leaves no pairs", listedPairs(400), func(c *SiameseConfig) { c.TestShare = 0.999 })
	refuse("validation is 80", listedPairs(100), func(c *SiameseConfig) { c.Validation = 80 })
	odd := listedPairs(100)
	odd.Test, odd.TestPairs = data.PicturesOf(bars(10, 9, 9, 5, 1), "test"), odd.Pairs[:10]
	refuse("they must be alike", odd, func(*SiameseConfig) {})
	c := smallSiamese()
	c.Validation = 1 // is of one kind alone: the training pairs choose
	if r, err := Siamese(t.Context(), c, listedPairs(30), Options{Dir: t.TempDir()}); err != nil || r.Held != 23 {
		t.Errorf("30 pairs: %+v, %v", r, err)
	}
}
