package studio

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// planeSide is the number of energies of either axis of a functional's plane.
const planeSide = 61

// losses are the routes of the view of losses.
func (s *service) losses() []serve.Route {
	number, text := openapi.Number(), openapi.Text()
	name := pathParam("name", "The loss, as the list has it.")
	option := queryParam("option", "An option and its value, NAME=VALUE.", text)
	option.Many = true
	at := queryParam("at", "A point, X,Y, one for each of the loss's points, in order.", text)
	at.Many = true
	pair := openapi.ListOf(number).With("minItems", 2, "maxItems", 2)
	mark := openapi.Object(map[string]openapi.Schema{"at": number, "name": text}, "at", "name")
	line := openapi.Object(map[string]openapi.Schema{"slope": number, "at": number, "name": text}, "slope", "at", "name")
	values := openapi.ListOf(maybe())
	curve := openapi.Object(map[string]openapi.Schema{"name": text, "x": values, "value": values, "slope": values}, "name", "x", "value", "slope")
	point := openapi.Object(map[string]openapi.Schema{"name": text, "at": pair, "gradient": values}, "name", "at", "gradient")
	circle := openapi.Object(map[string]openapi.Schema{"radius": number, "name": text}, "radius", "name")
	graph := openapi.Object(map[string]openapi.Schema{"x": text, "curves": openapi.ListOf(curve), "marks": openapi.ListOf(mark), "request": text, "go": text}, "x", "curves", "marks", "request", "go")
	plane := openapi.Object(map[string]openapi.Schema{"energies": openapi.ListOf(number), "value": text, "correct": text, "other": text, "lines": openapi.ListOf(line)}, "energies", "value", "correct", "other", "lines")
	geometry := openapi.Object(map[string]openapi.Schema{"loss": maybe(), "active": openapi.Bool(), "points": openapi.ListOf(point), "circles": openapi.ListOf(circle), "request": text, "go": text}, "loss", "active", "points", "circles", "request", "go")
	return []serve.Route{
		{Pattern: "GET /v1/studio/losses", Do: s.lossList, Doc: openapi.Operation{
			ID: "losses", Summary: "The losses and the functionals", Answers: one("They, with formula, conventions and options.", lossesSchema()),
		}},
		{Pattern: "GET /v1/studio/losses/{name}/curves", Do: s.lossCurves, Doc: openapi.Operation{
			ID: "lossCurves", Summary: "A loss along one number, and its derivative", Description: "null is what is not finite. request is what energo loss eval reads, go the lines of a Go program, at one place.",
			Parameters: []openapi.Parameter{name, option, queryParam("along", "own: its own argument; difference: of functionals, E⁺ − E⁻ where E⁺ + E⁻ = 3.", words([]string{"own", "difference"}))},
			Answers:    one("The curves.", graph), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/losses/{name}/plane", Do: s.lossPlane, Doc: openapi.Operation{
			ID: "lossPlane", Summary: "A functional over the energies of both answers", Description: "The value and the derivatives by E⁺ and E⁻ are base64 of little-endian float32, E⁻ running fastest. A line is E⁻ = slope·E⁺ + at.",
			Parameters: []openapi.Parameter{name, option}, Answers: one("The plane.", plane), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/losses/{name}/points", Do: s.lossPoints, Doc: openapi.Operation{
			ID: "lossPoints", Summary: "A loss of an anchor, a positive and a negative in the plane, and its gradient", Description: "active tells whether any point is moved. Circles are around the anchor.",
			Parameters: []openapi.Parameter{name, option, at}, Answers: one("The points.", geometry), Refusals: []int{400, 404, 422},
		}},
	}
}

func lossesSchema() openapi.Schema {
	text, texts := openapi.Text(), openapi.ListOf(openapi.Text())
	option := openapi.Object(map[string]openapi.Schema{
		"name": text, "is": text, "default": text, "kind": openapi.Text().With("enum", []any{"number", "boolean", "choice"}), "choices": texts,
		"min": openapi.Number(), "max": openapi.Number(), "start": openapi.Number(),
	}, "name", "is", "default", "kind")
	fields := map[string]openapi.Schema{
		"name": text, "called": text, "formula": text, "domain": text, "margin": text, "kinks": text, "differs": text, "source": texts,
		"functional": openapi.Bool(), "good": openapi.Bool(), "points": texts, "options": openapi.ListOf(option),
	}
	return openapi.Object(map[string]openapi.Schema{"losses": openapi.ListOf(openapi.Object(fields, "name", "called", "formula", "domain", "margin", "functional", "options", "source"))}, "losses")
}

