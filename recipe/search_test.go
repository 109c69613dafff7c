package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
	"pgregory.net/rapid"
)

func barPictures() PictureSets {
	trainSet, testSet := sets()
	return PictureSets{data.PicturesOf(trainSet, "train"), data.PicturesOf(testSet, "test")}
}

// smallSearch is a short job over bars.
func smallSearch() SearchConfig {
	c := DefaultSearch()
	c.Epochs, c.Batch, c.Dim, c.LR, c.Validation, c.Seed = 3, 20, 6, 0.005, 50, 3
	return c
}

func searchJob(t *testing.T, c SearchConfig) (*SearchResult, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Search(t.Context(), c, barPictures(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return r, dir
}

func TestSearchRun(t *testing.T) {
	r, dir := searchJob(t, smallSearch())
	if r.Among.Precision1 < 0.95 || r.InTraining.Precision1 < 0.95 || math.Abs(float64(r.TestError)-(1-r.Among.Precision1)) > 1e-12 || r.Collapsed || r.Reason != "finished" || r.Steps != 3*10 || r.Trained != 200 {
		t.Errorf("the run came to %+v, %+v", r, r.Among)
	}
	if r.Among.Queries != 100 || r.Among.Gallery != 100 || r.InTraining.Gallery != 200 || r.Metric != "cosine" || !slices.Equal(r.Classes, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("the run measured %+v, %+v", r.Among, r.InTraining)
	}
	var written SearchResult
	if err := json.Unmarshal([]byte(file(t, dir, ResultFile)), &written); err != nil {
		t.Fatal(err)
	}
	if written.Run = r.Run; !reflect.DeepEqual(&written, r) {
		t.Errorf("%s has\n%+v, the result is\n%+v", ResultFile, written, r)
	}
	x := checkEmbeddings(t, r, dir)

	sets := barPictures()
	again, err := SearchTest(dir, sets)
	if err != nil || again.N != 100 {
		t.Fatalf("test pictures %+v, %v", again, err)
	}
	report, err := EvalSearch(t.Context(), dir, again)
	if err != nil || !reflect.DeepEqual(report, r.Among) {
		t.Errorf("evaluated again it comes to\n%+v, the run said\n%+v (%v)", report, r.Among, err)
	}
	odd := *again
	odd.H, odd.W = odd.W, odd.H
	if _, err := EvalSearch(t.Context(), dir, &odd); err == nil || !strings.Contains(err.Error(), "the model takes 1×10×8") {
		t.Errorf("pictures of another shape: error %v", err)
	}
	checkEncoder(t, dir, again, x)
}

// checkEmbeddings holds the vectors written against the result, and returns them.
func checkEmbeddings(t *testing.T, r *SearchResult, dir string) []float32 {
	t.Helper()
	f, err := tensor.ReadFile(filepath.Join(dir, EmbeddingsFile))
	if err != nil {
		t.Fatal(err)
	}
	x, y := f.Get("vectors"), f.Get("labels")
	if x == nil || y == nil || !slices.Equal(x.Shape(), []int{100, 6}) || !slices.Equal(y.Shape(), []int{100}) {
		t.Fatalf("%s has vectors %v and labels %v", EmbeddingsFile, x, y)
	}
	wrong := 0
	for i := range 100 {
		best, at, norm := math.Inf(1), -1, 0.0
		for k := range 6 {
			norm += x.At(i, k) * x.At(i, k)
		}
		if math.Abs(norm-1) > 1e-5 {
			t.Errorf("vector %d has the squared length %v", i, norm)
		}
		for j := range 100 {
			d := 0.0
			for k := range 6 {
				d += (x.At(i, k) - x.At(j, k)) * (x.At(i, k) - x.At(j, k))
			}
			if j != i && d < best {
				best, at = d, j
			}
		}
		if y.At(i) != y.At(at) {
			wrong++
		}
	}
	if wrong != r.Among.Wrong {
		t.Errorf("by the vectors %d pictures find another class first, by the result %d", wrong, r.Among.Wrong)
	}
	var paths, classes []string
	if err := json.Unmarshal([]byte(f.Metadata["paths"]), &paths); err != nil || len(paths) != 100 || paths[99] != "test/00099" {
		t.Errorf("paths %v, %v", paths, err)
	}
	if err := json.Unmarshal([]byte(f.Metadata["classes"]), &classes); err != nil || !slices.Equal(classes, r.Classes) || f.Metadata["metric"] != "cosine" {
		t.Errorf("metadata %v, %v", f.Metadata, err)
	}
	return x.Float32s()
}

// grey returns the pictures of a set as images.
func greyImages(set *data.Pictures) (all []image.Image) {
	for i := range set.N {
		all = append(all, &image.Gray{Pix: set.Picture(i), Stride: set.W, Rect: image.Rect(0, 0, set.W, set.H)})
	}
	return all
}

// checkEncoder has the encoder encode the test pictures, also at once from several goroutines.
func checkEncoder(t *testing.T, dir string, set *data.Pictures, want []float32) {
	t.Helper()
	e, err := encode.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if e.Dim() != 6 || e.Metric() != "cosine" || !strings.HasPrefix(e.Fingerprint(), "search-") {
		t.Errorf("encoder of %d numbers, %s, %s", e.Dim(), e.Metric(), e.Fingerprint())
	}
	pictures := greyImages(set)
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			some := pictures[part*25:][:25]
			got := make([]float32, 25*6)
			for range 5 {
				if err := e.Encode(got, some); err != nil {
					t.Error(err)
				}
				for i, v := range got {
					if d := float64(v - want[part*150+i]); math.Abs(d) > 1e-5 {
						t.Errorf("picture %d: element %d is %v, the run had %v", part*25+i/6, i%6, v, want[part*150+i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for what, err := range map[string]error{
		"no picture":    e.Encode(want[:6], []image.Image{nil}),
		"empty picture": e.Encode(want[:12], []image.Image{pictures[0], image.NewGray(image.Rectangle{})}),
		"short vectors": e.Encode(want[:5], pictures[:1]),
	} {
		if err == nil {
			t.Errorf("%s is no error", what)
		}
	}
	if err := e.Encode(nil, nil); err != nil {
		t.Errorf("nothing to encode: %v", err)
	}
}

// TestEncoderBackground: what was trained on bright figures on dark ground takes ink on paper.
func TestEncoderBackground(t *testing.T) {
	sets := barPictures()
	for _, set := range []*data.Pictures{sets.Train, sets.Test} {
		for i := range set.N {
			x := set.Picture(i)
			for p := range x {
				if row, column := p/set.W, p%set.W; row == 0 || row == set.H-1 || column == 0 || column == set.W-1 {
					x[p] = 0
				}
			}
		}
	}
	dir := t.TempDir()
	if _, err := Search(t.Context(), smallSearch(), sets, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	e, err := encode.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float32, 6), make([]float32, 6)
	light := greyImages(sets.Test)[:1]
	if err := e.Encode(want, light); err != nil {
		t.Fatal(err)
	}
	ink := image.NewGray(light[0].Bounds())
	for i, v := range sets.Test.Picture(0) {
		ink.Pix[i] = 255 - v
	}
	if err := e.Encode(got, []image.Image{ink}); err != nil || !slices.Equal(got, want) {
		t.Errorf("ink on paper is %v, light on dark %v (%v)", got, want, err)
	}
}

// TestMetricLosses trains with each loss.
func TestMetricLosses(t *testing.T) {
	for _, l := range metricLosses {
		for _, raw := range []bool{false, true} {
			c := smallSearch()
			c.Loss, c.Raw, c.Epochs = l.name, raw, 4
			r, _ := searchJob(t, c)
			t.Logf("%s, raw %v: precision@1 %v, energies %+v", l.name, raw, r.Among.Precision1, r.Energy)
			if least := 0.8; r.Among.Precision1 < least || r.Collapsed {
				t.Errorf("%s, raw %v: precision@1 is %v; %s", l.name, raw, r.Among.Precision1, r.Why)
			}
		}
	}
}

// hardSearch are jobs with everything at work that draws numbers or remembers.
func hardSearch() (all []SearchConfig) {
	for _, l := range []string{"triplet", "proxy_anchor"} {
		c := smallSearch()
		c.Loss, c.Augment, c.Flip, c.Brightness, c.EMA, c.Optimizer, c.WeightDecay, c.Epochs = l, true, true, true, 0.9, "adamw", 0.01, 2
		c.Batch = 10
		if l == "triplet" {
			c.Memory = 64 // full after seven steps
		}
		all = append(all, c)
	}
	return all
}

func TestSearchResumeGivesTheSameBits(t *testing.T) {
	for _, c := range hardSearch() {
		_, want := searchJob(t, c)
		for _, cut := range []int{10, 20, 30} { // within both epochs of 20 steps, and between them
			dir := filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(t.Context())
			r, err := Search(ctx, c, barPictures(), Options{Dir: dir, Emit: func(e train.Event) {
				if s, ok := e.(train.Step); ok && s.Step >= cut {
					cancel()
				}
			}})
			if err != nil || r.Reason != "interrupted" || r.Steps != cut || r.Among != nil {
				t.Fatalf("stopped with %+v, %v", r, err)
			}
			if _, err := encode.Open(dir); err == nil || !strings.Contains(err.Error(), "--resume") {
				t.Errorf("encoder of an unfinished run: error %v", err)
			}
			again := c
			again.Threads = 3 // may change
			if _, err := Search(t.Context(), again, barPictures(), Options{Dir: dir, Resume: true}); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{ModelFile, EmbeddingsFile, ConfigFile, encode.CardFile} {
				if file(t, want, name) != file(t, dir, name) {
					t.Errorf("%s, cut after step %d: %s differs from an unbroken run's", c.Loss, cut, name)
				}
			}
		}
		sets := barPictures()
		sets.Train.Pixels[0]++
		if _, err := Search(t.Context(), c, sets, Options{Dir: want, Resume: true}); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("resuming on other data: error %v", err)
		}
	}
}

func TestSearchThreadsGiveTheSameBits(t *testing.T) {
	defer simd.SetThreads(0)
	for _, c := range hardSearch() {
		var want string
		for _, threads := range []int{1, 2, 5} {
			c.Threads = threads
			_, dir := searchJob(t, c)
			if got := file(t, dir, ModelFile) + file(t, dir, EmbeddingsFile); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s: %d threads give other bits than one", c.Loss, threads)
			}
		}
	}
}

func TestSearchConfigReproduces(t *testing.T) {
	c := hardSearch()[0]
	c.HoldOutClasses, c.Margin = []string{"1", "3"}, 0.4
	r, dir := searchJob(t, c)
	if r.InTraining != nil || r.Among.Queries != 40 || r.Trained != 150-50 || !slices.Equal(r.HeldOut, c.HoldOutClasses) || len(r.Among.Classes) != 2 {
		t.Errorf("with classes held out: %+v, %+v", r, r.Among)
	}
	read, err := ReadSearchConfig(filepath.Join(dir, ConfigFile), DefaultSearch())
	if err != nil {
		t.Fatal(err)
	}
	_, again := searchJob(t, read)
	for _, name := range []string{ModelFile, EmbeddingsFile, ConfigFile} {
		if file(t, dir, name) != file(t, again, name) {
			t.Errorf("%s of a run with the same settings differs", name)
		}
	}
}

// TestViewsOfOnePicture: an epoch's last batch may have a single picture, of which two views have no variance.
func TestViewsOfOnePicture(t *testing.T) {
	c := smallSearch()
	c.Loss, c.Limit, c.Batch = "vicreg", 41, 20
	if r, _ := searchJob(t, c); r.Steps != 9 || r.Trained != 41 {
		t.Errorf("the run came to %+v", r)
	}
}

func TestSearchWarmStepAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer simd.SetThreads(0)
	simd.SetThreads(2)
	for _, l := range metricLosses {
		c := smallSearch()
		c.Loss, c.Augment = l.name, !l.views
		c, err := c.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.divide(c.PictureSettings, barPictures(), nil)
		if err != nil {
			t.Fatal(err)
		}
		task, err := newSearchTask(t.Context(), c, d)
		if err != nil {
			t.Fatal(err)
		}
		if n := allocations(t, task, []int{1, 2, 3, 4, 5, 6, 7, 8, 101, 102, 103, 104}); n != 0 {
			t.Errorf("%s: %v allocations a step", l.name, n)
		}
	}
}

// allocations returns those of a warm step.
func allocations(t *testing.T, task train.Task, samples []int) float64 {
	t.Helper()
	tape := autodiff.NewTape(tensor.Float32)
	tape.Training = true
	b := train.Batch{Samples: samples, Rand: rand.New(rand.NewPCG(1, 1))}
	step := func() {
		tape.Reset()
		v, err := task.Loss(tape, b)
		if err != nil {
			t.Fatal(err)
		}
		tape.Backward(v)
	}
	step()
	step()
	return testing.AllocsPerRun(20, step)
}

// TestNeighbours holds the distances to the nearest against retrieval, which counts them.
func TestNeighbours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, dim := rapid.IntRange(4, 40).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "dim")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		x, labels := make([]float32, n*dim), make([]int, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for i := range labels {
			labels[i] = rng.IntN(3)
		}
		labels[0], labels[1], labels[2] = 0, 0, 1
		stats, err := neighbours(x, dim, labels)
		if err != nil {
			t.Fatal(err)
		}
		report, err := retrieval.Evaluate(t.Context(), x, dim, labels, retrieval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for _, s := range stats {
			if s.Gap() <= 0 {
				wrong++
			}
		}
		if len(stats) != report.Queries || wrong != report.Wrong {
			t.Fatalf("%d queries, %d wrong; retrieval has %d, %d", len(stats), wrong, report.Queries, report.Wrong)
		}
	})
}

// TestSpread: any number of samples from the front has the classes in proportion.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 200).Draw(t, "labels")
		order := spread(labels, rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed"))))
		total, seen := map[int]int{}, map[int]int{}
		for _, y := range labels {
			total[y]++
		}
		there := map[int]bool{}
		for k, i := range order {
			there[i] = true
			seen[labels[i]]++
			for y, n := range total {
				if want := float64(k+1) * float64(n) / float64(len(labels)); math.Abs(float64(seen[y])-want) > 3 {
					t.Fatalf("of the first %d samples, %d have label %d, of which there are %d of %d", k+1, seen[y], y, n, len(labels))
				}
			}
		}
		if len(there) != len(labels) {
			t.Fatalf("%d of %d samples are there", len(there), len(labels))
		}
	})
}

