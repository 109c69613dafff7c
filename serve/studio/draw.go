package studio

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"math"
	"net/http"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// drawnMost is how many runs say something of a drawing at a time.
const drawnMost = modelsMost

// drawing is what the view of drawings opens of runs.
type drawing struct {
	classifiers *models[*classify.Classifier]
	energies    *models[*jobs.PictureEnergy]
	chains      chains
}

func newDrawing(base context.Context, all []job.Job) *drawing {
	return &drawing{
		classifiers: newModels(base, func(ctx context.Context, dir string) (*classify.Classifier, error) {
			return jobs.OpenClassifier(ctx, dir, all, job.Env{})
		}),
		energies: newModels(base, func(ctx context.Context, dir string) (*jobs.PictureEnergy, error) {
			return jobs.OpenPictureEnergy(ctx, dir, all, job.Env{})
		}),
	}
}

func (d *drawing) close() {
	d.classifiers.close()
	d.energies.close()
}

// draw are the routes of the view of drawings.
func (s *service) draw() []serve.Route {
	object := openapi.Content{"application/json": {"type": "object"}}
	id := []openapi.Parameter{pathParam("id", "That of the chains.")}
	return []serve.Route{
		{Pattern: "GET /v1/studio/draw", Do: s.drawable, Doc: openapi.Operation{
			ID: "drawable", Summary: "The finished runs that say something of a grey picture, or draw ones",
			Answers: one("Their names, jobs, what they were trained by, whether they tell labels, and whether chains draw by them.", openapi.Schema{"type": "object"}),
		}},
		{Pattern: "POST /v1/studio/draw/energies", Do: s.drawn, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "drawnEnergies", Summary: "What runs say of a picture", Body: object, Refusals: []int{404},
			Description: "runs are names, image a picture in base64. Probabilities are null where the loss leaves the scale of the energies open, and foreign where there is no threshold.",
			Answers:     one("The energies of the labels, for each run, with the picture as its network sees it.", openapi.Schema{"type": "object"}),
		}},
		{Pattern: "POST /v1/studio/draw/chains", Do: s.newChains, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "newChains", Summary: "Chains of pictures that move down a run's energy", Body: object, Refusals: []int{404},
			Description: "They start from image, or without from noise. label -1 is the energy with the labels summed out.",
			Answers:     one("Their identifier, size, and first frame.", openapi.Schema{"type": "object"}),
		}},
		{Pattern: "POST /v1/studio/draw/chains/{id}", Do: s.changeChains, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "changeChains", Summary: "Change the step and the temperature of chains, also while they move", Parameters: id, Body: object, Refusals: []int{404},
			Answers: one("They are changed.", openapi.Schema{"type": "object"}),
		}},
		{Pattern: "GET /v1/studio/draw/chains/{id}/frames", Do: s.chainFrames, Stream: true, Doc: openapi.Operation{
			ID: "chainFrames", Summary: "Move chains, as server-sent events", Refusals: []int{400, 404, 422},
			Description: "The event frame has their step, energies and pictures, bytes in base64; done comes last.",
			Parameters: append(id,
				queryParam("until", "The step up to which they move.", openapi.Integer().With("minimum", 1, "maximum", chainSteps)),
				queryParam("every", "How many steps are between two frames.", openapi.Integer().With("minimum", 1, "maximum", frameSteps))),
			Answers: stream("The frames."),
		}},
		{Pattern: "DELETE /v1/studio/draw/chains/{id}", Do: s.endChains, Doc: openapi.Operation{
			ID: "endChains", Summary: "End chains", Parameters: id, Answers: one("They are ended, or were.", openapi.Schema{"type": "object"}),
		}},
	}
}

// drawable is a run that says something of grey pictures.
type drawable struct {
	Name  string `json:"name"`
	Job   string `json:"job"`
	By    string `json:"by"`    // the functional or loss that trained it
	Tells bool   `json:"tells"` // energies of labels
	Draws bool   `json:"draws"` // chains move down its energy
	// Labels are known of runs of pictures before they are opened.
	Labels []string `json:"labels,omitempty"`
}

// drawableOf tells what a run of the folder says of grey pictures; ok is false where it is not finished, or says nothing.
func (s *service) drawableOf(name, dir string) (d drawable, ok bool) {
	if _, err := os.Stat(filepath.Join(dir, report.ResultFile)); err != nil {
		return d, false
	}
	j, spec, err := job.ReadConfig(dir, s.o.Jobs)
	if err != nil {
		return d, false
	}
	d.Name, d.Job = name, j.Name
	d.Tells, d.Draws = jobs.PictureUses(dir, spec)
	if _, ok := spec.(*jobs.Pictures); ok && d.Tells {
		card, err := classify.ReadSpec(dir)
		if err != nil {
			return d, false
		}
		d.Labels = card.Classes
	}
	return d, d.Tells || d.Draws
}

func (s *service) drawable(w http.ResponseWriter, _ *http.Request) error {
	all, err := s.roster.now()
	if err != nil {
		return err
	}
	list := []drawable{}
	for _, r := range all {
		d, ok := s.drawableOf(r.Name, filepath.Join(s.o.Folder, filepath.FromSlash(r.Name)))
		if !ok {
			continue
		}
		if d.Tells && d.Job != "jem" {
			d.By = cmp.Or(r.Settings["loss"], r.Settings["functional"])
		}
		list = append(list, d)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"runs": list})
	return nil
}

