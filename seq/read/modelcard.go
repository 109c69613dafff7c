package read

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
	"go.yaml.in/yaml/v3"
)

// CardEnding is what a model's card has in its name instead of ".onnx".
const CardEnding = ".energo.yaml"

// A modelCard says of an ONNX model what its graph does not. The card's file goes before the model's metadata.
type modelCard struct {
	input, output   string
	height          int
	channels        string
	scale           float64
	mean, deviation numbers
	tokens          tokenList
	blank           int
	emissions       string
	widthMultiple   int
	leastWidth      int
	darkBackground  bool

	path, model string // of the card and of the model
	exists      bool   // the card does
	said        map[string]bool
}

// fields are the keys of a card and where their values go.
func (c *modelCard) fields() map[string]any {
	return map[string]any{
		"input": &c.input, "output": &c.output, "height": &c.height, "channels": &c.channels, "scale": &c.scale, "mean": &c.mean,
		"deviation": &c.deviation, "tokens": &c.tokens, "blank": &c.blank, "emissions": &c.emissions, "width_multiple": &c.widthMultiple,
		"least_width": &c.leastWidth, "dark_background": &c.darkBackground,
	}
}

// numbers are one for all channels, or a list.
type numbers []float64

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *numbers) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = make(numbers, 1)
		return node.Decode(&(*n)[0])
	}
	return node.Decode((*[]float64)(n))
}

// A tokenList is a file of tokens, or a list of them.
type tokenList struct {
	file string
	list []string
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *tokenList) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&l.file)
	}
	return node.Decode(&l.list)
}

// maxCard bounds a card, in bytes.
const maxCard = 1 << 24

// readModelCard reads the card beside a model, if there is one, and the metadata for what the card leaves out.
func readModelCard(path string, metadata []format.Entry) (*modelCard, error) {
	c := &modelCard{
		path: strings.TrimSuffix(path, filepath.Ext(path)) + CardEnding, model: path, said: map[string]bool{},
		scale: 1.0 / 255, widthMultiple: 1, leastWidth: 1,
	}
	if err := c.read(); err != nil {
		return nil, err
	}
	fields := c.fields()
	for _, e := range metadata {
		if fields[e.Key] == nil || c.said[e.Key] {
			continue
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(e.Value), &doc); err != nil || len(doc.Content) == 0 {
			return nil, fmt.Errorf("%s: metadata %s: %q is no value", path, e.Key, excerpt.Of(e.Value))
		}
		if err := c.set(e.Key, doc.Content[0]); err != nil {
			return nil, fmt.Errorf("%s: metadata %w", path, err)
		}
	}
	return c, nil
}

// read reads the card's file.
func (c *modelCard) read() error {
	f, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCard+1))
	if err != nil {
		return err
	}
	if len(text) > maxCard {
		return fmt.Errorf("%s is longer than %d bytes", c.path, maxCard)
	}
	c.exists = true
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("%s: %s", c.path, excerpt.Error(err))
	}
	if len(doc.Content) == 0 {
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: line %d: it must be a map of keys to values", c.path, root.Line)
	}
	known := slices.Sorted(maps.Keys(c.fields()))
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch {
		case !slices.Contains(known, key.Value):
			return fmt.Errorf("%s: line %d: there is no key %q%s; the keys are %s", c.path, key.Line, excerpt.Of(key.Value), spelling.DidYouMean(key.Value, known), strings.Join(known, ", "))
		case c.said[key.Value]:
			return fmt.Errorf("%s: line %d: %s comes twice", c.path, key.Line, key.Value)
		}
		if err := c.set(key.Value, value); err != nil {
			return fmt.Errorf("%s: line %d: %w", c.path, value.Line, err)
		}
	}
	return nil
}

// set takes the value of a key.
func (c *modelCard) set(key string, value *yaml.Node) error {
	if err := value.Decode(c.fields()[key]); err != nil {
		return fmt.Errorf("%s: %s", key, excerpt.Error(err))
	}
	c.said[key] = true
	return c.check(key)
}

