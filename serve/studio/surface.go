package studio

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// surfaces are the routes of the view of surfaces.
func (s *service) surfaces() []serve.Route {
	object := openapi.Content{"application/json": {"type": "object"}}
	name := pathParam("name", "The run, percent-encoded; the slash of SWEEP/RUN is sent as %2F.")
	answer := func(text string) map[int]openapi.Answer {
		return map[int]openapi.Answer{200: {Description: text, Content: object}}
	}
	several := queryParam("run", "A run that is followed.", openapi.Text())
	several.Many = true
	return []serve.Route{
		{Pattern: "GET /v1/studio/surfaces", Do: s.surfaceList, Doc: openapi.Operation{ID: "surfaces", Summary: "The runs that have surfaces", Answers: answer("Their names.")}},
		{Pattern: "GET /v1/studio/changes/surfaces", Do: s.surfaceChanges, Stream: true, Doc: openapi.Operation{
			ID: "surfaceChanges", Summary: "The surfaces of runs while they are trained, as server-sent events",
			Description: `The event runs has the names of the runs that have surfaces, at first and when there are others. The event films has the films of a run that is followed, at first and when there is more of them: {"run", "live": whether more is to come, "collapsed": what the last epoch says, "films": [{"name", "id", "steps", "of", "alarm"}], "why": there are none}; a film with another id is another film.`,
			Parameters:  []openapi.Parameter{several}, Answers: stream("The events."), Refusals: []int{400, 422},
		}},
		{Pattern: "GET /v1/studio/surfaces/{name}", Do: s.filmList, Doc: openapi.Operation{
			ID: "films", Summary: "The surfaces of a run", Parameters: []openapi.Parameter{name}, Answers: answer("Each with its axes, data and steps."), Refusals: []int{404, 422},
		}},
		{Pattern: "GET /v1/studio/surfaces/{name}/frame", Do: s.frame, Doc: openapi.Operation{
			ID: "frame", Summary: "A surface at a step of training",
			Parameters: []openapi.Parameter{name, queryParam("film", "Its name.", openapi.Text()), queryParam("frame", "Its number.", openapi.Integer().With("minimum", 0))},
			Answers:    answer("Energies, as base64 of little-endian float32; what was drawn or inferred; ∂L/∂E at the data, and at rivals, x and y of each."), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "POST /v1/studio/surfaces/{name}/drift", Do: s.drift, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "drift", Summary: "Chains of a sampler on a surface", Parameters: []openapi.Parameter{name}, Body: object,
			Answers: answer("Where the chains are after each move."), Refusals: []int{404},
		}},
	}
}

func (s *service) surfaceList(w http.ResponseWriter, _ *http.Request) error {
	with, err := s.withSurfaces()
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"runs": with})
	return nil
}

// filmsOf are the films of the run that a request names.
func (s *service) filmsOf(r *http.Request) ([]surface.Film, []filmState, error) {
	dir, err := s.dir(r.PathValue("name"))
	if err != nil {
		return nil, nil, err
	}
	return s.films.of(dir)
}

// shownFilm is a film without its frames.
type shownFilm struct {
	surface.Film
	X    []float64    `json:"x"`
	Y    []float64    `json:"y"`
	Data [][2]float64 `json:"data"`
	filmState
}

func (s *service) filmList(w http.ResponseWriter, r *http.Request) error {
	all, states, err := s.filmsOf(r)
	if err != nil {
		return err
	}
	runs, err := s.roster.now()
	if err != nil {
		return err
	}
	list := []shownFilm{}
	for i := range all {
		list = append(list, shownFilm{all[i], all[i].X, all[i].Y, all[i].Data, states[i]})
	}
	wire.WriteJSON(w, http.StatusOK, struct {
		Films []shownFilm `json:"films"`
		standing
	}{list, standingOf(runs, r.PathValue("name"), states)})
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
	all, _, err := s.filmsOf(r)
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
		"down": lesson.Floats(frame.Down), "rivals": flattened(frame.Rivals), "up": lesson.Floats(frame.Up),
		"spread": measure.Number(f.Spread(k)), "kept": measure.Number(f.Kept(k)), "alarm": f.AlarmAt(k),
	})
	return nil
}

// flattened are places, x and y of each.
func flattened(places [][2]float64) lesson.Floats {
	all := make(lesson.Floats, 0, 2*len(places))
	for _, p := range places {
		all = append(all, float32(p[0]), float32(p[1]))
	}
	return all
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
	all, _, err := s.filmsOf(r)
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