// drawableAt finds a run that a request names in a field.
func (s *service) drawableAt(field, name string) (dir string, d drawable, err error) {
	if dir, err = s.dir(name); err != nil {
		return "", d, err
	}
	d, ok := s.drawableOf(name, dir)
	if !ok {
		return "", d, wire.Invalid(field, "%s is %q, which says nothing of grey pictures, or is not finished; finished runs of digits, jem, generate, rbm and pictures do", field, name)
	}
	return dir, d, nil
}

// said is what a run says of a picture.
type said struct {
	Run           string    `json:"run"`
	Labels        []string  `json:"labels"` // empty where there is one energy alone, the free one
	Energies      []float32 `json:"energies"`
	Probabilities []float64 `json:"probabilities"` // null where Unscaled says why
	Unscaled      string    `json:"no_probabilities,omitempty"`
	FreeEnergy    float64   `json:"free_energy"`
	Label         string    `json:"label,omitempty"` // of the least energy
	Gap           float64   `json:"gap"`             // how much higher the second is
	Threshold     *float64  `json:"threshold"`       // of free energies; null where none is known
	Foreign       *bool     `json:"foreign"`         // whether the free energy is above it
	Width         int       `json:"width"`
	Height        int       `json:"height"`
	Seen          []byte    `json:"seen"` // the pixels as the network takes them
}

func (s *service) drawn(w http.ResponseWriter, r *http.Request) error {
	var names []string
	var file []byte
	err := read(r, wire.Object(map[string]wire.Reader{"runs": wire.Texts(&names, drawnMost), "image": wire.Picture(&file)}))
	if err != nil {
		return err
	}
	switch {
	case len(names) == 0:
		return wire.Invalid("runs", "runs is empty; it must name a run")
	case file == nil:
		return wire.Invalid("image", "there is no image")
	}
	answers := make([]said, len(names))
	for i, name := range names {
		field := fmt.Sprintf("runs[%d]", i)
		dir, d, err := s.drawableAt(field, name)
		if err != nil {
			return err
		}
		if d.Tells {
			answers[i], err = s.classify(r.Context(), field, dir, file)
		} else {
			answers[i], err = s.weigh(r.Context(), field, dir, file)
		}
		if err != nil {
			return err
		}
		answers[i].Run = name
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"answers": answers})
	return nil
}

// fitted decodes a picture for a network.
func (s *service) fitted(ctx context.Context, size image.Point, file []byte, use func(image.Image)) error {
	p, err := s.Pictures(size, 1)
	if err != nil {
		return err
	}
	all, free, err := p.Fitted(ctx, []serve.File{{Bytes: file}})
	if err != nil {
		return err
	}
	defer free()
	use(all[0])
	return nil
}

// opened says what a client is told of a run that cannot be opened.
func opened(ctx context.Context, field string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return wire.Invalid(field, "the run cannot be opened: %v", err)
}

// classify is what a classifier says of a picture.
func (s *service) classify(ctx context.Context, field, dir string, file []byte) (a said, err error) {
	m, err := s.drawing.classifiers.get(ctx, dir)
	if err != nil {
		return a, opened(ctx, field, err)
	}
	m.using.Lock()
	defer m.using.Unlock()
	c := m.it
	a = said{Labels: c.Classes, Energies: make([]float32, len(c.Classes)), Unscaled: c.Unscaled, Width: c.Size.X, Height: c.Size.Y, Seen: make([]byte, c.Size.X*c.Size.Y)}
	var failed error
	err = s.fitted(ctx, c.Size, file, func(picture image.Image) {
		c.Fit(a.Seen, picture)
		failed = c.Energies(a.Energies, []image.Image{picture})
	})
	if err != nil {
		return a, err
	}
	if failed != nil {
		return a, wire.Invalid(field, "the run's energies of the picture are of no use: %v", failed)
	}
	answer := classify.AnswerOf(a.Energies)
	a.Label, a.Gap, a.FreeEnergy, a.Probabilities = c.Classes[answer.Class], answer.Gap, c.FreeEnergy(a.Energies), c.Probabilities(a.Energies)
	if !math.IsNaN(c.Threshold) {
		foreign := a.FreeEnergy > c.Threshold
		a.Threshold, a.Foreign = &c.Threshold, &foreign
	}
	return a, nil
}

// weigh is what the energy of a run without labels says of a picture.
func (s *service) weigh(ctx context.Context, field, dir string, file []byte) (a said, err error) {
	m, err := s.drawing.energies.get(ctx, dir)
	if err != nil {
		return a, opened(ctx, field, err)
	}
	m.using.Lock()
	defer m.using.Unlock()
	pixels, err := s.pixels(ctx, m.it, file)
	if err != nil {
		return a, err
	}
	free := make([]float64, 1)
	m.it.Energies(free, pixels)
	if !measure.Finite(free[0]) {
		return a, wire.Invalid(field, "the run's energy of the picture is not finite: its weights are of no use")
	}
	return said{Labels: []string{}, Energies: []float32{}, FreeEnergy: free[0], Width: m.it.W, Height: m.it.H, Seen: bytesOf(pixels)}, nil
}

// pixels are those of a picture as an energy takes them.
func (s *service) pixels(ctx context.Context, e *jobs.PictureEnergy, file []byte) ([]float32, error) {
	pixels := make([]float32, e.W*e.H)
	return pixels, s.fitted(ctx, image.Pt(e.W, e.H), file, func(picture image.Image) { e.Fit(pixels, picture) })
}

// bytesOf are pixels in [0, 1] as bytes.
func bytesOf(pixels []float32) []byte {
	out := make([]byte, len(pixels))
	for i, v := range pixels {
		out[i] = byte(math.Round(255 * float64(min(max(v, 0), 1))))
	}
	return out
}