// check holds the value of a key against what is allowed.
func (c *modelCard) check(key string) error {
	whole := func(v, least, most int) error {
		if v < least || v > most {
			return fmt.Errorf("%s is %d; it must be from %d to %d", key, v, least, most)
		}
		return nil
	}
	oneOf := func(v string, names []string) error {
		if !slices.Contains(names, v) {
			return fmt.Errorf("%s is %q; it must be %s", key, excerpt.Of(v), strings.Join(names, ", "))
		}
		return nil
	}
	switch key {
	case "height":
		return whole(c.height, 1, maxHeight)
	case "width_multiple":
		return whole(c.widthMultiple, 1, maxHeight)
	case "least_width":
		return whole(c.leastWidth, 1, maxHeight)
	case "blank":
		return whole(c.blank, 0, math.MaxInt32)
	case "channels":
		return oneOf(c.channels, []string{"grey", "rgb", "bgr"})
	case "emissions":
		return oneOf(c.emissions, []string{logProbs, logits, probabilities})
	case "scale":
		return eachAbove(key, 0, c.scale)
	case "mean":
		return eachAbove(key, math.Inf(-1), c.mean...)
	case "deviation":
		return eachAbove(key, 0, c.deviation...)
	}
	return nil
}

// eachAbove checks numbers of a card.
func eachAbove(key string, least float64, all ...float64) error {
	for _, v := range all {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return fmt.Errorf("%s is %v; it must be finite", key, v)
		case v <= least:
			return fmt.Errorf("%s is %v; it must be above %v", key, v, least)
		}
	}
	return nil
}

// missing is the error of a key that neither the card nor the model has.
func (c *modelCard) missing(key, meaning string) error {
	if !c.exists {
		return fmt.Errorf("%s does not say %s: that takes a card, %s, with the key %q", c.model, meaning, c.path, key)
	}
	return fmt.Errorf("%s: the key %q is missing: %s, which %s does not say", c.path, key, meaning, c.model)
}

// classes returns the texts of count classes, "" for the blank, and the blank. The metadata "character" of PP-OCR's models counts where
// there are no tokens.
func (c *modelCard) classes(count int, metadata []format.Entry) (texts []string, blank int, err error) {
	if !c.said["tokens"] {
		return c.characters(count, metadata)
	}
	from := c.path
	texts = slices.Clone(c.tokens.list)
	if c.tokens.file != "" {
		if from = c.tokens.file; !filepath.IsAbs(from) {
			from = filepath.Join(filepath.Dir(c.path), from)
		}
		if texts, err = data.ReadTokens(from); err != nil {
			return nil, 0, err
		}
	}
	blank = slices.Index(texts, "")
	switch {
	case blank < 0 && !c.said["blank"]:
		return nil, 0, c.missing("blank", "the class that is the blank")
	case blank < 0 && c.blank > len(texts):
		return nil, 0, fmt.Errorf("%s: blank is %d; with %d other tokens it must be from 0 to %d", c.path, c.blank, len(texts), len(texts))
	case blank < 0:
		blank = c.blank
		texts = slices.Insert(texts, blank, "")
	case c.said["blank"] && blank != c.blank:
		return nil, 0, fmt.Errorf("%s: blank is %d; the empty one of the tokens is %d", c.path, c.blank, blank)
	}
	if len(texts) != count {
		return nil, 0, fmt.Errorf("%s has %d classes; %s has %d tokens, with the blank", c.model, count, from, len(texts))
	}
	return texts, blank, nil
}

// characters returns the classes of PP-OCR's models: the blank, the characters of the metadata, a line each, and maybe a space.
func (c *modelCard) characters(count int, metadata []format.Entry) ([]string, int, error) {
	i := slices.IndexFunc(metadata, func(e format.Entry) bool { return e.Key == "character" })
	if i < 0 {
		return nil, 0, c.missing("tokens", "the texts of the classes")
	}
	texts := append([]string{""}, strings.Split(strings.TrimSuffix(metadata[i].Value, "\n"), "\n")...)
	if len(texts)+1 == count {
		texts = append(texts, " ")
	}
	if len(texts) != count {
		return nil, 0, fmt.Errorf("%s has %d classes; its metadata has %d characters, to which a blank and maybe a space are added", c.model, count, len(texts)-1)
	}
	return texts, Blank, nil
}
