// Package catalogue evaluates losses and functionals by name: a JSON line in, a JSON line out. It is what
// `energo loss eval` speaks, and the format of the losses' golden files. [GraphOf] has them along one number, to be drawn.
package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/loss"
)

// line is a request, its parts as JSON has them; nil where they are not there.
type line struct {
	id, loss, dtype, options, inputs []byte
}

// Answer evaluates one request and appends the answer, a line, to dst.
func Answer(dst, request []byte) []byte {
	l, err := split(request)
	var a *loss.Answer
	if err == nil {
		a, err = l.eval()
	}
	dst = append(dst, '{')
	if l.id != nil {
		dst = append(append(append(dst, `"id":`...), compact(l.id)...), ',')
	}
	if err != nil {
		dst = append(dst, `"error":`...)
		text, _ := json.Marshal(err.Error())
		return append(append(dst, text...), "}\n"...)
	}
	dst = appendArray(append(dst, `"loss":`...), a.Loss)
	dst = append(dst, `,"grad":{`...)
	for i, name := range sortedNames(a.Grad) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(strconv.AppendQuote(dst, name), ':')
		dst = appendArray(dst, a.Grad[name])
	}
	return append(dst, "}}\n"...)
}

// split takes a request apart. Where that fails, the line has the id at least, if it can
// be read.
func split(request []byte) (l line, err error) {
	parts := map[string]*[]byte{"id": &l.id, "loss": &l.loss, "dtype": &l.dtype, "options": &l.options, "inputs": &l.inputs}
	if err = checkJSON(request); err == nil {
		var all []member
		all, err = members(after(request, 0), "id", "loss", "dtype", "options", "inputs")
		for _, m := range all {
			*parts[m.name] = m.value
		}
	}
	if err != nil {
		return line{id: firstID(request)}, fmt.Errorf("not a request: %w", err)
	}
	return l, nil
}

// compact returns an id without the white space between its parts.
func compact(id []byte) []byte {
	var out bytes.Buffer
	_ = json.Compact(&out, id) // it is valid
	return out.Bytes()
}

// eval evaluates a request. A panic, which would be a mistake in a loss, must not take
// the lines after it with it.
func (l *line) eval() (a *loss.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = nil, fmt.Errorf("internal error: %v", p)
		}
	}()
	name, err := text("loss", l.loss)
	if err != nil {
		return nil, err
	}
	if name == nil {
		return nil, errors.New(`"loss" is missing; it names the loss, as PyTorch's class does`)
	}
	dtype, err := text("dtype", l.dtype)
	if err != nil {
		return nil, err
	}
	single := dtype != nil && *dtype == "float32"
	if dtype != nil && !single && *dtype != "float64" {
		return nil, fmt.Errorf(`dtype is %q; it must be "float64" or "float32"`, excerpt.Of(*dtype))
	}
	r := loss.Request{}
	if r.Options, err = object("options", "option ", l.options, option); err != nil {
		return nil, err
	}
	if r.Inputs, err = object("inputs", "", l.inputs, array); err != nil {
		return nil, err
	}
	return evalByName(*name, r, single)
}

// text reads a text; nil if there is none.
func text(name string, value []byte) (s *string, err error) {
	if value != nil && json.Unmarshal(value, &s) != nil {
		return nil, fmt.Errorf("%s is %s; it must be a text", name, excerpt.Of(value))
	}
	return s, nil
}

// object reads an object whose names are a loss's; an empty one if there is none.
func object[V any](name, kind string, value []byte, read func([]byte) (V, error)) (map[string]V, error) {
	out := map[string]V{}
	if value == nil || string(value) == "null" {
		return out, nil
	}
	all, err := members(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, m := range all {
		if out[m.name], err = read(m.value); err != nil {
			return nil, fmt.Errorf("%s%s: %w", kind, m.name, err)
		}
	}
	return out, nil
}

// evalByName finds a loss by the name of PyTorch's class, or a functional's after "ebm.".
func evalByName(name string, r loss.Request, single bool) (*loss.Answer, error) {
	if strings.HasPrefix(name, prefix) {
		return evalFunctional(name, r, single)
	}
	for _, e := range loss.Catalogue() {
		if e.Called() == name {
			return e.Eval(r, single)
		}
	}
	return nil, fmt.Errorf("there is no loss called %q; energo loss list has their names", excerpt.Of(name))
}

// option reads an option's value: a text, true or false, a number, an array, a list of
// numbers, or null for the default.
func option(raw []byte) (any, error) {
	switch raw[0] {
	case '{':
		return array(raw)
	case '[':
		list, err := numbers(raw)
		return loss.Array[float64]{Shape: []int{len(list)}, Data: list}, err
	case '"', 't', 'f', 'n':
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
		if f, ok := special(v); ok {
			return f, nil
		}
		return v, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, fmt.Errorf("%s is beyond the range of float64", excerpt.Of(raw))
	}
	return f, nil
}

// special returns the number that a text stands for.
func special(v any) (float64, bool) {
	switch v {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}
