package studio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// Bounds of the energies that are kept in memory, and of a file of them that is read, in bytes: float32 becomes float64.
const (
	watchedMost  = 64 << 20
	testMost     = 96 << 20
	energiesFile = 40 << 20
)

// energyStore are the energies of samples that runs have kept, as they were request for last.
type energyStore struct {
	base    context.Context
	records *hold[*watch.Record]
	tests   *hold[*report.Surface]
}

func newStore() energyStore {
	return energyStore{records: &hold[*watch.Record]{most: watchedMost}, tests: &hold[*report.Surface]{most: testMost}}
}

func (t *energyStore) close() {
	t.records.close()
	t.tests.close()
}

// watched is the record of a run. The error is fs.ErrNotExist where it has none.
func (t *energyStore) watched(ctx context.Context, dir string) (*watch.Record, error) {
	return readEnergies(ctx, t.base, t.records, dir, watch.File, func() (*watch.Record, int64, error) {
		r, err := watch.Read(dir)
		if err != nil {
			return nil, 0, err
		}
		return r, int64(4*len(r.Frames)*len(r.Labels)*r.Answers + 16*len(r.Labels)), nil
	})
}

// test are the energies of the test set of a run. The error is fs.ErrNotExist where it has none.
func (t *energyStore) test(ctx context.Context, dir string) (*report.Surface, error) {
	return readEnergies(ctx, t.base, t.tests, dir, report.TestFile, func() (*report.Surface, int64, error) {
		s, err := (&report.Run{Dir: dir}).Surface()
		if err != nil {
			return nil, 0, err
		}
		return s, int64(8 * (len(s.Energies) + 6*s.N)), nil
	})
}

// readEnergies reads a file of energies, unless it is too large.
func readEnergies[T any](ctx, base context.Context, from *hold[T], dir, name string, read func() (T, int64, error)) (none T, err error) {
	path := filepath.Join(dir, name)
	stamp, err := stampOfFile(path)
	if err != nil {
		return none, err
	}
	if stamp.size > energiesFile {
		return none, wire.Invalid("set", "%s has %d bytes; at most %d are read", name, stamp.size, energiesFile)
	}
	v, err := from.get(ctx, base, path, stamp, func(context.Context) (T, int64, error) { return read() })
	if err != nil && ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist) {
		err = wire.Invalid("set", "%s cannot be read: %v", name, err)
	}
	return v, err
}

// surfaceOf is what a frame of a record says.
func surfaceOf(r *watch.Record, f watch.Frame) (*report.Surface, error) {
	energies := make([]float64, len(f.Energies))
	for i, e := range f.Energies {
		energies[i] = float64(e)
	}
	s, err := report.NewSurface(energies, r.Answers, r.Labels)
	if err == nil && r.Names != nil {
		s.Names = r.Names
	}
	return s, err
}

// shownMost is how many samples of a set are shown; of more, some at equal distances.
const shownMost = 20000

// energiesAnswer are the energies of samples, as the plane, the histograms and the confusion matrix need them.
type energiesAnswer struct {
	Set       string        `json:"set"`
	Epoch     int           `json:"epoch"`
	Of        int           `json:"of"` // samples of the set
	Names     []string      `json:"names"`
	Samples   []int         `json:"samples"` // their numbers in the set
	Labels    []int         `json:"labels"`
	Answers   []int         `json:"answers"` // of the least energies; −1 for none
	Correct   lesson.Floats `json:"correct"`
	Offending lesson.Floats `json:"offending"`
	Free      lesson.Floats `json:"free"`
	Beta      float64       `json:"beta"` // of the free energy
}

// energies answers with the energies of samples.
func (s *service) energies(w http.ResponseWriter, r *http.Request) error {
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"set", "epoch"}, nil)
	}
	if err != nil {
		return err
	}
	a, err := s.requested(r, params)
	if err != nil {
		return err
	}
	beta := 1.0
	if run, err := s.roster.one(r.PathValue("name")); err == nil {
		if v, err := strconv.ParseFloat(run.Settings["beta"], 64); err == nil && v > 0 && measure.Finite(v) {
			beta = v
		}
	}
	wire.WriteJSON(w, http.StatusOK, answerOfEnergies(a, beta))
	return nil
}

func answerOfEnergies(a request, beta float64) *energiesAnswer {
	said := a.said
	out := &energiesAnswer{Set: a.set, Epoch: a.epoch, Of: said.N, Names: said.Names, Beta: beta}
	n := min(said.N, shownMost)
	for j := range n {
		i := j * said.N / n
		out.Samples = append(out.Samples, i)
		out.Labels = append(out.Labels, said.Labels[i])
		out.Answers = append(out.Answers, said.Predicted[i])
		out.Correct = append(out.Correct, float32(said.Correct[i]))
		out.Offending = append(out.Offending, float32(said.Offending[i]))
		out.Free = append(out.Free, float32(freeEnergy(said.Row(i), beta)))
	}
	return out
}

