package answer

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/serve/wire"
)

// planeSide is the number of energies of either axis of a functional's plane.
const planeSide = 61

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

func (*Desk) lossList(_ context.Context, r *Request) (any, error) {
	return map[string]any{"losses": lossRows()}, nil
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
func lossAsked(r *Request, single, lists []string) (row lossRow, options map[string]any, params url.Values, err error) {
	params = r.Params
	if err = wire.Known(params, single, append(lists, "option")); err != nil {
		return row, nil, nil, err
	}
	name := r.Part
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
	X     Numbers `json:"x"`
	Value Numbers `json:"value"`
	Slope Numbers `json:"slope"`
}

// lossMark is a place that means something.
type lossMark struct {
	At   float64 `json:"at"`
	Name string  `json:"name"`
}

func (*Desk) lossCurves(_ context.Context, r *Request) (any, error) {
	row, options, params, err := lossAsked(r, []string{"along"}, nil)
	if err != nil {
		return nil, err
	}
	draw := catalogue.GraphOf
	switch along := params.Get("along"); {
	case along == "" || along == "own":
	case along != "difference":
		return nil, wire.Invalid("along", "along is %.40q; it must be own or difference", along)
	case !row.Functional:
		return nil, wire.Invalid("along", "along is difference; %s is not of two energies", row.Name)
	default:
		draw = catalogue.DifferenceOf
	}
	g, err := draw(row.Name, options)
	if err != nil {
		return nil, wire.Invalid("", "%v", err)
	}
	called, request, err := catalogue.RequestOf(row.Name, options)
	if err != nil {
		return nil, err
	}
	curves, marks := []lossCurve{}, []lossMark{}
	for _, c := range g.Curves {
		curves = append(curves, lossCurve{c.Name, c.X, c.Value, c.Slope})
	}
	for _, m := range g.Marks {
		marks = append(marks, lossMark(m))
	}
	return map[string]any{"x": g.X, "curves": curves, "marks": marks, "request": catalogue.Line(called, request), "go": catalogue.GoLines(called, request)}, nil
}

func (*Desk) lossPlane(_ context.Context, r *Request) (any, error) {
	row, options, _, err := lossAsked(r, nil, nil)
	if err != nil {
		return nil, err
	}
	if !row.Functional {
		return nil, wire.Invalid("name", "%s is not of two energies; the functionals are", row.Name)
	}
	p, err := catalogue.PlaneOf(row.Name, options, planeSide)
	if err != nil {
		return nil, wire.Invalid("", "%v", err)
	}
	lines := []map[string]any{}
	for _, l := range p.Lines {
		lines = append(lines, map[string]any{"slope": l.Slope, "at": l.At, "name": l.Name})
	}
	return map[string]any{
		"energies": p.E, "value": single(p.Value), "correct": single(p.ByCorrect), "other": single(p.ByOther), "lines": lines,
	}, nil
}

func (*Desk) lossPoints(_ context.Context, r *Request) (any, error) {
	row, options, params, err := lossAsked(r, nil, []string{"at"})
	if err != nil {
		return nil, err
	}
	if row.Points == nil {
		return nil, wire.Invalid("name", "%s is not of an anchor, a positive and a negative", row.Name)
	}
	var at [][2]float64
	for _, text := range params["at"] {
		x, y, _ := strings.Cut(text, ",")
		px, errX := strconv.ParseFloat(x, 64)
		py, errY := strconv.ParseFloat(y, 64)
		if errX != nil || errY != nil || px-px != 0 || py-py != 0 {
			return nil, wire.Malformed("at", "at is %.80q; it must be two numbers, X,Y", text)
		}
		at = append(at, [2]float64{px, py})
	}
	e, err := loss.Lookup(row.Name)
	if err != nil {
		return nil, err
	}
	g, err := catalogue.GeometryOf(e, options, at)
	if err != nil {
		return nil, wire.Invalid("", "%v", err)
	}
	points, circles := []map[string]any{}, []map[string]any{}
	for _, p := range g.Points {
		points = append(points, map[string]any{"name": p.Name, "at": p.At, "gradient": Numbers(p.Gradient[:])})
	}
	for _, c := range g.Circles {
		circles = append(circles, map[string]any{"radius": c.Radius, "name": c.Name})
	}
	return map[string]any{
		"loss": finite(g.Loss), "active": g.Active, "points": points, "circles": circles, "request": catalogue.Line(row.Called, g.Request), "go": catalogue.GoLines(row.Called, g.Request),
	}, nil
}
