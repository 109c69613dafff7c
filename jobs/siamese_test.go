package jobs

import (
	"context"
	"image"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
)

// smallSiamese is a short job over bars.
func smallSiamese() *Siamese {
	c := atDefaults[*Siamese](siameseJob)
	c.Sets = picturesInMemory(barPictures())
	c.Epochs, c.Batch, c.Dim, c.LR, c.Validation, c.Seed = 4, 20, 6, 0.005, 50, 3
	return c
}

func trainedSiamese(t *testing.T, c *Siamese) (*job.Result, *report.Verification, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := job.Train(t.Context(), siameseJob, c, job.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	v := new(report.Verification)
	readJSON(t, dir, report.VerificationFile, v)
	return r, v, dir
}

// siameseOver is siamese on the pictures and pairs of c in memory.
func siameseOver(c *Siamese) []job.Job {
	j := siameseJob
	j.New = func() job.Spec {
		s := atDefaults[*Siamese](siameseJob)
		s.Sets, s.PairSets = c.Sets, c.PairSets
		return s
	}
	return []job.Job{j}
}

// listed has siamese train on pairs of a file, which are in memory; test is those of test_pairs.
func (c *Siamese) listed(all, test pairSet) *Siamese {
	c.Pairs = "all.csv"
	if test.set != nil {
		c.TestPairs = "test.csv"
	}
	c.PairSets = func(_ context.Context, path string, _ data.PictureOptions) (*data.Pictures, []data.PicturePair, []error, error) {
		p := all
		if path == c.TestPairs {
			p = test
		}
		return p.set, p.pairs, nil, nil
	}
	return c
}

// somePairs are bars in pairs, as a file has them.
func somePairs(n int) pairSet {
	set, _ := barPictures()
	p := pairSet{set: set}
	rng := rand.New(rand.NewPCG(4, 4))
	for range n {
		a, b := rng.IntN(set.N), rng.IntN(set.N)
		if rng.IntN(2) == 0 {
			b = (a + 5*rng.IntN(20)) % set.N // bars of the same place are five apart
		}
		p.pairs = append(p.pairs, data.PicturePair{A: a, B: b, Same: set.Labels[a] == set.Labels[b]})
	}
	set.Labels, set.Classes = nil, nil
	return p
}

func TestSiameseRun(t *testing.T) {
	for _, loss := range pairLosses {
		for what, c := range map[string]*Siamese{"drawn": smallSiamese(), "listed": smallSiamese().listed(somePairs(400), pairSet{})} {
			c.Loss = loss
			r, v, dir := trainedSiamese(t, c)
			t.Logf("%s, pairs %s: %+v", loss, what, r)
			held, test := r.Tables[0].Rows[0].Values, r.Tables[0].Rows[1].Values
			accuracy := float64(r.Figures[0].Value)
			if accuracy < 0.95 || v.AUC < 0.98 || v.EER > 0.05 || v.Accuracy < accuracy || r.Collapsed || math.Abs(float64(r.TestError)-(1-accuracy)) > 1e-12 || r.Reason != "finished" {
				t.Errorf("%s, pairs %s: the run came to %+v", loss, what, r)
			}
			if r.Figures[1].Value != measure.Number(v.Chosen) || r.Figures[2].Value != measure.Number(v.AUC) || test[2] != r.Figures[0].Value || test[3] != measure.Number(v.Accuracy) || held[2] != held[3] {
				t.Errorf("%s, pairs %s: figures %+v, %+v", loss, what, r.Figures, r.Tables)
			}
			if what == "drawn" && (v.Same != 100 || v.Different != 100 || held[0]+held[1] != 100 || r.Steps != 40) {
				t.Errorf("%s: measured %+v", loss, r)
			}
			if what == "listed" && (v.Same+v.Different != 80 || held[0]+held[1] != 50 || r.Steps != 4*14) {
				t.Errorf("%s: measured %+v", loss, r)
			}
			checkVerified(t, loss, v, dir)
			again, err := job.Eval(t.Context(), dir, siameseOver(c), job.Env{})
			if err != nil || !reflect.DeepEqual(again.Figures, r.Figures) || !reflect.DeepEqual(again.Tables, r.Tables) || again.Measured != r.Measured {
				t.Errorf("%s, pairs %s: evaluated again it comes to\n%+v, the run said\n%+v (%v)", loss, what, again, r, err)
			}
			other, err := job.Eval(t.Context(), dir, siameseOver(c), job.Env{Data: "other"})
			if err != nil {
				t.Fatal(err)
			}
			test = other.Tables[0].Rows[1].Values
			if want := map[string]measure.Number{"drawn": 200, "listed": 400}[what]; test[0]+test[1] != want {
				t.Errorf("%s, pairs %s: on all %+v", loss, what, other)
			}
		}
	}
}

// checkVerified holds the files of a run against one another, and its encoder against its metric.
func checkVerified(t *testing.T, loss string, v *report.Verification, dir string) {
	t.Helper()
	f, err := tensor.ReadFile(filepath.Join(dir, report.PairsFile))
	if err != nil {
		t.Fatal(err)
	}
	var distances []float64
	var same []bool
	for i := range f.Get("same").Len() {
		distances, same = append(distances, f.Get("distances").At(i)), append(same, f.Get("same").At(i) == 1)
	}
	again, err := retrieval.Verify(distances, same)
	if err != nil || again.AUC != v.AUC || len(v.ROC) < 2 {
		t.Errorf("%s says %+v, %s %+v, %v", report.VerificationFile, v, report.PairsFile, again, err)
	}
	e, err := encode.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]distance.Kind{"square_square": distance.Euclidean, "hinge_embedding": distance.Euclidean, "cosine_embedding": distance.Cosine}[loss]
	if e.Metric() != want || !strings.HasPrefix(e.Fingerprint(), "siamese-") {
		t.Errorf("%s: encoder of %s, %s", loss, e.Metric(), e.Fingerprint())
	}
	if err := e.Encode(make([]float32, 6), []image.Image{image.NewRGBA(image.Rect(0, 0, 30, 20))}); err != nil {
		t.Error(err)
	}
}

