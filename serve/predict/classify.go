package predict

import (
	"context"
	"image"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// classifier is one that is served.
type classifier struct {
	*classify.Classifier
	name     string
	pictures *serve.Pictures
	queue    *serve.Batcher[image.Image, []float32]
}

// PutClassifier has a classifier answer by a name, once it is warmed up, which wait waits for: shelf.Shelf.Put. Of the queue, Items, Calls and Wait count; Calls are the model's places.
// Errors: those of serve.Queue.Check and shelf.Shelf.Put; pictures that the server's memory has no room for.
func (s *Service) PutClassifier(name string, c *classify.Classifier, queue serve.Queue) (wait func() error, err error) {
	m := &classifier{Classifier: c, name: name}
	if queue, err = s.queue(name, queue); err != nil {
		return nil, err
	}
	if m.pictures, err = s.server.Pictures(c.Size, min(queue.Items, decodedTogether)); err != nil {
		return nil, err
	}
	m.queue = serve.NewQueued(queue, m.energies)
	return put(s.classifiers, name, m, queue.Calls, m.warm, m.queue.Close)
}

// energies is the work of the queue.
func (m *classifier) energies(pictures []image.Image) ([][]float32, error) {
	k := len(m.Classes)
	all := make([]float32, len(pictures)*k)
	if err := m.Energies(all, pictures); err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(all, k)), nil
}

func (m *classifier) warm(ctx context.Context) error {
	_, err := m.queue.Do(ctx, nil, image.Image(image.NewGray(image.Rect(0, 0, m.Size.X, m.Size.Y))))
	return err
}

// pictured is a request to classify.
type pictured struct {
	model *string
	top   *int // classes of an answer
	files []serve.File
}

// decodedTogether are the pictures of a request that are decoded at a time at most: their memory is held while they wait.
const decodedTogether = 32

// defaultTop are the classes of an answer where a request does not say how many.
const defaultTop = 5

// readPictures reads a request with at most most pictures.
func readPictures(r *http.Request, most int) (*pictured, error) {
	b, err := wire.Read(r)
	if err != nil {
		return nil, err
	}
	q := &pictured{}
	if b.JSON != nil {
		return q, q.decode(b.JSON, most)
	}
	if err := wire.Known(b.Params, []string{"model", "top"}, nil); err != nil {
		return nil, err
	}
	q.model = param(b.Params, "model")
	if text := param(b.Params, "top"); text != nil {
		n, err := strconv.Atoi(*text)
		if err != nil {
			return nil, wire.Malformed("top", "top is %.40q; it must be an integer", *text)
		}
		q.top = &n
	}
	if b.Picture == nil {
		return nil, wire.Invalid("image", "there is no picture: the form has no part image")
	}
	q.files = []serve.File{{Bytes: b.Picture}}
	return q, nil
}

// decode reads a request in JSON.
func (q *pictured) decode(text []byte, most int) error {
	var one *[]byte
	var many *[][]byte
	err := wire.Decode(text, wire.Object(map[string]wire.Reader{
		"model": wire.Optional(&q.model, wire.Text),
		"top":   wire.Optional(&q.top, wire.Integer),
		"image": wire.Optional(&one, wire.Picture),
		"images": wire.Optional(&many, func(v *[][]byte) wire.Reader {
			return wire.Elements(v, most, wire.Picture)
		}),
	}))
	switch {
	case err != nil:
		return err
	case (one == nil) == (many == nil):
		return wire.Invalid("", "there must be either image or images")
	case one != nil:
		q.files = []serve.File{{Bytes: *one}}
		return nil
	case len(*many) == 0:
		return wire.Invalid("images", "images is empty; there must be a picture")
	}
	for i, file := range *many {
		q.files = append(q.files, serve.File{Bytes: file, Place: "images[" + strconv.Itoa(i) + "]"})
	}
	return nil
}

// classified is an answer to pictures.
type classified struct {
	Model   string `json:"model"`
	Answers []said `json:"answers"`
	// Beta is that of the free energies and, unless Unscaled says why there are none, of the probabilities.
	Beta      float64  `json:"beta"`
	Unscaled  string   `json:"no_probabilities,omitempty"`
	Threshold *float64 `json:"threshold"` // of free energies; null where none is known
}

// said is what is said of a picture.
type said struct {
	Label      string  `json:"label"`
	Gap        float64 `json:"gap"`
	Classes    []class `json:"classes"` // of the least energies, the least first
	FreeEnergy float64 `json:"free_energy"`
	Foreign    *bool   `json:"foreign"` // whether the free energy is above the threshold; null without one
}

type class struct {
	Label       string   `json:"label"`
	Class       int      `json:"class"` // its place in the energies
	Energy      float32  `json:"energy"`
	Probability *float64 `json:"probability,omitempty"`
}

// say makes an answer of energies.
func (m *classifier) say(energies []float32, top int) said {
	answer := classify.AnswerOf(energies)
	a := said{Label: m.Classes[answer.Class], Gap: answer.Gap, FreeEnergy: m.FreeEnergy(energies)}
	if !math.IsNaN(m.Threshold) {
		foreign := a.FreeEnergy > m.Threshold
		a.Foreign = &foreign
	}
	order := make([]int, len(energies))
	for y := range order {
		order[y] = y
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case energies[i] < energies[j]:
			return -1
		case energies[i] > energies[j]:
			return 1
		}
		return 0
	})
	p := m.Probabilities(energies)
	for _, y := range order[:min(top, len(order))] {
		c := class{Label: m.Classes[y], Class: y, Energy: energies[y]}
		if p != nil {
			c.Probability = &p[y]
		}
		a.Classes = append(a.Classes, c)
	}
	return a
}

// classify answers POST /v1/classify.
func (s *Service) classify(w http.ResponseWriter, r *http.Request) error {
	q, err := readPictures(r, s.o.Items)
	if err != nil {
		return err
	}
	top := defaultTop
	if q.top != nil {
		top = *q.top
	}
	if top < 1 {
		return wire.Invalid("top", "top is %d; it must be above 0", top)
	}
	held, err := take(r, s.classifiers, q.model)
	if err != nil {
		return err
	}
	defer held.Done()
	m := held.Model
	energies, err := serve.Through(r.Context(), m.pictures, m.queue, q.files)
	if err != nil {
		return err
	}
	held.Leave()
	a := classified{Model: m.name, Beta: m.Beta, Unscaled: m.Unscaled}
	if a.Beta == 0 {
		a.Beta = 1
	}
	if !math.IsNaN(m.Threshold) {
		a.Threshold = &m.Threshold
	}
	for _, e := range energies {
		a.Answers = append(a.Answers, m.say(e, top))
	}
	wire.WriteJSON(w, http.StatusOK, a)
	return nil
}
