package studio

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train"
)

// oneRun are the routes of the view of one run.
func (s *service) oneRun() []serve.Route {
	name := pathParam("name", "The run, percent-encoded; the slash of SWEEP/RUN is sent as %2F.")
	set := queryParam("set", "Which samples: watched, of which the energies after epochs are kept, or test.", words(setNames))
	epoch := queryParam("epoch", "After which epoch, for watched samples; 0 is before training.", openapi.Integer().With("minimum", 0))
	sample := queryParam("sample", "The number of a sample in its set.", openapi.Integer().With("minimum", 0))
	picture := func(kinds ...string) map[int]openapi.Answer {
		content := openapi.Content{}
		for _, kind := range kinds {
			content[kind] = openapi.Bytes()
		}
		return map[int]openapi.Answer{200: {Description: "The file.", Content: content}}
	}
	return []serve.Route{
		{Pattern: "GET /v1/studio/runs/{name}", Do: s.detail, Doc: openapi.Operation{
			ID: "run", Summary: "A run", Description: "What the list has of it, and what its folder holds besides.", Parameters: []openapi.Parameter{name},
			Answers: one("The run.", detailSchema()), Refusals: []int{404},
		}},
		{Pattern: "GET /v1/studio/runs/{name}/energies", Do: s.energies, Doc: openapi.Operation{
			ID: "energies", Summary: "The energies of samples of a run", Description: "Numbers are base64 of little-endian float32. Of a large set, samples at equal distances.",
			Parameters: []openapi.Parameter{name, set, epoch}, Answers: one("Of each sample the energies of the correct and of the most offending answer, and the free energy.", energiesSchema()), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/runs/{name}/sample", Do: s.sample, Doc: openapi.Operation{
			ID: "sample", Summary: "A sample of a run, with the energies of all answers", Parameters: []openapi.Parameter{name, set, epoch, sample},
			Answers: one("The sample.", sampleSchema()), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/runs/{name}/shown", Do: s.shown, Doc: openapi.Operation{
			ID: "shown", Summary: "Whether the samples of a run can be shown", Description: "The first request has the run's data read again.", Parameters: []openapi.Parameter{name},
			Answers: one("They are ready, or being read, or why they cannot be shown.", openapi.Object(map[string]openapi.Schema{"ready": openapi.Bool(), "texts": openapi.Bool(), "why": openapi.Text()}, "ready", "texts")), Refusals: []int{404},
		}},
		{Pattern: "GET /v1/studio/runs/{name}/picture", Do: s.picture, Doc: openapi.Operation{
			ID: "picture", Summary: "The picture of a sample", Parameters: []openapi.Parameter{name, set, sample}, Answers: picture("image/png"), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/runs/{name}/plots/{file}", Do: s.plot, Doc: openapi.Operation{
			ID: "plot", Summary: "A picture of the run's report", Parameters: []openapi.Parameter{name, pathParam("file", "As the run's detail lists it.")},
			Answers: picture("image/png", "image/svg+xml"), Refusals: []int{404},
		}},
		{Pattern: "GET /v1/studio/runs/{name}/report", Do: s.report, Doc: openapi.Operation{
			ID: "report", Summary: "The page that the run has left", Parameters: []openapi.Parameter{name}, Answers: picture("text/html"), Refusals: []int{404},
		}},
	}
}

// detail is what the view of a run shows before it asks for samples.
type detail struct {
	answerOfRuns
	Verdict string          `json:"verdict"`
	Formula string          `json:"formula,omitempty"` // of the functional
	Margin  *float64        `json:"margin,omitempty"`  // that it asks for
	Terms   *train.Terms    `json:"terms,omitempty"`   // what the energies are of
	Tables  []measure.Table `json:"tables"`
	Remarks []string        `json:"remarks"` // of the job, on its data
	Sets    []setDetail     `json:"sets"`    // of samples whose energies are kept
	Sheets  []sheetDetail   `json:"sheets"`
	Plots   []string        `json:"plots"`
	Report  bool            `json:"report"` // there is a page

	Surfaces bool `json:"surfaces"` // the view of surfaces shows some
}

// setDetail is a set of samples.
type setDetail struct {
	Name    string `json:"name"`
	Samples int    `json:"samples"`
	Epochs  []int  `json:"epochs"` // of watched ones, after which they were looked at
	Why     string `json:"why,omitempty"`
}

// detail answers with a run.
func (s *service) detail(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	dir, err := s.dir(name)
	if err != nil {
		return err
	}
	run, err := s.roster.one(name)
	if err != nil {
		return err
	}
	d := detail{answerOfRuns: answerOf([]*summary{run}), Tables: []measure.Table{}, Remarks: remarks(dir), Sets: s.sets(r.Context(), dir)}
	d.measured(dir)
	settings := report.Run{}
	for key, value := range run.Settings {
		settings.Config = append(settings.Config, report.Setting{Key: key, Value: value})
	}
	if f, ok := settings.Functional(); ok {
		d.Formula = f.Formula
	}
	if m, ok := settings.Margin(); ok {
		d.Margin = &m
	}
	d.Sheets, d.Plots, d.Report = left(dir)
	d.Surfaces = surface.Has(dir)
	wire.WriteJSON(w, http.StatusOK, d)
	return nil
}