func TestSiameseResumeGivesTheSameBits(t *testing.T) {
	all := somePairs(400)
	for what, c := range map[string]*Siamese{"drawn": smallSiamese(), "listed": smallSiamese().listed(all, pairSet{})} {
		c.Batch, c.Augment, c.EMA, c.Epochs = 10, true, 0.9, 2
		_, _, want := trainedSiamese(t, c)
		for _, cut := range []int{10, 20, 30} {
			dir := filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(t.Context())
			r, err := job.Train(ctx, siameseJob, c, job.Options{Dir: dir, Emit: func(e train.Event) {
				if s, ok := e.(train.Step); ok && s.Step >= cut {
					cancel()
				}
			}})
			if err != nil || r.Reason != "interrupted" || r.Steps != cut || r.Figures != nil {
				t.Fatalf("stopped with %+v, %v", r, err)
			}
			if _, err := job.Eval(t.Context(), dir, siameseOver(c), job.Env{}); err == nil || !strings.Contains(err.Error(), "--resume") {
				t.Errorf("evaluation of an unfinished run: error %v", err)
			}
			again := *c
			again.Threads = 3 // may change
			if _, err := job.Train(t.Context(), siameseJob, &again, job.Options{Dir: dir, Resume: true}); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{ModelFile, report.VerificationFile, job.ConfigFile, encode.CardFile} {
				if file(t, want, name) != file(t, dir, name) {
					t.Errorf("pairs %s, cut after step %d: %s differs from an unbroken run's", what, cut, name)
				}
			}
		}
		if what == "listed" {
			all.pairs[0].A++
			if _, err := job.Train(t.Context(), siameseJob, c, job.Options{Dir: want, Resume: true}); err == nil || !strings.Contains(err.Error(), "checksum") {
				t.Errorf("resuming with other pairs: error %v", err)
			}
		}
	}
}