// freeEnergy is −(1/β) log Σ exp(−βE).
func freeEnergy(row []float64, beta float64) float64 {
	least := math.Inf(1)
	for _, e := range row {
		least = min(least, e) // NaN stays
	}
	if !measure.Finite(least) {
		return least
	}
	sum := 0.0
	for _, e := range row {
		sum += math.Exp(-beta * (e - least))
	}
	return least - math.Log(sum)/beta
}

// sampleAnswer is a sample with the energies of all answers.
type sampleAnswer struct {
	Set       string           `json:"set"`
	Epoch     int              `json:"epoch"`
	Sample    int              `json:"sample"`
	Number    int              `json:"number"` // among all that the run evaluates on, or of its test set
	Label     int              `json:"label"`
	Answer    int              `json:"answer"` // −1 for none
	Correct   measure.Number   `json:"correct"`
	Offending measure.Number   `json:"offending"`
	Gap       measure.Number   `json:"gap"`
	Energies  []measure.Number `json:"energies"`
	Names     []string         `json:"names"`
	Course    []moment         `json:"course"` // along training, of watched samples
	Text      string           `json:"text,omitempty"`
}

// moment is a sample after an epoch.
type moment struct {
	Epoch     int            `json:"epoch"`
	Answer    int            `json:"answer"`
	Correct   measure.Number `json:"correct"`
	Offending measure.Number `json:"offending"`
}

// sample answers with one.
func (s *service) sample(w http.ResponseWriter, r *http.Request) error {
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"set", "epoch", "sample"}, nil)
	}
	if err != nil {
		return err
	}
	a, err := s.requested(r, params)
	if err != nil {
		return err
	}
	said := a.said
	i, err := number(params, "sample", said.N)
	if err != nil {
		return err
	}
	out := sampleAnswer{
		Set: a.set, Epoch: a.epoch, Sample: i, Number: i, Label: said.Labels[i], Answer: said.Predicted[i], Names: said.Names, Course: []moment{},
		Correct: measure.Number(said.Correct[i]), Offending: measure.Number(said.Offending[i]), Gap: measure.Number(said.Gap[i]),
	}
	for _, e := range said.Row(i) {
		out.Energies = append(out.Energies, measure.Number(e))
	}
	if a.record != nil {
		out.Number = a.record.Samples[i]
		if out.Course, err = course(a.record, i); err != nil {
			return err
		}
	}
	out.Text = s.textOf(r.Context(), a.dir, a.set, out.Number)
	wire.WriteJSON(w, http.StatusOK, out)
	return nil
}

// course is a sample along training.
func course(r *watch.Record, i int) (all []moment, err error) {
	k := r.Answers
	one := &watch.Record{Set: watch.Set{Answers: k, Labels: r.Labels[i : i+1], Names: r.Names}}
	for _, f := range r.Frames {
		s, err := surfaceOf(one, watch.Frame{Energies: f.Energies[i*k:][:k]})
		if err != nil {
			return nil, fmt.Errorf("epoch %d: %w", f.Epoch, err)
		}
		all = append(all, moment{f.Epoch, s.Predicted[0], measure.Number(s.Correct[0]), measure.Number(s.Offending[0])})
	}
	return all, nil
}

func energiesSchema() openapi.Schema {
	whole, floats := openapi.ListOf(openapi.Integer()), openapi.Text()
	return openapi.Object(map[string]openapi.Schema{
		"set": words(setNames), "epoch": openapi.Integer(), "of": openapi.Integer(), "names": openapi.ListOf(openapi.Text()), "samples": whole, "labels": whole, "answers": whole,
		"correct": floats, "offending": floats, "free": floats, "beta": openapi.Number(),
	}, "set", "epoch", "of", "names", "samples", "labels", "answers", "correct", "offending", "free", "beta")
}

func sampleSchema() openapi.Schema {
	number := openapi.OneOf(openapi.Number(), openapi.Text().With("enum", []any{"NaN", "Infinity", "-Infinity"}))
	at := openapi.Object(map[string]openapi.Schema{"epoch": openapi.Integer(), "answer": openapi.Integer(), "correct": number, "offending": number}, "epoch", "answer", "correct", "offending")
	return openapi.Object(map[string]openapi.Schema{
		"set": words(setNames), "epoch": openapi.Integer(), "sample": openapi.Integer(), "number": openapi.Integer(), "label": openapi.Integer(), "answer": openapi.Integer(),
		"correct": number, "offending": number, "gap": number, "energies": openapi.ListOf(number), "names": openapi.ListOf(openapi.Text()), "course": openapi.ListOf(at), "text": openapi.Text(),
	}, "set", "epoch", "sample", "number", "label", "answer", "correct", "offending", "gap", "energies", "names", "course")
}
