// Package lossline evaluates losses by name: a JSON line in, a JSON line out. It is what
// `energo loss eval` speaks, and the format of the losses' golden files.
package lossline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/loss"
)

// line is a request as JSON has it.
type line struct {
	ID      json.RawMessage        `json:"id"`
	Loss    *string                `json:"loss"`
	DType   *string                `json:"dtype"`
	Options named[json.RawMessage] `json:"options"`
	Inputs  named[array]           `json:"inputs"`
}

// named is an object whose keys are names of the user's; none may stand there twice.
type named[V any] map[string]V

// UnmarshalJSON reads the object.
func (n *named[V]) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	if err := checkKeys(text, nil); err != nil {
		return err
	}
	return json.Unmarshal(text, (*map[string]V)(n))
}

// array is an Array in JSON: {"shape": […], "data": […]}.
type array loss.Array[float64]

// Answer evaluates one request and appends the answer, a line, to dst.
func Answer(dst, request []byte) []byte {
	var l line
	err := decode(request, &l, "id", "loss", "dtype", "options", "inputs")
	var a *loss.Answer
	if err == nil {
		a, err = l.eval()
	}
	dst = append(dst, '{')
	if id := compactID(l.ID, request); id != nil {
		dst = append(append(append(dst, `"id":`...), id...), ',')
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

// decode reads exactly one JSON object whose keys are among those given, as they are
// spelt and each once. encoding/json alone would take "LOSS" for "loss", and the last of two.
func decode(text []byte, v any, keys ...string) error {
	if !utf8.Valid(text) {
		return errors.New("not a request: not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("not a request: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("not a request: there is more on the line after it")
	}
	return checkKeys(text, keys)
}

// checkKeys checks the keys of a valid JSON object: they must be among those given, if
// there are any given, and no key may stand there twice.
func checkKeys(text []byte, allowed []string) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a request: it must be an object")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if len(allowed) > 0 && !slices.Contains(allowed, key) {
			return fmt.Errorf("unknown key %q; there are %s", key, strings.Join(allowed, ", "))
		}
		if seen[key] {
			return fmt.Errorf("key %q stands there twice", key)
		}
		seen[key] = true
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

// compactID returns the request's id on one line: a text or a number. Where the
// request as a whole could not be read, its id may still be.
func compactID(id json.RawMessage, request []byte) []byte {
	if id == nil {
		var only struct {
			ID json.RawMessage `json:"id"`
		}
		if json.NewDecoder(bytes.NewReader(request)).Decode(&only) != nil || only.ID == nil {
			return nil
		}
		id = only.ID
	}
	var out bytes.Buffer
	if json.Compact(&out, id) != nil {
		return nil
	}
	return out.Bytes()
}

func (l *line) eval() (*loss.Answer, error) {
	if l.Loss == nil {
		return nil, errors.New(`"loss" is missing; it names the loss, as PyTorch's class does`)
	}
	single := false
	if l.DType != nil {
		switch *l.DType {
		case "float64":
		case "float32":
			single = true
		default:
			return nil, fmt.Errorf(`dtype is %q; it must be "float64" or "float32"`, *l.DType)
		}
	}
	r := loss.Request{Options: map[string]any{}, Inputs: map[string]loss.Array[float64]{}}
	for name, raw := range l.Options {
		v, err := option(raw)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", name, err)
		}
		r.Options[name] = v
	}
	for name, a := range l.Inputs {
		r.Inputs[name] = loss.Array[float64](a)
	}
	return evalByName(*l.Loss, r, single)
}

// evalByName finds a loss by the name of PyTorch's class, or a functional's after "ebm.".
func evalByName(name string, r loss.Request, single bool) (*loss.Answer, error) {
	if strings.HasPrefix(name, prefix) {
		return evalFunctional(name, r, single)
	}
	for _, e := range loss.Catalogue() {
		if e.PyTorch == name {
			return e.Eval(r, single)
		}
	}
	return nil, fmt.Errorf("there is no loss called %q; energo loss list has their names", name)
}

// option reads an option's value: a text, true or false, a number, an array, a list of
// numbers, or null for the default.
func option(raw json.RawMessage) (any, error) {
	switch {
	case bytes.Equal(raw, []byte("null")):
		return nil, nil
	case len(raw) > 0 && raw[0] == '{':
		var a array
		err := json.Unmarshal(raw, &a)
		return loss.Array[float64](a), err
	case len(raw) > 0 && raw[0] == '[': // a list of numbers
		var list numbers
		err := json.Unmarshal(raw, &list)
		return loss.Array[float64]{Shape: []int{len(list)}, Data: list}, err
	case len(raw) > 0 && (raw[0] == '"' || raw[0] == 't' || raw[0] == 'f'):
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
		return nil, fmt.Errorf("%s is no text, truth value, number or array", raw)
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