// TestPairLoss holds gradients against finite differences, and values against the formulas.
func TestPairLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, name := range pairLosses {
		c := smallSiamese()
		c.Loss, c.Dim = name, 4
		if err := job.Resolve(siameseJob, c); err != nil {
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
	for _, name := range pairLosses {
		c := smallSiamese()
		c.Loss, c.Dim = name, 2
		if err := job.Resolve(siameseJob, c); err != nil {
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
func pairLossOf(c *Siamese, x []float32, same []bool) (sum float64) {
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
	task := opened(t, siameseJob, smallSiamese()).(*siameseTask)
	rng := rand.New(rand.NewPCG(1, 2))
	samples, labels := rng.Perm(200), task.parts.train.set.Labels
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
	all, _ := barPictures()
	e, err := smallSiamese().newEncoderTask("siamese", nil, all, all, "", false, "euclidean")
	if err != nil {
		t.Fatal(err)
	}
	task := &siameseTask{encoderTask: e}
	pairs := []data.PicturePair{{A: 7, B: 2, Same: true}, {A: 2, B: 9}}
	want, err := task.measured(t.Context(), pairSet{all, pairs})
	if err != nil {
		t.Fatal(err)
	}
	few := *all
	few.Pixels, few.Labels = all.Pixels[:10*all.Size()], nil
	got, err := task.measured(t.Context(), pairSet{&few, pairs})
	if err != nil || !reflect.DeepEqual(got, want) || !slices.Equal(got.Same, []bool{true, false}) || !slices.Equal(got.First, []int{7, 2}) {
		t.Errorf("%+v, want %+v, %v", got, want, err)
	}
	x, err := task.look.Embed(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	if far := distance.Between(e.distance(), x[7*6:][:6], x[2*6:][:6]); math.Abs(far-want.Distances[0]) > 1e-6*far {
		t.Errorf("the first pair's distance is %v, want %v", want.Distances[0], far)
	}
}

func TestSiameseWarmStepAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer simd.SetThreads(0)
	simd.SetThreads(2)
	for _, loss := range pairLosses {
		c := smallSiamese()
		c.Loss, c.Augment = loss, true
		if n := allocations(t, opened(t, siameseJob, c), []int{1, 2, 3, 4, 5, 6, 7, 8}); n != 0 {
			t.Errorf("%s: %v allocations a step", loss, n)
		}
	}
}

func TestSiameseRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*Siamese){
		`loss is "nll"`:           func(c *Siamese) { c.Loss = "nll" },
		"margin is -1":            func(c *Siamese) { c.Margin = -1 },
		"margin is NaN":           func(c *Siamese) { c.Margin = math.NaN() },
		"margin is 1; of cosine":  func(c *Siamese) { c.Loss, c.Margin = "cosine_embedding", 1 },
		`data b has no effect: p`: func(c *Siamese) { c.Pairs, c.Data = "a", "b" },
		`test_pairs a has no eff`: func(c *Siamese) { c.TestPairs = "a" },
		"epochs is -1;":           func(c *Siamese) { c.Epochs = -1 },
		"batch is 1; it must":     func(c *Siamese) { c.Batch = 1 },
	} {
		c := atDefaults[*Siamese](siameseJob)
		spoil(c)
		if err := job.Resolve(siameseJob, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	alike, odd := somePairs(100), somePairs(10)
	for i := range alike.pairs {
		alike.pairs[i].Same = true
	}
	odd.set = data.PicturesOf(bars(250, 9, 9, 5, 1), "test")
	refuse := func(want string, all, test pairSet, change func(*Siamese)) {
		t.Helper()
		c := smallSiamese().listed(all, test)
		change(c)
		if _, err := job.Train(t.Context(), siameseJob, c, job.Options{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	refuse("some of the same and some that are not", alike, pairSet{}, func(*Siamese) {})
	refuse("test_share is 0.999, which leaves no pairs", somePairs(400), pairSet{}, func(c *Siamese) { c.TestShare = 0.999 })
	refuse("validation is 80", somePairs(100), pairSet{}, func(c *Siamese) { c.Validation = 80 })
	refuse("they must be alike", somePairs(100), odd, func(*Siamese) {})
	c := smallSiamese().listed(somePairs(30), pairSet{})
	c.Validation = 1 // is of one kind alone: the training pairs choose
	r, _, _ := trainedSiamese(t, c)
	if held := r.Tables[0].Rows[0].Values; held[0]+held[1] != 23 {
		t.Errorf("30 pairs: %+v", r.Tables[0])
	}
}
