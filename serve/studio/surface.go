package studio

import (
	"net/http"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
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
	return s.computed([]serve.Route{
		{Pattern: "GET /v1/studio/surfaces", Do: s.surfaceList, Doc: openapi.Operation{ID: "surfaces", Summary: "The runs that have surfaces", Answers: answer("Their names.")}},
		{Pattern: "GET /v1/studio/changes/surfaces", Do: s.surfaceChanges, Stream: true, Doc: openapi.Operation{
			ID: "surfaceChanges", Summary: "The surfaces of runs while they are trained, as server-sent events",
			Description: `The event runs has the names of the runs that have surfaces, at first and when there are others. The event films has the films of a run that is followed, at first and when there is more of them: {"run", "live": whether more is to come, "collapsed": what the last epoch says, "films": [{"name", "id", "steps", "of", "alarm"}], "why": there are none}; a film with another id is another film.`,
			Parameters:  []openapi.Parameter{several}, Answers: stream("The events."), Refusals: []int{400, 422},
		}},
		{Pattern: "GET /v1/studio/surfaces/{name}", Do: s.filmList, Doc: openapi.Operation{
			ID: "films", Summary: "The surfaces of a run", Parameters: []openapi.Parameter{name}, Answers: answer("Each with its axes, data and steps."), Refusals: []int{404, 422},
		}},
		{Pattern: "GET /v1/studio/surfaces/{name}/frame", Doc: openapi.Operation{
			ID: "frame", Summary: "A surface at a step of training",
			Parameters: []openapi.Parameter{name, queryParam("film", "Its name.", openapi.Text()), queryParam("frame", "Its number.", openapi.Integer().With("minimum", 0))},
			Answers:    answer("Energies, as base64 of little-endian float32; what was drawn or inferred; ∂L/∂E at the data, and at rivals, x and y of each."), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "POST /v1/studio/surfaces/{name}/drift", Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "drift", Summary: "Chains of a sampler on a surface", Parameters: []openapi.Parameter{name}, Body: object,
			Answers: answer("Where the chains are after each move."), Refusals: []int{404},
		}},
	})
}

func (s *service) surfaceList(w http.ResponseWriter, _ *http.Request) error {
	with, err := s.withSurfaces()
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"runs": with})
	return nil
}

// filmsOf are the films of a run.
func (s *service) filmsOf(run string) ([]surface.Film, error) {
	all, _, err := s.filmsWithStates(run)
	return all, err
}

func (s *service) filmsWithStates(run string) ([]surface.Film, []filmState, error) {
	dir, err := s.dir(run)
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
	name := r.PathValue("name")
	all, states, err := s.filmsWithStates(name)
	if err != nil {
		return err
	}
	runs, err := s.roster.now()
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, answerOfFilms{shownFilms(all, states), standingOf(runs, name, states)})
	return nil
}

// answerOfFilms are the films of a run, and how it stands.
type answerOfFilms struct {
	Films []shownFilm `json:"films"`
	standing
}

func shownFilms(all []surface.Film, states []filmState) []shownFilm {
	list := []shownFilm{}
	for i := range all {
		list = append(list, shownFilm{all[i], all[i].X, all[i].Y, all[i].Data, states[i]})
	}
	return list
}