func TestDivide(t *testing.T) {
	sets := barPictures()
	c := smallSearch()
	count := func(p *data.Pictures) (n [5]int) {
		for i, y := range p.Labels {
			n[y]++
			if p.Paths[i] == "" {
				t.Error("a picture without a path")
			}
		}
		return n
	}
	for name, test := range map[string]struct {
		change            func(*SearchConfig, *PictureSets)
		train, held, test [5]int
	}{
		"as it is":     {func(*SearchConfig, *PictureSets) {}, [5]int{40, 40, 40, 40, 40}, [5]int{10, 10, 10, 10, 10}, [5]int{20, 20, 20, 20, 20}},
		"a tenth held": {func(c *SearchConfig, _ *PictureSets) { c.Validation = 0 }, [5]int{45, 45, 45, 45, 45}, [5]int{5, 5, 5, 5, 5}, [5]int{20, 20, 20, 20, 20}},
		"a limit":      {func(c *SearchConfig, _ *PictureSets) { c.Limit = 50 }, [5]int{10, 10, 10, 10, 10}, [5]int{10, 10, 10, 10, 10}, [5]int{20, 20, 20, 20, 20}},
		"no test set":  {func(_ *SearchConfig, s *PictureSets) { s.Test = nil }, [5]int{30, 30, 30, 30, 30}, [5]int{10, 10, 10, 10, 10}, [5]int{10, 10, 10, 10, 10}},
		"held out": {
			func(c *SearchConfig, _ *PictureSets) { c.HoldOutClasses, c.Validation = []string{"0", "4"}, 30 },
			[5]int{0, 40, 40, 40, 0},
			[5]int{0, 10, 10, 10, 0},
			[5]int{20, 0, 0, 0, 20},
		},
		"held out, no test set": {
			func(c *SearchConfig, s *PictureSets) {
				c.HoldOutClasses, c.Validation, s.Test = []string{"0", "4"}, 30, nil
			},
			[5]int{0, 40, 40, 40, 0},
			[5]int{0, 10, 10, 10, 0},
			[5]int{50, 0, 0, 0, 50},
		},
		"too few to hold out": {func(c *SearchConfig, _ *PictureSets) { c.Validation = 1 }, [5]int{50, 50, 50, 50, 50}, [5]int{50, 50, 50, 50, 50}, [5]int{20, 20, 20, 20, 20}},
	} {
		c, s := c, sets
		test.change(&c, &s)
		d, err := c.divide(c.PictureSettings, s, c.HoldOutClasses)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "too few to hold out" { // one picture is missing, of whatever class
			if d.train.N != 249 || d.held.N != 249 {
				t.Errorf("%s: %d and %d pictures", name, d.train.N, d.held.N)
			}
			continue
		}
		if a, b, c := count(d.train), count(d.held), count(d.test); a != test.train || b != test.held || c != test.test {
			t.Errorf("%s: trained on %v, held out %v, tested on %v", name, a, b, c)
		}
		all := slices.Concat(d.train.Paths, d.held.Paths, d.test.Paths)
		slices.Sort(all)
		if len(slices.Compact(all)) != d.train.N+d.held.N+d.test.N {
			t.Errorf("%s: the parts share pictures", name)
		}
	}
	for want, change := range map[string]func(*SearchConfig, *PictureSets){
		`hold_out_classes has "7"`: func(c *SearchConfig, _ *PictureSets) { c.HoldOutClasses = []string{"7"} },
		"of 50 training pictures": func(c *SearchConfig, _ *PictureSets) {
			c.HoldOutClasses, c.Validation = []string{"0", "1", "2", "3"}, 0
		},
		"hold_out_classes names all classes":            func(c *SearchConfig, _ *PictureSets) { c.HoldOutClasses = []string{"0", "1", "2", "3", "4"} },
		"test_share is 0.999, which leaves no pictures": func(c *SearchConfig, s *PictureSets) { c.TestShare, s.Test = 0.999, nil },
		"validation is 250":                             func(c *SearchConfig, _ *PictureSets) { c.Validation = 250 },
		"they must be alike": func(_ *SearchConfig, s *PictureSets) {
			odd := *s.Test
			odd.H, odd.W = odd.W, odd.H
			s.Test = &odd
		},
		"of 20 test pictures": func(c *SearchConfig, _ *PictureSets) { c.HoldOutClasses = []string{"2"} },
	} {
		c, s := c, sets
		change(&c, &s)
		if _, err := c.divide(c.PictureSettings, s, c.HoldOutClasses); err == nil || !strings.Contains(err.Error(), want) && want != "of 50 training pictures" {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}

// TestHoldNeedsQueries: two pictures that could find each other do not choose the best epoch.
func TestHoldNeedsQueries(t *testing.T) {
	set := &data.Pictures{C: 1, H: 1, W: 1}
	for i := range 1020 { // 500 classes of two, and one of twenty
		y := 500
		if i < 1000 {
			y = i / 2
		}
		set.Labels, set.Paths = append(set.Labels, y), append(set.Paths, fmt.Sprint(i))
	}
	set.N = len(set.Labels)
	set.Pixels = make([]byte, set.N)
	order := spread(set.Labels, train.Rand(1, "split", 0))
	if front := set.Pick(order[:102]).Labels; !findable(front) || queries(front) > 9 {
		t.Fatalf("of 102 pictures, %d have another of their class", queries(front))
	}
	trained, held, err := Training{}.hold(set, order)
	if err != nil || trained.N != 918 || held.N != 918 {
		t.Errorf("%d pictures trained on, %d held out, %v", trained.N, held.N, err)
	}
	if n := queries([]int{3, 1, 3, 2, 3, 1}); n != 5 {
		t.Errorf("%d labels come twice, want 5", n)
	}
}

// barTask is a search task over bars whose held-out pictures are sorted by class.
func barTask(t *testing.T, c SearchConfig, held int) *searchTask {
	t.Helper()
	c, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	sets := barPictures()
	all := data.PicturesOf(bars(held, sets.Train.H, sets.Train.W, 5, 9), "held")
	order := make([]int, held)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return all.Labels[a] - all.Labels[b] })
	task, err := newSearchTask(t.Context(), c, &split{train: sets.Train, held: all.Pick(order), test: sets.Test})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// TestScaleIsOfAllClasses: what energies are held against is measured on what they are of.
func TestScaleIsOfAllClasses(t *testing.T) {
	task := barTask(t, smallSearch(), 1600)
	e, err := task.Evaluate(t.Context())
	if err != nil || e.Diagnosis.Spread != task.subject.Scale || e.Diagnosis.Spread == 0 {
		t.Errorf("the scale is %v, the spread %v, %v", task.subject.Scale, e.Diagnosis.Spread, err)
	}
}

// TestLostVectors: an evaluation of vectors without finite distances is the worst, and no error.
func TestLostVectors(t *testing.T) {
	c := smallSearch()
	c.Raw = true
	search := barTask(t, c, 50)
	parts, err := smallSiamese().parts(SiameseSets{PictureSets: barPictures()})
	if err != nil {
		t.Fatal(err)
	}
	siamese, err := newSiameseTask(t.Context(), smallSiamese(), parts)
	if err != nil {
		t.Fatal(err)
	}
	for what, task := range map[string]train.Task{"search": search, "siamese": siamese} {
		for _, bad := range []float32{1e30, float32(math.NaN())} {
			for _, p := range task.Params() {
				x := p.Value.Float32s()
				for i := range x {
					x[i] = bad
				}
			}
			e, err := task.Evaluate(t.Context())
			if err != nil || !math.IsNaN(float64(e.Error.Value)) || !e.Diagnosis.Collapsed || !strings.Contains(e.Diagnosis.Why, "diverged") {
				t.Errorf("%s with weights %v: %+v, %v", what, bad, e, err)
			}
		}
	}
}

// TestNothingToCompare: a batch without pairs is no step, and one that is not finite is not taken for one.
func TestNothingToCompare(t *testing.T) {
	for _, l := range metricLosses {
		if l.plain {
			continue
		}
		eval := l.build(DefaultSearch())
		one := metricBatch{x: []float32{1, 0}, dim: 2, labels: []int{3}, dx: make([]float32, 2)}
		if _, err := eval(one); !errors.Is(err, train.ErrNothing) {
			t.Errorf("%s of one vector: error %v", l.name, err)
		}
		x := []float32{1, 0, 0, 1, 1, 0.1, 0.1, 1}
		some := metricBatch{x: x, dim: 2, labels: []int{3, 4, 3, 4}, dx: make([]float32, 8)}
		if _, err := eval(some); err != nil && (l.name != "triplet" || !errors.Is(err, train.ErrNothing)) { // semi-hard ones may be none
			t.Errorf("%s of two classes: error %v", l.name, err)
		}
		bad := []float64{math.NaN(), math.Inf(1)}
		if l.direct { // not brought to length 1
			bad = append(bad, 1e30)
		}
		for _, v := range bad {
			x[3], x[7] = float32(v), float32(v)
			if v, err := eval(some); err != nil || !math.IsNaN(v) {
				t.Errorf("%s of %v: %v, %v", l.name, x, v, err)
			}
		}
	}
}

func TestBatchMemory(t *testing.T) {
	value, fails := 1.0, error(nil)
	m, err := newBatchMemory(2, 1, func(b metricBatch) (float64, error) { return value, fails })
	if err != nil {
		t.Fatal(err)
	}
	b := metricBatch{x: []float32{1}, dim: 1, labels: []int{0}, dx: make([]float32, 1)}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		value = v
		if got, err := m.loss(b); err != nil || got-got == 0 || m.Len() != 0 {
			t.Errorf("a loss of %v: %v, %v, and %d are remembered", v, got, err, m.Len())
		}
	}
	value, fails = 1, train.ErrNothing
	if _, err := m.loss(b); !errors.Is(err, train.ErrNothing) || m.Len() != 1 {
		t.Errorf("a batch with nothing to compare: error %v, and %d are remembered", err, m.Len())
	}
	fails = nil
	for _, want := range []float64{1, 2} { // when it is full, twice
		if got, err := m.loss(b); err != nil || got != want || m.Len() != 2 {
			t.Errorf("%v, %v; want %v, %d are remembered", got, err, want, m.Len())
		}
	}
	if m, err = newBatchMemory(2, 1, m.eval); err != nil {
		t.Fatal(err)
	}
	_, labels, place := m.State() // as a checkpoint puts them in
	labels[0], place[0], place[1] = 0.5, 1, 1
	if _, err := m.loss(b); err == nil || !strings.Contains(err.Error(), "labels[0] is 0.5") {
		t.Errorf("a memory with half a label: error %v", err)
	}
}

func TestSearchResolveRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*SearchConfig){
		`recipe is "other"`:              func(c *SearchConfig) { c.Recipe = "other" },
		`loss is "tripled"`:              func(c *SearchConfig) { c.Loss = "tripled" },
		`mining is "coal"`:               func(c *SearchConfig) { c.Mining = "coal" },
		`channels is "2"`:                func(c *SearchConfig) { c.Channels = "2" },
		"size is 7":                      func(c *SearchConfig) { c.Size = 7 },
		"size is 257":                    func(c *SearchConfig) { c.Size = 257 },
		"test_share is 1":                func(c *SearchConfig) { c.TestShare = 1 },
		"test_share is NaN":              func(c *SearchConfig) { c.TestShare = math.NaN() },
		"dim is 0":                       func(c *SearchConfig) { c.Dim = 0 },
		"dim is 4097":                    func(c *SearchConfig) { c.Dim = 4097 },
		"augment, which is off":          func(c *SearchConfig) { c.Flip = true },
		"margin is -1":                   func(c *SearchConfig) { c.Margin = -1 },
		"temperature is NaN":             func(c *SearchConfig) { c.Loss, c.Temperature = "sup_con", math.NaN() },
		"scale is +Inf":                  func(c *SearchConfig) { c.Loss, c.Scale = "circle", math.Inf(1) },
		"temperature 1 has no effect: t": func(c *SearchConfig) { c.Temperature = 1 },
		"scale 1 has no effect: the los": func(c *SearchConfig) { c.Scale = 1 },
		"the loss sup_con takes memory,": func(c *SearchConfig) { c.Loss, c.Margin = "sup_con", 1 },
		"mining all has no effect: the ": func(c *SearchConfig) { c.Loss, c.Mining = "sup_con", "all" },
		"m_per_class is 1":               func(c *SearchConfig) { c.MPerClass = 1 },
		"m_per_class 4 has no effect: t": func(c *SearchConfig) { c.Loss, c.MPerClass = "proxy_nca", 4 },
		"batch is 1":                     func(c *SearchConfig) { c.Batch = 1 },
		"batch is 3; for the loss tripl": func(c *SearchConfig) { c.Batch = 3 },
		"m_per_class is 120 in a batch":  func(c *SearchConfig) { c.MPerClass = 120 },
		"memory is 1048576 and dim is 6": func(c *SearchConfig) { c.Memory, c.Dim = mostRemembered, 65 },
		"epochs is 0":                    func(c *SearchConfig) { c.Epochs = 0 },
	} {
		c := DefaultSearch()
		spoil(&c)
		if _, err := c.Resolve(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	c := smallSearch()
	dir := filepath.Join(t.TempDir(), "run")
	c.MPerClass = 3
	if _, err := Search(t.Context(), c, barPictures(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "multiple of M") {
		t.Errorf("3 of each class in a batch of 20: error %v", err)
	} else if _, err := os.Stat(dir); err == nil {
		t.Error("a run that is refused leaves a folder")
	}
	c.MPerClass, c.Memory = 0, 201
	if _, err := Search(t.Context(), c, barPictures(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "memory is 201, but there are only 200") {
		t.Errorf("a memory of more than there is: error %v", err)
	}
	for batch, want := range map[int]int{4: 2, 6: 3, 20: 4, 60: 12, 10: 5, 7: 0, 120: 24} {
		c.Batch = batch
		if m, err := c.perClass(5); m != want || (err == nil) != (want > 0) {
			t.Errorf("a batch of %d of 5 classes: %d of each, %v", batch, m, err)
		}
	}
}

// TestPictureFingerprints changes every setting in turn: all but those of places shape the weights.
func TestPictureFingerprints(t *testing.T) {
	free := map[string]bool{"data": true, "test": true, "pairs": true, "test_pairs": true, "threads": true, "checkpoint": true}
	search, siamese := DefaultSearch(), DefaultSiamese()
	for what, c := range map[string]struct {
		config any
		print  func() (map[string]string, error)
	}{
		"search":  {&search, func() (map[string]string, error) { return search.fingerprint() }},
		"siamese": {&siamese, func() (map[string]string, error) { return siamese.fingerprint() }},
	} {
		before, err := c.print()
		if err != nil {
			t.Fatal(err)
		}
		value := reflect.ValueOf(c.config).Elem()
		for _, field := range reflect.VisibleFields(value.Type()) {
			if field.Anonymous {
				continue // its fields are visible
			}
			v := value.FieldByIndex(field.Index)
			was := reflect.ValueOf(v.Interface())
			switch v.Kind() {
			case reflect.String:
				v.SetString("other")
			case reflect.Int:
				v.SetInt(v.Int() + 1)
			case reflect.Uint64:
				v.SetUint(v.Uint() + 1)
			case reflect.Float64:
				v.SetFloat(v.Float() + 0.125)
			case reflect.Bool:
				v.SetBool(!v.Bool())
			case reflect.Slice:
				v.Set(reflect.ValueOf([]string{"a"}))
			default:
				t.Fatalf("field %s of a new kind", field.Name)
			}
			after, err := c.print()
			v.Set(was)
			if err != nil {
				t.Fatal(err)
			}
			name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if same := reflect.DeepEqual(before, after); same != free[name] {
				t.Errorf("%s: %s changed: the fingerprint stays as it was is %v", what, name, same)
			}
			if json, _, _ := strings.Cut(field.Tag.Get("json"), ","); json != name || name == "" {
				t.Errorf("%s: %s is %q in YAML and %q in JSON", what, field.Name, name, json)
			}
		}
	}
}

// TestEncodersDiverge trains with an absurd step size.
func TestEncodersDiverge(t *testing.T) {
	search, siamese := smallSearch(), smallSiamese()
	for _, c := range []*Training{&search.Training, &siamese.Training} {
		c.Optimizer, c.LR, c.Warmup = "sgd", 1e20, 0
	}
	search.Raw = true
	sets, dir := barPictures(), t.TempDir()
	if r, err := Search(t.Context(), search, sets, Options{Dir: filepath.Join(dir, "a")}); !errors.Is(err, train.ErrDiverged) || r == nil || r.Reason != "diverged" {
		t.Errorf("search: %+v, %v", r, err)
	}
	if r, err := Siamese(t.Context(), siamese, SiameseSets{PictureSets: sets}, Options{Dir: filepath.Join(dir, "b")}); !errors.Is(err, train.ErrDiverged) || r == nil || r.Reason != "diverged" {
		t.Errorf("siamese: %+v, %v", r, err)
	}
}
