package token

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/internal/excerpt"
)

// containers are keys under which files of JSON have their tokens.
var containers = []string{"tokens", "labels", "vocab", "vocabulary", "characters", "charset", "alphabet"}

// ofJSON reads any form of JSON.
func ofJSON(path string, text []byte) (*listing, error) {
	if text[0] == '[' {
		return ofArray(text)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, excerpt.Error(err)
	}
	var tokenizer struct {
		Model *struct {
			Vocab json.RawMessage `json:"vocab"`
		} `json:"model"`
	}
	if json.Unmarshal(text, &tokenizer) == nil && tokenizer.Model != nil && len(tokenizer.Model.Vocab) > 0 {
		return ofTokenizer(text)
	}
	for _, key := range containers {
		if in, ok := object[key]; ok && len(in) > 0 && (in[0] == '[' || in[0] == '{') {
			return ofJSON(path, in)
		}
	}
	if l, ok, err := ofClassTokens(object); ok || err != nil {
		return l, err
	}
	classes := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		value := object[name]
		var class int
		if err := json.Unmarshal(value, &class); err != nil {
			if len(value) > 0 && value[0] == '{' {
				return nil, fmt.Errorf("%q is an object: it has the tokens of several languages; take those of one into a file of their own", excerpt.Of(name))
			}
			return nil, fmt.Errorf("the class of %q is %s; it must be a whole number", excerpt.Of(name), excerpt.Of(value))
		}
		classes[name] = class
	}
	l := &listing{layout: "tokens and their classes as JSON", by: map[Role]string{}, named: map[Role]string{}}
	if filepath.Base(path) == "vocab.json" {
		l.layout = "Hugging Face's vocab.json"
		if err := l.beside(filepath.Dir(path), classes); err != nil {
			return nil, err
		}
	}
	var err error
	l.names, err = inOrder(classes)
	l.name()
	return l, err
}

// ofArray reads an array of tokens, or of pairs of a token and its score.
func ofArray(text []byte) (*listing, error) {
	l := &listing{layout: "a JSON array"}
	err := json.Unmarshal(text, &l.names)
	if err == nil {
		return l, nil
	}
	var pairs [][2]any
	if json.Unmarshal(text, &pairs) != nil {
		return nil, excerpt.Error(err)
	}
	l.names = nil
	for i, p := range pairs {
		name, ok := p[0].(string)
		if !ok {
			return nil, fmt.Errorf("token %d is %v; it must be a text", i, p[0])
		}
		l.names = append(l.names, name)
	}
	return l, nil
}

// ofClassTokens reads an object of classes and their tokens; ok reports whether it is one.
func ofClassTokens(object map[string]json.RawMessage) (l *listing, ok bool, err error) {
	classes := map[string]int{}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := object[key]
		class, err := strconv.Atoi(key)
		var name string
		if err != nil || json.Unmarshal(value, &name) != nil {
			return nil, false, nil
		}
		if _, twice := classes[name]; twice {
			return nil, false, fmt.Errorf("%q has two classes, %d and %d", excerpt.Of(name), min(class, classes[name]), max(class, classes[name]))
		}
		classes[name] = class
	}
	names, err := inOrder(classes)
	return &listing{names: names, layout: "classes and their tokens as JSON"}, len(object) > 0, err
}

// inOrder lists tokens by their classes.
func inOrder(classes map[string]int) ([]string, error) {
	names, taken := make([]string, len(classes)), make([]bool, len(classes))
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		c := classes[name]
		if c < 0 || c >= len(names) {
			return nil, fmt.Errorf("the class of %q is %d; with %d tokens it must be from 0 to %d", excerpt.Of(name), c, len(names), len(names)-1)
		}
		if taken[c] {
			return nil, fmt.Errorf("%q and %q are both class %d", excerpt.Of(names[c]), excerpt.Of(name), c)
		}
		names[c], taken[c] = name, true
	}
	return names, nil
}