// lossRow is a loss or a functional as the list has it.
type lossRow struct {
	Name       string       `json:"name"`   // a functional's begins with ebm.
	Called     string       `json:"called"` // in requests
	Formula    string       `json:"formula"`
	Domain     string       `json:"domain"`
	Margin     string       `json:"margin"`
	Kinks      string       `json:"kinks,omitempty"`
	Differs    string       `json:"differs,omitempty"` // where prints or PyTorch are wrong
	Source     []string     `json:"source"`
	Functional bool         `json:"functional"`
	Good       bool         `json:"good,omitempty"` // of functionals: it keeps a margin
	Points     []string     `json:"points,omitempty"`
	Options    []lossOption `json:"options"`
}

// lossOption is an option that a control sets.
type lossOption struct {
	Name    string   `json:"name"`
	Is      string   `json:"is"`
	Default string   `json:"default"`
	Kind    string   `json:"kind"` // number, boolean or choice
	Choices []string `json:"choices,omitempty"`
	Min     float64  `json:"min,omitempty"` // of a slider
	Max     float64  `json:"max,omitempty"`
	Start   float64  `json:"start,omitempty"`
}

func (s *service) lossList(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]any{"losses": lossRows()})
	return nil
}

// lossRows are the functionals, then the losses.
func lossRows() []lossRow {
	var rows []lossRow
	for _, e := range functional.Catalogue() {
		r := lossRow{Name: "ebm." + e.Name, Called: "ebm." + e.Name, Formula: e.Formula, Domain: "energies, real", Margin: e.Margin, Kinks: e.Kinks, Differs: e.Misread, Source: e.Source, Functional: true, Good: e.GoodMargin, Options: []lossOption{}}
		if e.NeedsNonNegative {
			r.Domain = "energies of at least 0"
		}
		for _, use := range e.Uses {
			if use != "cost" { // an input
				o := lossOption{Name: use, Default: "1", Kind: "number", Min: 0.05, Max: 3, Start: 1}
				if use == "delta" {
					o.Default, o.Min, o.Start = "0", 0, 0
				}
				if use == "beta" {
					o.Max = 20
				}
				r.Options = append(r.Options, o)
			}
		}
		rows = append(rows, r)
	}
	for _, e := range loss.Catalogue() {
		r := lossRow{Name: e.Name, Called: e.Called(), Formula: e.Formula, Domain: e.Domain, Margin: e.Margin, Kinks: e.Kinks, Differs: e.Differs, Source: e.Source, Points: catalogue.PointsOf(e), Options: []lossOption{}}
		for _, o := range e.Options {
			if c, ok := control(o); ok {
				for _, n := range e.Needs {
					if n.Option == o.Name {
						c.Is += "; only where " + n.Where
					}
				}
				r.Options = append(r.Options, c)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// optionChoices are the values of options that are words.
var optionChoices = map[string][]string{
	"distance": {"euclidean", "squared", "cosine", "dot", "lp"}, "distance_function": {"pairwise_distance", "cosine_similarity", "squared_euclidean"},
	"mining": {"hard", "semi_hard_or_farthest", "all"}, "over": {"active", "all"},
}

// control is how an option is set; false for those that are arrays, that are checks only, or that do not change a picture.
func control(o loss.Option) (lossOption, bool) {
	c := lossOption{Name: o.Name, Is: o.Is, Default: o.Default}
	first, _, _ := strings.Cut(o.Default, ",") // of "0.2, or 0 with soft"
	v, err := strconv.ParseFloat(first, 64)
	switch {
	case slices.Contains([]string{"eps", "unchecked", "ignore_index", "blank", "reduction", "weight"}, o.Name):
		return c, false
	case o.Default == "true" || o.Default == "false":
		c.Kind = "boolean"
	case err == nil:
		c.Kind, c.Start = "number", v
		c.Min, c.Max = span(o, v)
	case optionChoices[o.Name] != nil:
		c.Kind, c.Choices = "choice", optionChoices[o.Name]
	default:
		return c, false
	}
	return c, true
}

// span are the ends of an option's slider.
func span(o loss.Option, v float64) (lo, hi float64) {
	switch {
	case o.Is == "1 or 2":
		return 1, 2
	case o.Name == "p":
		return 1, 6
	case o.Name == "label_smoothing":
		return 0, 1
	case strings.HasPrefix(o.Is, "radians"):
		return 0, 3.1
	case v == 0 && o.Is == "a number":
		return -1, 1
	case strings.HasPrefix(o.Is, "a number above 0"):
		return v / 20, 4 * v
	case o.Is == "a weight" || v == 0 || strings.Contains(o.Is, "at least 0"):
		return 0, cmp.Or(4*v, 2)
	default:
		return v / 20, 4 * v
	}
}

// lossAsked reads the loss and the options of a request, whose other parameters are the single ones and the lists.
func lossAsked(r *http.Request, single, lists []string) (row lossRow, options map[string]any, params url.Values, err error) {
	if params, err = wire.Params(r); err != nil {
		return row, nil, nil, err
	}
	if err = wire.Known(params, single, append(lists, "option")); err != nil {
		return row, nil, nil, err
	}
	name := r.PathValue("name")
	rows := lossRows()
	i := slices.IndexFunc(rows, func(l lossRow) bool { return l.Name == name })
	if i < 0 {
		return row, nil, nil, wire.Absent("there is no loss %.40q", name)
	}
	options = map[string]any{}
	for _, text := range params["option"] {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return row, nil, nil, wire.Malformed("option", "option is %.80q; it must be NAME=VALUE", text)
		}
		if _, twice := options[key]; twice {
			return row, nil, nil, wire.Malformed("option", "option names %.40q twice", key)
		}
		options[key] = optionValue(value)
	}
	return rows[i], options, params, nil
}

// optionValue is a number, true or false, or else a text.
func optionValue(text string) any {
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v
	}
	switch text {
	case "true", "false":
		return text == "true"
	}
	return text
}

// lossCurve is a loss for one target.
type lossCurve struct {
	Name  string  `json:"name"`
	X     numbers `json:"x"`
	Value numbers `json:"value"`
	Slope numbers `json:"slope"`
}

// lossMark is a place that means something.
type lossMark struct {
	At   float64 `json:"at"`
	Name string  `json:"name"`
}

func (s *service) lossCurves(w http.ResponseWriter, r *http.Request) error {
	row, options, params, err := lossAsked(r, []string{"along"}, nil)
	if err != nil {
		return err
	}
	draw := catalogue.GraphOf
	switch along := params.Get("along"); {
	case along == "" || along == "own":
	case along != "difference":
		return wire.Invalid("along", "along is %.40q; it must be own or difference", along)
	case !row.Functional:
		return wire.Invalid("along", "along is difference; %s is not of two energies", row.Name)
	default:
		draw = catalogue.DifferenceOf
	}
	g, err := draw(row.Name, options)
	if err != nil {
		return wire.Invalid("", "%v", err)
	}
	called, request, err := catalogue.RequestOf(row.Name, options)
	if err != nil {
		return err
	}
	curves, marks := []lossCurve{}, []lossMark{}
	for _, c := range g.Curves {
		curves = append(curves, lossCurve{c.Name, c.X, c.Value, c.Slope})
	}
	for _, m := range g.Marks {
		marks = append(marks, lossMark(m))
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"x": g.X, "curves": curves, "marks": marks, "request": catalogue.Line(called, request), "go": catalogue.GoLines(called, request)})
	return nil
}

func (s *service) lossPlane(w http.ResponseWriter, r *http.Request) error {
	row, options, _, err := lossAsked(r, nil, nil)
	if err != nil {
		return err
	}
	if !row.Functional {
		return wire.Invalid("name", "%s is not of two energies; the functionals are", row.Name)
	}
	p, err := catalogue.PlaneOf(row.Name, options, planeSide)
	if err != nil {
		return wire.Invalid("", "%v", err)
	}
	lines := []map[string]any{}
	for _, l := range p.Lines {
		lines = append(lines, map[string]any{"slope": l.Slope, "at": l.At, "name": l.Name})
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"energies": p.E, "value": single(p.Value), "correct": single(p.ByCorrect), "other": single(p.ByOther), "lines": lines,
	})
	return nil
}