// measured takes what the result says, or the last epoch.
func (d *detail) measured(dir string) {
	if text, err := readSmall(filepath.Join(dir, report.ResultFile)); err == nil {
		if result, err := report.ParseResult(text); err == nil {
			d.Verdict, d.Terms = result.Verdict, &result.Energy.Terms
			d.Tables = append(d.Tables, result.Tables...)
			return
		}
	}
	var end ending
	if err := end.read(filepath.Join(dir, train.LogFile)); err == nil && end.epoch != nil { // the summary tells of what cannot be read
		d.Verdict, d.Terms = end.epoch.Verdict, &end.epoch.Terms
	}
}

// remarksFile is where a job writes what its data has chosen, and what is odd about it.
const remarksFile = "notes.json"

// remarks are those of the job of a run; a file that is no list of sentences has none.
func remarks(dir string) (all []string) {
	if text, err := readSmall(filepath.Join(dir, remarksFile)); err == nil && json.Unmarshal(text, &all) == nil && all != nil {
		return all
	}
	return []string{}
}

// The sets of samples whose energies a run's folder has.
const (
	setWatched = "watched"
	setTest    = "test"
)

var setNames = []string{setWatched, setTest}

// sets are those that a run's folder has.
func (s *service) sets(ctx context.Context, dir string) []setDetail {
	all := []setDetail{}
	add := func(name string, read func(d *setDetail) error) {
		d := setDetail{Name: name, Epochs: []int{}}
		switch err := read(&d); {
		case errors.Is(err, fs.ErrNotExist):
			return
		case err != nil:
			d.Why = err.Error()
		}
		all = append(all, d)
	}
	add(setWatched, func(d *setDetail) error {
		record, err := s.store.watched(ctx, dir)
		if err == nil {
			d.Samples = len(record.Labels)
			for _, f := range record.Frames {
				d.Epochs = append(d.Epochs, f.Epoch)
			}
		}
		return err
	})
	add(setTest, func(d *setDetail) error {
		test, err := s.store.test(ctx, dir)
		if err == nil {
			d.Samples = test.N
		}
		return err
	})
	return all
}

// request are the samples that a request names: a set, after an epoch where it is watched.
type request struct {
	dir, set string
	epoch    int
	said     *report.Surface
	record   *watch.Record // nil of the test set
}

// requested reads what a request names.
func (s *service) requested(r *http.Request, params url.Values) (a request, err error) {
	if a.dir, err = s.dir(r.PathValue("name")); err != nil {
		return a, err
	}
	if a.set = params.Get("set"); a.set == "" {
		a.set = setTest
	}
	if err := oneOf("set", a.set, setNames); err != nil {
		return a, err
	}
	text := params.Get("epoch")
	if a.set == setTest {
		if text != "" {
			return a, wire.Invalid("epoch", "epoch is %.40q; energies of the test set are measured at the end alone", text)
		}
		a.said, err = s.store.test(r.Context(), a.dir)
	} else {
		a.record, err = s.store.watched(r.Context(), a.dir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a, wire.Absent("the run has no energies of %s samples", a.set)
	case err != nil || a.set == setTest:
		return a, err
	}
	if a.epoch, err = strconv.Atoi(text); err != nil {
		return a, wire.Invalid("epoch", "epoch is %.40q; want the number of one", text)
	}
	for _, f := range a.record.Frames {
		if f.Epoch == a.epoch {
			a.said, err = surfaceOf(a.record, f)
			return a, err
		}
	}
	return a, wire.Absent("the run has no energies after epoch %d", a.epoch)
}

// number is a parameter that is a number below a bound.
func number(params url.Values, name string, below int) (int, error) {
	n, err := strconv.Atoi(params.Get(name))
	if err != nil || n < 0 || n >= below {
		return 0, wire.Invalid(name, "%s is %.40q; it must be from 0 to %d", name, params.Get(name), below-1)
	}
	return n, nil
}

// stampOfFile is the size and the time of a file.
func stampOfFile(path string) (fileStamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}, err
	}
	return fileStamp{info.Size(), info.ModTime()}, nil
}

func detailSchema() openapi.Schema {
	texts := openapi.ListOf(openapi.Text())
	set := openapi.Object(map[string]openapi.Schema{"name": words(setNames), "samples": openapi.Integer(), "epochs": openapi.ListOf(openapi.Integer()), "why": openapi.Text()}, "name", "samples", "epochs")
	sheet := openapi.Object(map[string]openapi.Schema{"title": openapi.Text(), "note": openapi.Text(), "file": openapi.Text()}, "title", "note", "file")
	members, required := runsMembers()
	maps.Copy(members, map[string]openapi.Schema{
		"verdict": openapi.Text(), "formula": openapi.Text(), "margin": openapi.Number(), "terms": {"type": "object"}, "tables": openapi.ListOf(openapi.Schema{"type": "object"}),
		"remarks": texts, "sets": openapi.ListOf(set), "sheets": openapi.ListOf(sheet), "plots": texts, "report": openapi.Bool(), "surfaces": openapi.Bool(),
	})
	return openapi.Object(members, append(required, "verdict", "tables", "remarks", "sets", "sheets", "plots", "report", "surfaces")...)
}
