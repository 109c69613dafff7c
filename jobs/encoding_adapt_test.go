package jobs

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// ofSizes is a set of pictures of one pixel, by the numbers of its classes.
func ofSizes(each ...int) *data.Pictures {
	p := &data.Pictures{C: 1, H: 1, W: 1}
	for k, n := range each {
		p.Classes = append(p.Classes, string(rune('a'+k)))
		for range n {
			p.Labels, p.Paths, p.Pixels = append(p.Labels, k), append(p.Paths, "p"), append(p.Pixels, 0)
			p.N++
		}
	}
	return p
}

func TestClassBatch(t *testing.T) {
	for _, test := range []struct {
		labels               []int
		set, perClass, batch int
	}{
		{ofSizes(10, 10, 10).Labels, 0, 4, 12},
		{ofSizes(2, 2, 2, 2, 2).Labels, 0, 2, 10},
		{ofSizes(slices.Repeat([]int{20}, 40)...).Labels, 0, 4, 64},
		{ofSizes(slices.Repeat([]int{2}, 40)...).Labels, 0, 2, 64},
		{ofSizes(10, 10, 10).Labels, 8, 8, 24},
		{ofSizes(9).Labels, 0, 4, 8}, // refused later: there is one class
	} {
		perClass := test.set
		if batch := classBatch(test.labels, &perClass); batch != test.batch || perClass != test.perClass {
			t.Errorf("%d pictures, %d a class set: batches of %d with %d a class, want %d with %d", len(test.labels), test.set, batch, perClass, test.batch, test.perClass)
		}
	}
}

func TestAdaptKeepsWhatIsSet(t *testing.T) {
	c := defaultEncoding()
	c.Epochs, c.Batch, c.LR = 3, 6, 0.5
	if chosen := c.adapt(ofSizes(9, 9), 18, nil); chosen != nil || c.Epochs != 3 || c.Patience != 0 || c.Batch != 6 || c.LR != 0.5 {
		t.Errorf("settings become %d epochs, patience %d, batches of %d, lr %v: %q", c.Epochs, c.Patience, c.Batch, c.LR, chosen)
	}
	c = defaultEncoding()
	c.Optimizer = "adam"
	if chosen := c.adapt(ofSizes(9, 9), 18, nil); len(chosen) != 3 || c.Batch != 18 || c.Epochs != ownSteps || c.Patience != ownSteps/idle || c.LR != 2e-3 {
		t.Errorf("the data chooses %d epochs, patience %d, batches of %d, lr %v: %q", c.Epochs, c.Patience, c.Batch, c.LR, chosen)
	}
	c = defaultEncoding()
	if c.adapt(ofSizes(40000, 40000), 80000, nil); c.Epochs != ownEpochs || c.Batch != ownBatch {
		t.Errorf("of 80000 pictures the data chooses %d epochs, batches of %d", c.Epochs, c.Batch)
	}
}

func TestClassesApart(t *testing.T) {
	c := defaultEncoding()
	for _, test := range []struct {
		name string
		each []int
		want int
	}{
		{"classes of ten", slices.Repeat([]int{10}, 12), 0},
		{"classes of five", slices.Repeat([]int{5}, 20), 4},
		{"classes of two", slices.Repeat([]int{2}, 10), 2},
		{"few classes", []int{2, 2, 2}, 0},
		{"classes of one count for none", []int{1, 1, 1, 1, 1, 2, 2, 2, 2}, 2},
		{"most pictures in large classes", []int{2, 2, 2, 50, 50}, 0},
	} {
		got := c.classesApart(ofSizes(test.each...))
		if len(got) != test.want || !slices.IsSorted(got) {
			t.Errorf("%s: %q are kept, want %d", test.name, got, test.want)
		}
		if again := c.classesApart(ofSizes(test.each...)); !slices.Equal(got, again) {
			t.Errorf("%s: %q are kept, then %q", test.name, got, again)
		}
	}
}

// TestNotesOfLossAndRate: the notes have the loss and the learning rate that the data has chosen, and none that a setting says; those of
// siamese are on the page, too.
func TestNotesOfLossAndRate(t *testing.T) {
	fresh := func() *Search {
		c := atDefaults[*Search](searchJob)
		c.Sets = picturesInMemory(barPictures())
		c.Epochs, c.Batch, c.Dim, c.Validation = 1, 40, 6, 50
		return c
	}
	_, figures, dir := searchOver(t, fresh())
	for _, note := range []string{"the loss sup_con", "a learning rate of 0.002"} {
		if !slices.Contains(figures.Notes, note) {
			t.Errorf("the notes are %q, without %q", figures.Notes, note)
		}
	}
	checkPage(t, dir, "The loss sup_con.", "A learning rate of 0.002.")
	c := fresh()
	c.Loss, c.LR = "sup_con", 0.002
	if _, figures, _ := searchOver(t, c); slices.Contains(figures.Notes, "the loss sup_con") || slices.Contains(figures.Notes, "a learning rate of 0.002") {
		t.Errorf("settings are noted as chosen by the data: %q", figures.Notes)
	}
	s := smallSiamese()
	s.Epochs, s.LR = 1, 0
	_, v, dir := trainedSiamese(t, s)
	if !slices.Contains(v.Notes, "a learning rate of 0.002") {
		t.Errorf("the notes of siamese are %q", v.Notes)
	}
	checkPage(t, dir, "A learning rate of 0.002.")
}

