package jobs

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

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// readPictures is the type of Encoding.Sets.
type readPictures = func(ctx context.Context, source, test string, o data.PictureOptions, progress data.Progress) (trainSet, testSet *data.Pictures, skipped []error, err error)

// picturesInMemory gives a job of pictures its sets; testSet nil is a share of the others. All but the source "" is the test set alone.
func picturesInMemory(trainSet, testSet *data.Pictures) readPictures {
	return func(_ context.Context, source, _ string, _ data.PictureOptions, _ data.Progress) (*data.Pictures, *data.Pictures, []error, error) {
		if source != "" {
			return testSet, nil, nil, nil
		}
		return trainSet, testSet, nil, nil
	}
}

func barPictures() (trainSet, testSet *data.Pictures) {
	a, b := sets()
	return data.PicturesOf(a, "train"), data.PicturesOf(b, "test")
}

// smallSearch is a short job over bars.
func smallSearch() *Search {
	c := atDefaults[*Search](searchJob)
	c.Sets = picturesInMemory(barPictures())
	c.Epochs, c.Batch, c.Dim, c.LR, c.Validation, c.Seed, c.Loss = 3, 20, 6, 0.005, 50, 3, "triplet"
	return c
}

func searchOver(t *testing.T, c *Search) (*job.Result, *report.Retrieval, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := job.Train(t.Context(), searchJob, c, job.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	figures := new(report.Retrieval)
	readJSON(t, dir, report.RetrievalFile, figures)
	return r, figures, dir
}

// readJSON reads a file of a run.
func readJSON(t *testing.T, dir, name string, v any) {
	t.Helper()
	if err := card.Decode([]byte(file(t, dir, name)), v); err != nil {
		t.Fatal(err)
	}
}

// encodingOver is a job whose pictures are those of c in memory.
func encodingOver(j job.Job, c *Encoding) []job.Job {
	fresh := j.New
	j.New = func() job.Spec {
		switch s := fresh().(type) {
		case *Search:
			s.Sets = c.Sets
			return s
		case *Siamese:
			s.Sets = c.Sets
			return s
		default:
			return s
		}
	}
	return []job.Job{j}
}

func TestSearchRun(t *testing.T) {
	c := smallSearch()
	r, figures, dir := searchOver(t, c)
	if figures.Among.Precision1 < 0.95 || figures.InTraining.Precision1 < 0.95 || math.Abs(float64(r.TestError)-(1-figures.Among.Precision1)) > 1e-12 || r.Collapsed || r.Reason != "finished" || r.Steps != 3*10 {
		t.Errorf("the run came to %+v, %+v", r, figures.Among)
	}
	if figures.Among.Queries != 100 || figures.Among.Gallery != 100 || figures.InTraining.Gallery != 200 || !slices.Equal(figures.Classes, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("the run measured %+v, %+v", figures.Among, figures.InTraining)
	}
	for i, want := range []float64{figures.Among.Precision1, figures.Among.RPrecision, figures.Among.MAPAtR, *figures.Among.NMI} {
		if r.Figures[i].Value != measure.Number(want) {
			t.Errorf("figure %+v, want %v", r.Figures[i], want)
		}
	}
	if rows := r.Tables[0].Rows; len(rows) != 2 || rows[1].Name != "200 training pictures" || rows[1].Values[1] != measure.Number(figures.InTraining.Recall[0].Share) {
		t.Errorf("table %+v", r.Tables[0])
	}
	x := checkEmbeddings(t, figures, dir)

	again, err := job.Eval(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{})
	if err != nil || !reflect.DeepEqual(again.Figures, r.Figures) || !reflect.DeepEqual(again.Tables, r.Tables) || again.Measured != r.Measured {
		t.Errorf("evaluated again it comes to\n%+v, the run said\n%+v (%v)", again, r, err)
	}
	other, err := job.Eval(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{Data: "other"})
	if err != nil || other.TestError != r.TestError || len(other.Tables[0].Rows) != 1 {
		t.Errorf("evaluated on the test pictures alone it comes to\n%+v, the run said\n%+v (%v)", other, r, err)
	}
	trainSet, test := barPictures()
	odd := *test
	odd.H, odd.W = odd.W, odd.H
	c.Sets = picturesInMemory(trainSet, &odd)
	if _, err := job.Eval(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{}); err == nil || !strings.Contains(err.Error(), "training pictures are 1×10×8, test pictures 1×8×10") {
		t.Errorf("pictures of another shape: error %v", err)
	}
	trainSet.Pixels[0]++
	c.Sets = picturesInMemory(trainSet, test)
	if _, err := job.Eval(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{}); err == nil || !strings.Contains(err.Error(), "was trained on") {
		t.Errorf("another training set: error %v", err)
	}
	checkEncoder(t, dir, test, x)
}

// checkEmbeddings holds the vectors written against the result, and returns them.
func checkEmbeddings(t *testing.T, figures *report.Retrieval, dir string) []float32 {
	t.Helper()
	f, err := tensor.ReadFile(filepath.Join(dir, report.VectorsFile))
	if err != nil {
		t.Fatal(err)
	}
	x, y := f.Get("vectors"), f.Get("labels")
	if x == nil || y == nil || !slices.Equal(x.Shape(), []int{100, 6}) || !slices.Equal(y.Shape(), []int{100}) {
		t.Fatalf("%s has vectors %v and labels %v", report.VectorsFile, x, y)
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
	if wrong != figures.Among.Wrong {
		t.Errorf("by the vectors %d pictures find another class first, by the result %d", wrong, figures.Among.Wrong)
	}
	var paths, classes []string
	if err := json.Unmarshal([]byte(f.Metadata["paths"]), &paths); err != nil || len(paths) != 100 || paths[99] != "test/00099" {
		t.Errorf("paths %v, %v", paths, err)
	}
	if err := json.Unmarshal([]byte(f.Metadata["classes"]), &classes); err != nil || !slices.Equal(classes, figures.Classes) || f.Metadata["metric"] != "cosine" {
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
	trainSet, testSet := barPictures()
	for _, set := range []*data.Pictures{trainSet, testSet} {
		for i := range set.N {
			x := set.Picture(i)
			for p := range x {
				if row, column := p/set.W, p%set.W; row == 0 || row == set.H-1 || column == 0 || column == set.W-1 {
					x[p] = 0
				}
			}
		}
	}
	c := smallSearch()
	c.Sets = picturesInMemory(trainSet, testSet)
	_, _, dir := searchOver(t, c)
	e, err := encode.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float32, 6), make([]float32, 6)
	light := greyImages(testSet)[:1]
	if err := e.Encode(want, light); err != nil {
		t.Fatal(err)
	}
	ink := image.NewGray(light[0].Bounds())
	for i, v := range testSet.Picture(0) {
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
			r, figures, _ := searchOver(t, c)
			t.Logf("%s, raw %v: precision@1 %v, energies %+v", l.name, raw, figures.Among.Precision1, r.Energy)
			if least := 0.8; figures.Among.Precision1 < least || r.Collapsed {
				t.Errorf("%s, raw %v: precision@1 is %v; %s", l.name, raw, figures.Among.Precision1, r.Why)
			}
		}
	}
}

// hardSearch are jobs with everything at work that draws numbers or remembers.
func hardSearch() (all []*Search) {
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
		_, _, want := searchOver(t, c)
		for _, cut := range []int{10, 20, 30} { // within both epochs of 20 steps, and between them
			dir := filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(t.Context())
			r, err := job.Train(ctx, searchJob, c, job.Options{Dir: dir, Emit: func(e train.Event) {
				if s, ok := e.(train.Step); ok && s.Step >= cut {
					cancel()
				}
			}})
			if err != nil || r.Reason != "interrupted" || r.Steps != cut || r.Figures != nil {
				t.Fatalf("stopped with %+v, %v", r, err)
			}
			if _, err := encode.Open(dir); err == nil || !strings.Contains(err.Error(), "--resume") {
				t.Errorf("encoder of an unfinished run: error %v", err)
			}
			again := *c
			again.Threads = 3 // may change
			if _, err := job.Train(t.Context(), searchJob, &again, job.Options{Dir: dir, Resume: true}); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{ModelFile, report.VectorsFile, job.ConfigFile, encode.CardFile} {
				if file(t, want, name) != file(t, dir, name) {
					t.Errorf("%s, cut after step %d: %s differs from an unbroken run's", c.Loss, cut, name)
				}
			}
		}
		trainSet, testSet := barPictures()
		trainSet.Pixels[0]++
		c.Sets = picturesInMemory(trainSet, testSet)
		if _, err := job.Train(t.Context(), searchJob, c, job.Options{Dir: want, Resume: true}); err == nil || !strings.Contains(err.Error(), "checksum") {
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
			_, _, dir := searchOver(t, c)
			if got := file(t, dir, ModelFile) + file(t, dir, report.VectorsFile); want == "" {
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
	_, figures, dir := searchOver(t, c)
	if figures.InTraining != nil || figures.Among.Queries != 40 || !slices.Equal(figures.HeldOut, c.HoldOutClasses) || len(figures.Among.Classes) != 2 {
		t.Errorf("with classes held out: %+v", figures)
	}
	_, read, err := job.ReadConfig(dir, encodingOver(searchJob, &c.Encoding))
	if err != nil {
		t.Fatal(err)
	}
	_, _, again := searchOver(t, read.(*Search))
	for _, name := range []string{ModelFile, report.VectorsFile, job.ConfigFile} {
		if file(t, dir, name) != file(t, again, name) {
			t.Errorf("%s of a run with the same settings differs", name)
		}
	}
}

// TestViewsOfOnePicture: an epoch's last batch may have a single picture, of which two views have no variance.
func TestViewsOfOnePicture(t *testing.T) {
	c := smallSearch()
	c.Loss, c.Limit, c.Batch = "vicreg", 41, 20
	if r, figures, _ := searchOver(t, c); r.Steps != 9 || figures.InTraining.Gallery != 41 {
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
		if n := allocations(t, opened(t, searchJob, c).(*searchTask), []int{1, 2, 3, 4, 5, 6, 7, 8, 101, 102, 103, 104}); n != 0 {
			t.Errorf("%s: %v allocations a step", l.name, n)
		}
	}
}

// opened resolves settings and returns their untrained model.
func opened(t *testing.T, j job.Job, s job.Spec) job.Model {
	t.Helper()
	if err := job.Resolve(j, s); err != nil {
		t.Fatal(err)
	}
	m, err := s.Open(t.Context(), job.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return m
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

func TestDivide(t *testing.T) {
	type pictures struct{ train, test *data.Pictures }
	var bars pictures
	bars.train, bars.test = barPictures()
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
		change            func(*Search, *pictures)
		train, held, test [5]int
	}{
		"as it is":     {func(*Search, *pictures) {}, [5]int{40, 40, 40, 40, 40}, [5]int{10, 10, 10, 10, 10}, [5]int{20, 20, 20, 20, 20}},
		"a tenth held": {func(c *Search, _ *pictures) { c.Validation = 0 }, [5]int{45, 45, 45, 45, 45}, [5]int{5, 5, 5, 5, 5}, [5]int{20, 20, 20, 20, 20}},
		"a limit":      {func(c *Search, _ *pictures) { c.Limit = 50 }, [5]int{10, 10, 10, 10, 10}, [5]int{10, 10, 10, 10, 10}, [5]int{20, 20, 20, 20, 20}},
		"no test set":  {func(_ *Search, s *pictures) { s.test = nil }, [5]int{30, 30, 30, 30, 30}, [5]int{10, 10, 10, 10, 10}, [5]int{10, 10, 10, 10, 10}},
		"held out": {
			func(c *Search, _ *pictures) { c.HoldOutClasses, c.Validation = []string{"0", "4"}, 30 },
			[5]int{0, 40, 40, 40, 0},
			[5]int{0, 10, 10, 10, 0},
			[5]int{20, 0, 0, 0, 20},
		},
		"held out, no test set": {
			func(c *Search, s *pictures) {
				c.HoldOutClasses, c.Validation, s.test = []string{"0", "4"}, 30, nil
			},
			[5]int{0, 40, 40, 40, 0},
			[5]int{0, 10, 10, 10, 0},
			[5]int{50, 0, 0, 0, 50},
		},
		"too few to hold out": {func(c *Search, _ *pictures) { c.Validation = 1 }, [5]int{50, 50, 50, 50, 50}, [5]int{50, 50, 50, 50, 50}, [5]int{20, 20, 20, 20, 20}},
	} {
		c, s := smallSearch(), bars
		test.change(c, &s)
		d, err := c.divide(s.train, s.test, c.HoldOutClasses, searchable)
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
	for want, change := range map[string]func(*Search, *pictures){
		`hold_out_classes has "7"`: func(c *Search, _ *pictures) { c.HoldOutClasses = []string{"7"} },
		"of 50 training pictures": func(c *Search, _ *pictures) {
			c.HoldOutClasses, c.Validation = []string{"0", "1", "2", "3"}, 0
		},
		"hold_out_classes names all classes":            func(c *Search, _ *pictures) { c.HoldOutClasses = []string{"0", "1", "2", "3", "4"} },
		"test_share is 0.999, which leaves no pictures": func(c *Search, s *pictures) { c.TestShare, s.test = 0.999, nil },
		"validation is 250":                             func(c *Search, _ *pictures) { c.Validation = 250 },
		"of 20 test pictures":                           func(c *Search, _ *pictures) { c.HoldOutClasses = []string{"2"} },
	} {
		c, s := smallSearch(), bars
		change(c, &s)
		if _, err := c.divide(s.train, s.test, c.HoldOutClasses, searchable); err == nil || !strings.Contains(err.Error(), want) && want != "of 50 training pictures" {
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
	order := data.Spread(set.Labels, train.Rand(1, "split", 0))
	if front := set.Pick(order[:102]).Labels; !findable(front) || queries(front) > 9 {
		t.Fatalf("of 102 pictures, %d have another of their class", queries(front))
	}
	trained, held, _, err := new(Encoding).hold(set, order, searchable)
	if err != nil || trained.N != 918 || held.N != 918 {
		t.Errorf("%d pictures trained on, %d held out, %v", trained.N, held.N, err)
	}
	if n := queries([]int{3, 1, 3, 2, 3, 1}); n != 5 {
		t.Errorf("%d labels come twice, want 5", n)
	}
}

// TestScaleIsOfAllClasses: what energies are held against is measured on what they are of.
func TestScaleIsOfAllClasses(t *testing.T) {
	c := smallSearch()
	if err := job.Resolve(searchJob, c); err != nil {
		t.Fatal(err)
	}
	trainSet, test := barPictures()
	all := data.PicturesOf(bars(1600, trainSet.H, trainSet.W, 5, 9), "held")
	order := make([]int, all.N)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return all.Labels[a] - all.Labels[b] })
	task, err := newSearchTask(t.Context(), c, nil, &split{train: trainSet, held: all.Pick(order), test: test})
	if err != nil {
		t.Fatal(err)
	}
	e, err := task.Evaluate(t.Context())
	if err != nil || e.Diagnosis.Samples != 1600 || e.Diagnosis.Spread == 0 {
		t.Errorf("the first evaluation is of %d samples, the spread %v, %v", e.Diagnosis.Samples, e.Diagnosis.Spread, err)
	}
}

// TestLostVectors: an evaluation of vectors without finite distances is the worst, and no error; there is nothing to measure then.
func TestLostVectors(t *testing.T) {
	c := smallSearch()
	c.Raw = true
	for what, task := range map[string]job.Model{"search": opened(t, searchJob, c), "siamese": opened(t, siameseJob, smallSiamese())} {
		e, err := task.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		task.Scale(e.Diagnosis.Spread)
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
			if _, err := task.Measure(t.Context()); !errors.Is(err, train.ErrDiverged) {
				t.Errorf("%s with weights %v is measured: %v", what, bad, err)
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
		eval := evaluation(l.build(atDefaults[*Search](searchJob)))
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
	for want, spoil := range map[string]func(*Search){
		`loss is "tripled"`:              func(c *Search) { c.Loss = "tripled" },
		`mining is "coal"`:               func(c *Search) { c.Mining = "coal" },
		`channels is "2"`:                func(c *Search) { c.Channels = "2" },
		"size is 7":                      func(c *Search) { c.Size = 7 },
		"size is 257":                    func(c *Search) { c.Size = 257 },
		"test_share is 1;":               func(c *Search) { c.TestShare = 1 },
		"test_share is NaN":              func(c *Search) { c.TestShare = math.NaN() },
		"dim is 4097":                    func(c *Search) { c.Dim = 4097 },
		"augment, which is off":          func(c *Search) { c.Flip = true },
		"margin is -1":                   func(c *Search) { c.Margin = -1 },
		"temperature is NaN":             func(c *Search) { c.Loss, c.Temperature = "sup_con", math.NaN() },
		"scale is +Inf":                  func(c *Search) { c.Loss, c.Scale = "circle", math.Inf(1) },
		"temperature 1 has no effect: t": func(c *Search) { c.Temperature = 1 },
		"scale 1 has no effect: the los": func(c *Search) { c.Scale = 1 },
		"the loss sup_con takes memory,": func(c *Search) { c.Loss, c.Margin = "sup_con", 1 },
		"mining all has no effect: the ": func(c *Search) { c.Loss, c.Mining = "sup_con", "all" },
		"m_per_class is 1;":              func(c *Search) { c.MPerClass = 1 },
		"m_per_class 4 has no effect: t": func(c *Search) { c.Loss, c.MPerClass = "proxy_nca", 4 },
		"batch is 1":                     func(c *Search) { c.Batch = 1 },
		"batch is 3; for the loss tripl": func(c *Search) { c.Batch = 3 },
		"m_per_class is 120 in a batch":  func(c *Search) { c.MPerClass = 120 },
		"memory is 1048576 and dim is 6": func(c *Search) { c.Memory, c.Dim = mostRemembered, 65 },
		"hold_out_classes names 6 twice": func(c *Search) { c.HoldOutClasses = []string{"6", "6"} },
		"epochs is -1;":                  func(c *Search) { c.Epochs = -1 },
	} {
		c := smallSearch()
		spoil(c)
		if err := job.Resolve(searchJob, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	for want, spoil := range map[string]func(*Search){
		"multiple of M":                         func(c *Search) { c.MPerClass = 3 },
		"memory is 201, but there are only 200": func(c *Search) { c.Memory = 201 },
	} {
		c := smallSearch()
		spoil(c)
		if _, err := job.Train(t.Context(), searchJob, c, job.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		} else if _, err := os.Stat(dir); err == nil {
			t.Error("a run that is refused leaves a folder")
		}
	}
	c := smallSearch()
	for batch, want := range map[int]int{4: 2, 6: 3, 20: 4, 60: 12, 10: 5, 7: 0, 120: 24} {
		c.Batch = batch
		if m, err := c.perClass(5); m != want || (err == nil) != (want > 0) {
			t.Errorf("a batch of %d of 5 classes: %d of each, %v", batch, m, err)
		}
	}
}

// TestEncoderFingerprints: all settings but those of places shape the weights, where they count.
func TestEncoderFingerprints(t *testing.T) {
	free := []string{"data", "test", "encoder", "pairs", "test_pairs", "threads", "checkpoint"}
	checkFingerprints(t, func() job.Spec { return smallSearch() }, free, map[string]string{
		"flip": "augment=true", "brightness": "augment=true", "temperature": "loss=sup_con", "scale": "loss=circle", "test": "test=a", "freeze": "encoder=a", "output": "encoder=a",
	})
	checkFingerprints(t, func() job.Spec { return smallSiamese() }, free, map[string]string{
		"flip": "augment=true", "brightness": "augment=true", "test": "test=a", "test_pairs": "pairs=a test_pairs=a", "freeze": "encoder=a", "output": "encoder=a",
	})
}

// TestSettingsOfPictures: a program's own data makes no setting void, and IDX files do.
func TestSettingsOfPictures(t *testing.T) {
	c := smallSearch()
	c.TestShare, c.Size = 0.3, 32
	if err := job.Resolve(searchJob, c); err != nil {
		t.Fatal(err)
	}
	text, err := c.Options().Write()
	if err != nil || !strings.Contains(string(text), "test_share: 0.3\n") || !strings.Contains(string(text), "size: 32\n") {
		t.Errorf("the file is %s, %v", text, err)
	}
	c.Sets = nil
	if err := job.Resolve(searchJob, c); err == nil || !strings.Contains(err.Error(), "test_share 0.3 has no effect: the data is in IDX files") {
		t.Errorf("digits with a share for the test: %v", err)
	}
}

// TestEncodersDiverge trains with an absurd step size.
func TestEncodersDiverge(t *testing.T) {
	search, siamese := smallSearch(), smallSiamese()
	for _, c := range []*Encoding{&search.Encoding, &siamese.Encoding} {
		c.Optimizer, c.LR, c.Warmup = "sgd", 1e20, 0
	}
	search.Raw = true
	for _, c := range []struct {
		job.Job
		job.Spec
	}{{searchJob, search}, {siameseJob, siamese}} {
		if r, err := job.Train(t.Context(), c.Job, c.Spec, job.Options{Dir: t.TempDir()}); !errors.Is(err, train.ErrDiverged) || r == nil || r.Reason != "diverged" {
			t.Errorf("%s: %+v, %v", c.Name, r, err)
		}
	}
}
