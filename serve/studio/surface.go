package studio

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// filmsMost is how many runs' films are kept in memory, and filmBytes the largest file of them that is read.
const (
	filmsMost = 4
	filmBytes = 256 << 20
)

// films are those of the runs that were looked at last, the latest first.
type films struct {
	mu   sync.Mutex
	kept []keptFilms
}

type keptFilms struct {
	path  string
	time  time.Time
	size  int64
	films []surface.Film
}

// of reads the films of a run's folder.
func (k *films) of(dir string) ([]surface.Film, error) {
	path := filepath.Join(dir, surface.File)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wire.Absent("the run has no surfaces: the jobs parabola, toy2d, generate and jem record them, and write them when they end")
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > filmBytes {
		return nil, wire.Invalid("run", "its surfaces have %d bytes; at most %d are read", info.Size(), filmBytes)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, c := range k.kept {
		if c.path == path && c.size == info.Size() && c.time.Equal(info.ModTime()) {
			copy(k.kept[1:], k.kept[:i])
			k.kept[0] = c
			return c.films, nil
		}
	}
	all, err := surface.Read(dir)
	if err != nil {
		return nil, wire.Invalid("run", "its surfaces cannot be read: %v", err)
	}
	k.kept = append([]keptFilms{{path, info.ModTime(), info.Size(), all}}, k.kept[:min(len(k.kept), filmsMost-1)]...)
	return all, nil
}

// surfaces are the routes of the view of surfaces.
func (s *service) surfaces() []serve.Route {
	object := openapi.Content{"application/json": {"type": "object"}}
	name := pathParam("name", "The run, percent-encoded; the slash of SWEEP/RUN is sent as %2F.")
	answer := func(text string) map[int]openapi.Answer {
		return map[int]openapi.Answer{200: {Description: text, Content: object}}
	}
	return []serve.Route{
		{Pattern: "GET /v1/studio/surfaces", Do: s.surfaceList, Doc: openapi.Operation{ID: "surfaces", Summary: "The runs that have surfaces", Answers: answer("Their names.")}},
		{Pattern: "GET /v1/studio/surfaces/{name}", Do: s.filmList, Doc: openapi.Operation{
			ID: "films", Summary: "The surfaces of a run", Parameters: []openapi.Parameter{name}, Answers: answer("Each with its axes, data and steps."), Refusals: []int{404, 422},
		}},
		{Pattern: "GET /v1/studio/surfaces/{name}/frame", Do: s.frame, Doc: openapi.Operation{
			ID: "frame", Summary: "A surface at a step of training",
			Parameters: []openapi.Parameter{name, queryParam("film", "Its name.", openapi.Text()), queryParam("frame", "Its number.", openapi.Integer().With("minimum", 0))},
			Answers:    answer("Energies, as base64 of little-endian float32, and what was drawn or inferred."), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "POST /v1/studio/surfaces/{name}/drift", Do: s.drift, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "drift", Summary: "Chains of a sampler on a surface", Parameters: []openapi.Parameter{name}, Body: object,
			Answers: answer("Where the chains are after each move."), Refusals: []int{404},
		}},
	}
}

func (s *service) surfaceList(w http.ResponseWriter, _ *http.Request) error {
	all, err := names(s.o.Folder)
	if err != nil {
		return err
	}
	with := []string{}
	for _, name := range all {
		if _, err := os.Stat(filepath.Join(s.o.Folder, filepath.FromSlash(name), surface.File)); err == nil {
			with = append(with, name)
		}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"runs": with})
	return nil
}

// filmsOf are the films of the run that a request names.
func (s *service) filmsOf(r *http.Request) ([]surface.Film, error) {
	dir, err := s.dir(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return s.films.of(dir)
}

// shownFilm is a film without its frames.
type shownFilm struct {
	surface.Film
	X     []float64    `json:"x"`
	Y     []float64    `json:"y"`
	Data  [][2]float64 `json:"data"`
	Steps []int        `json:"steps"` // of the frames
	Alarm string       `json:"alarm,omitempty"`
}

func (s *service) filmList(w http.ResponseWriter, r *http.Request) error {
	all, err := s.filmsOf(r)
	if err != nil {
		return err
	}
	list := []shownFilm{}
	for i := range all {
		f := shownFilm{Film: all[i], X: all[i].X, Y: all[i].Y, Data: all[i].Data, Alarm: all[i].Alarm()}
		for _, frame := range all[i].Frames {
			f.Steps = append(f.Steps, frame.Step)
		}
		list = append(list, f)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"films": list})
	return nil
}

// filmNamed is a film by its name.
func filmNamed(all []surface.Film, name string) (*surface.Film, error) {
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, wire.Absent("the run has no surface %q", name)
}

func (s *service) frame(w http.ResponseWriter, r *http.Request) error {
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"film", "frame"}, nil)
	}
	if err != nil {
		return err
	}
	all, err := s.filmsOf(r)
	if err != nil {
		return err
	}
	f, k, err := frameOf(all, params)
	if err != nil {
		return err
	}
	frame := &f.Frames[k]
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"step": frame.Step, "energy": lesson.Floats(frame.Energy), "points": frame.Points, "correct": lesson.Floats(frame.Correct), "other": lesson.Floats(frame.Other),
		"spread": measure.Number(f.Spread(k)), "kept": measure.Number(f.Kept(k)),
	})
	return nil
}

// frameOf is a film and the number of one of its frames.
func frameOf(all []surface.Film, params url.Values) (*surface.Film, int, error) {
	f, err := filmNamed(all, params.Get("film"))
	if err != nil {
		return nil, 0, err
	}
	k, err := strconv.Atoi(params.Get("frame"))
	if err != nil || k < 0 || k >= len(f.Frames) {
		return nil, 0, wire.Invalid("frame", "frame is %q; it must be from 0 to %d", params.Get("frame"), len(f.Frames)-1)
	}
	return f, k, nil
}

// driftMost bounds the places that an answer has.
const driftMost = 100000

func (s *service) drift(w http.ResponseWriter, r *http.Request) error {
	var film string
	var frame, moves int
	var chains lesson.Chains
	var start [][2]float64
	err := read(r, wire.Object(map[string]wire.Reader{
		"film": wire.Text(&film), "frame": wire.Integer(&frame), "moves": wire.Integer(&moves), "chains": chainsOf(&chains), "start": wire.Elements(&start, pointMost, pointOf),
	}))
	if err != nil {
		return err
	}
	if moves < 0 || moves*len(start) > driftMost {
		return wire.Invalid("moves", "moves is %d for %d chains; together at most %d places are sent", moves, len(start), driftMost)
	}
	all, err := s.filmsOf(r)
	if err != nil {
		return err
	}
	f, err := filmNamed(all, film)
	if err != nil {
		return err
	}
	places, err := lesson.Drift(f, frame, chains, start, moves)
	if err != nil {
		return wire.Invalid("", "%v", err)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"places": places})
	return nil
}