// TestNotesStay: a run that resumes from its folder, and one that is opened to be measured, have the notes of the run that began, though its settings no longer tell what was chosen.
func TestNotesStay(t *testing.T) {
	c := atDefaults[*Search](searchJob)
	c.Sets = picturesInMemory(barPictures())
	c.Epochs, c.Batch, c.Dim, c.Validation = 2, 40, 6, 50
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	var first, again, measured []string
	_, err := job.Train(ctx, searchJob, c, job.Options{Dir: dir, Env: job.Env{Noted: func(all []string) { first = all }}, Emit: func(e train.Event) {
		if _, ok := e.(train.Step); ok {
			cancel()
		}
	}})
	if err != nil || !slices.Contains(first, "the loss sup_con") {
		t.Fatalf("the notes are %q, error %v", first, err)
	}
	j, s, err := job.ReadConfig(dir, []job.Job{searchJob})
	if err != nil {
		t.Fatal(err)
	}
	s.(*Search).Sets = c.Sets
	if _, err := job.Train(t.Context(), j, s, job.Options{Dir: dir, Resume: true, Env: job.Env{Noted: func(all []string) { again = all }}}); err != nil {
		t.Fatal(err)
	}
	figures := new(report.Retrieval)
	readJSON(t, dir, report.RetrievalFile, figures)
	if _, err := job.Eval(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{Noted: func(all []string) { measured = all }}); err != nil {
		t.Fatal(err)
	}
	for name, notes := range map[string][]string{"resumed": again, "the page's": figures.Notes, "measured": measured} {
		if !slices.Equal(notes, first) {
			t.Errorf("%s: the notes are %q, want %q", name, notes, first)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, job.NotesFile), []byte(`{"a": 1}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := job.Eval(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{}); err == nil || !strings.Contains(err.Error(), job.NotesFile) {
		t.Errorf("damaged notes: error %v", err)
	}
}

// checkPage draws the page of a run and looks for texts.
func checkPage(t *testing.T, dir string, texts ...string) {
	t.Helper()
	if err := report.Write(dir, nil, ""); err != nil {
		t.Fatal(err)
	}
	page := file(t, dir, report.PageFile)
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page of the run does not say %q", text)
		}
	}
}

// TestEncoderKeepsTheStart: training that makes a network worse leaves it as it began, and the run says so.
func TestEncoderKeepsTheStart(t *testing.T) {
	square := picturesInMemory(data.PicturesOf(bars(200, 10, 10, 5, 1), "train"), data.PicturesOf(bars(100, 10, 10, 5, 2), "test"))
	good, c := smallSearch(), smallSearch()
	good.Sets, c.Sets = square, square
	_, _, began := searchOver(t, good)
	c.Encoder, c.Optimizer, c.LR, c.Warmup = began, "sgd", 30, 0
	r, figures, _ := searchOver(t, c)
	if r.BestEpoch != 0 || !r.Untrained || figures.Among.Precision1 < 0.95 || !strings.Contains(r.Verdict, "those before training") {
		t.Errorf("the run came to %+v with precision@1 %v", r, figures.Among.Precision1)
	}
}

// TestCollapseOfSearchIsTold: vectors that training has drawn together are a collapse where they no longer find their class, however well they did before; vectors that lie near each other and still find it are not.
func TestCollapseOfSearchIsTold(t *testing.T) {
	c := smallSearch()
	_, _, dir := searchOver(t, c)
	for _, test := range []struct {
		part      float32 // of the layer's weights; its bias is then 1
		collapsed bool
	}{{1, false}, {1e-2, false}, {1e-7, true}, {0, true}} {
		r, err := job.Open(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{})
		if err != nil {
			t.Fatal(err)
		}
		task := r.Model.(*searchTask)
		params := task.Params()
		if test.part < 1 {
			weight, bias := params[len(params)-2].Value.Float32s(), params[len(params)-1].Value.Float32s()
			simd.Scale(weight, weight, test.part)
			for i := range bias {
				bias[i] = 1
			}
		}
		e, err := task.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e.Diagnosis.Collapsed != test.collapsed {
			t.Errorf("weights times %v: error %v of %v by guessing, spread %v: collapsed is %v: %s", test.part, e.Error.Value, e.Diagnosis.Chance, e.Diagnosis.Spread, e.Diagnosis.Collapsed, e.Diagnosis.Verdict)
		}
	}
}