// single are numbers of a picture.
func single(values []float64) lesson.Floats {
	out := make(lesson.Floats, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

func (s *service) lossPoints(w http.ResponseWriter, r *http.Request) error {
	row, options, params, err := lossAsked(r, nil, []string{"at"})
	if err != nil {
		return err
	}
	if row.Points == nil {
		return wire.Invalid("name", "%s is not of an anchor, a positive and a negative", row.Name)
	}
	var at [][2]float64
	for _, text := range params["at"] {
		x, y, _ := strings.Cut(text, ",")
		px, errX := strconv.ParseFloat(x, 64)
		py, errY := strconv.ParseFloat(y, 64)
		if errX != nil || errY != nil || px-px != 0 || py-py != 0 {
			return wire.Malformed("at", "at is %.80q; it must be two numbers, X,Y", text)
		}
		at = append(at, [2]float64{px, py})
	}
	e, err := loss.Lookup(row.Name)
	if err != nil {
		return err
	}
	g, err := catalogue.GeometryOf(e, options, at)
	if err != nil {
		return wire.Invalid("", "%v", err)
	}
	var value any // null where it is not finite
	if g.Loss-g.Loss == 0 {
		value = g.Loss
	}
	points, circles := []map[string]any{}, []map[string]any{}
	for _, p := range g.Points {
		points = append(points, map[string]any{"name": p.Name, "at": p.At, "gradient": numbers(p.Gradient[:])})
	}
	for _, c := range g.Circles {
		circles = append(circles, map[string]any{"radius": c.Radius, "name": c.Name})
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"loss": value, "active": g.Active, "points": points, "circles": circles, "request": catalogue.Line(row.Called, g.Request), "go": catalogue.GoLines(row.Called, g.Request),
	})
	return nil
}
