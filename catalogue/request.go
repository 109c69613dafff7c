package catalogue

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// RequestOf returns a small request of a loss, by any name that loss.Lookup knows, or of a functional, ebm.NAME, as Line writes it.
// Errors: as GraphOf.
func RequestOf(name string, options map[string]any) (called string, r loss.Request, err error) {
	called, v, err := shownBy(name, options)
	if err != nil {
		return "", r, err
	}
	return called, loss.Request{Options: v.with(options), Inputs: v.request((v.lo+v.hi)/2+0.25, v.targets[0])}, nil
}

// shownBy finds what a request calls a loss, and how it is shown.
func shownBy(name string, options map[string]any) (called string, v view, err error) {
	if short, ok := strings.CutPrefix(name, prefix); ok {
		e, err := functional.Lookup(short)
		return name, functionalView(e, options), err
	}
	e, err := loss.Lookup(name)
	if err != nil {
		return "", v, err
	}
	v, ok := viewUnder(e, options)
	if !ok {
		err = fmt.Errorf("%s has no picture along one number", e.Name)
	}
	return e.Called(), v, err
}

// Line writes a request as Answer reads it. called is PyTorch's class, a loss's type without one, or ebm.NAME.
func Line(called string, r loss.Request) string {
	text := append([]byte(`{"loss":`), strconv.Quote(called)...)
	if len(r.Options) > 0 {
		text = append(text, `,"options":{`...)
		for i, name := range sortedNames(r.Options) {
			text = appendName(text, i, name)
			switch v := r.Options[name].(type) {
			case float64:
				text = appendNumber(text, v)
			case string:
				text = strconv.AppendQuote(text, v)
			case loss.Array[float64]:
				text = appendArray(text, v)
			default:
				text = fmt.Append(text, v)
			}
		}
		text = append(text, '}')
	}
	text = append(text, `,"inputs":{`...)
	for i, name := range sortedNames(r.Inputs) {
		text = appendArray(appendName(text, i, name), r.Inputs[name])
	}
	return string(append(text, "}}"...))
}

func appendName(text []byte, i int, name string) []byte {
	if i > 0 {
		text = append(text, ',')
	}
	return append(strconv.AppendQuote(text, name), ':')
}

// GoLines writes the lines of a Go program that evaluate a request. They are of a function that returns an error.
func GoLines(called string, r loss.Request) string {
	if short, ok := strings.CutPrefix(called, prefix); ok {
		return functionalLines(short, r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "entry, err := loss.Lookup(%q)\nif err != nil {\n\treturn err\n}\nanswer, err := entry.Eval(loss.Request{\n", called)
	if len(r.Options) > 0 {
		b.WriteString("\tOptions: map[string]any{\n")
		for _, name := range sortedNames(r.Options) {
			fmt.Fprintf(&b, "\t\t%q: %s,\n", name, goValue(r.Options[name]))
		}
		b.WriteString("\t},\n")
	}
	b.WriteString("\tInputs: map[string]loss.Array[float64]{\n")
	for _, name := range sortedNames(r.Inputs) {
		fmt.Fprintf(&b, "\t\t%q: %s,\n", name, strings.TrimPrefix(goValue(r.Inputs[name]), "loss.Array[float64]"))
	}
	b.WriteString("\t},\n}, false)\nif err != nil {\n\treturn err\n}\nfmt.Println(answer.Loss.Data, answer.Grad)\n")
	return b.String()
}

func functionalLines(name string, r loss.Request) string {
	var b strings.Builder
	b.WriteString("o := functional.DefaultOptions()\n")
	fields := map[string]string{"margin": "Margin", "beta": "Beta", "gamma": "Gamma", "cap": "Cap", "delta": "Delta"}
	for _, option := range slices.Sorted(maps.Keys(r.Options)) {
		if f := fields[option]; f != "" {
			fmt.Fprintf(&b, "o.%s = %s\n", f, goValue(r.Options[option]))
		}
	}
	e := r.Inputs["energies"]
	fmt.Fprintf(&b, "f, err := functional.New(%q, o)\nif err != nil {\n\treturn err\n}\n", name)
	fmt.Fprintf(&b, "values, slopes := make([]float64, %d), make([]float64, %d)\n", e.Shape[0], len(e.Data))
	fmt.Fprintf(&b, "if err := functional.Labels(f, []float64{%s}, %d, []int{%s}, values, slopes); err != nil {\n\treturn err\n}\n", goList(e.Data), e.Shape[1], goList(r.Inputs["target"].Data))
	b.WriteString("fmt.Println(values, slopes)\n")
	return b.String()
}

// goValue is the Go expression of an option or an array.
func goValue(v any) string {
	switch v := v.(type) {
	case float64:
		return "float64(" + goList([]float64{v}) + ")"
	case string:
		return strconv.Quote(v)
	case loss.Array[float64]:
		return fmt.Sprintf("loss.Array[float64]{Shape: %#v, Data: []float64{%s}}", v.Shape, goList(v.Data))
	default:
		return fmt.Sprint(v)
	}
}

// goList is numbers, as Go writes them.
func goList(values []float64) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = strconv.FormatFloat(v, 'g', -1, 64)
		switch all[i] {
		case "NaN":
			all[i] = "math.NaN()"
		case "+Inf":
			all[i] = "math.Inf(1)"
		case "-Inf":
			all[i] = "math.Inf(-1)"
		}
	}
	return strings.Join(all, ", ")
}
