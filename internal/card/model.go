package card

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
	"go.yaml.in/yaml/v3"
)

// ModelEnding is what a model's card has in its name instead of ".onnx".
const ModelEnding = ".energo.yaml"

// maxModel bounds the card of a model, in bytes.
const maxModel = 1 << 24

// A Key is something that the card of a model may say.
type Key struct {
	Name string
	To   any         // a pointer, where the value goes
	OK   func() bool // reports whether To has what is allowed; nil allows all
	Must string      // what is allowed
}

// A Model says of a model of another system, net.onnx, what its file does not: the YAML card beside it, net.energo.yaml, and the metadata of
// the same keys.
type Model struct {
	Path string // of the card

	model  string // its path
	exists bool   // the card does
	keys   []Key
	said   map[string]bool
}

// ReadModel reads the card beside a model, if there is one, and the metadata for what the card leaves out. Metadata with other keys count for nothing.
//
// Errors name the file and the line, or the metadata: what is no YAML map; a key that is unknown or comes twice; a value that is not allowed.
func ReadModel(model string, keys []Key, metadata iter.Seq2[string, string]) (*Model, error) {
	m := &Model{Path: modelCard(model), model: model, keys: keys, said: map[string]bool{}}
	if err := m.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Path, err)
	}
	for name, text := range metadata {
		if i := m.index(name); i >= 0 && !m.said[name] {
			if err := m.take(i, text); err != nil {
				return nil, fmt.Errorf("%s: metadata: %w", model, err)
			}
		}
	}
	return m, nil
}

// modelCard is the path of the card of a model, which is a file or a folder.
func modelCard(model string) string {
	model = filepath.Clean(model)
	if end := filepath.Ext(model); strings.EqualFold(end, ".onnx") {
		model = strings.TrimSuffix(model, end)
	}
	return model + ModelEnding
}

// index is that of a key; below 0 where there is none of the name.
func (m *Model) index(name string) int {
	return slices.IndexFunc(m.keys, func(k Key) bool { return k.Name == name })
}

// take takes the value of a key from a text of its own; JSON is YAML, too.
func (m *Model) take(i int, text string) error {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		return fmt.Errorf("%s is %q; it must be %s", m.keys[i].Name, excerpt.Of(text), m.keys[i].Must)
	}
	m.said[m.keys[i].Name] = true
	return m.keys[i].set(doc.Content[0])
}

// read reads the card.
func (m *Model) read() error {
	root, err := m.root()
	if err != nil || root == nil {
		return err
	}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: it must be a map of keys to values", root.Line)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		at := m.index(key.Value)
		switch {
		case at < 0:
			names := m.names()
			return fmt.Errorf("line %d: there is no key %q%s; the keys are %s", key.Line, excerpt.Of(key.Value), spelling.DidYouMean(key.Value, names), strings.Join(names, ", "))
		case m.said[key.Value]:
			return fmt.Errorf("line %d: %s comes twice", key.Line, key.Value)
		}
		if err := m.keys[at].set(value); err != nil {
			return fmt.Errorf("line %d: %w", value.Line, err)
		}
		m.said[key.Value] = true
	}
	return nil
}

// root is what the card's file holds; nil where there is nothing.
func (m *Model) root() (*yaml.Node, error) {
	f, err := os.Open(m.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Unwrap(err) // without the path
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxModel+1))
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if len(text) > maxModel {
		return nil, fmt.Errorf("it is longer than %d bytes", maxModel)
	}
	m.exists = true
	var doc yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); {
	case err == io.EOF:
		return nil, nil
	case err != nil:
		return nil, excerpt.Error(err)
	case len(doc.Content) == 0:
		return nil, nil
	}
	return doc.Content[0], nil
}

// names are those of the keys, sorted.
func (m *Model) names() (all []string) {
	for _, k := range m.keys {
		all = append(all, k.Name)
	}
	slices.Sort(all)
	return all
}

// set takes a value.
func (k Key) set(n *yaml.Node) error {
	if err := n.Decode(k.To); err != nil || n.Tag == "!!null" || k.OK != nil && !k.OK() {
		text, _ := yaml.Marshal(n) // of a list, too; what cannot be written is left out
		return fmt.Errorf("%s is %q; it must be %s", k.Name, excerpt.Of(strings.TrimSpace(string(text))), k.Must)
	}
	return nil
}

// Says reports whether the card or the metadata say something of a key.
func (m *Model) Says(key string) bool { return m.said[key] }

// Missing is the error of a key that nothing says, with its meaning.
func (m *Model) Missing(key, meaning string) error {
	if !m.exists {
		return fmt.Errorf("%s does not say %s: that takes a card, %s, with the key %q", m.model, meaning, m.Path, key)
	}
	return fmt.Errorf("%s: the key %q is missing: %s, which %s does not say", m.Path, key, meaning, m.model)
}

// Numbers are one, or a list of them.
type Numbers []float64

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *Numbers) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = make(Numbers, 1)
		return node.Decode(&(*n)[0])
	}
	return node.Decode((*[]float64)(n))
}
