package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// maxConfig bounds a file of settings, in bytes.
const maxConfig = 1 << 20

// configFile is a YAML file of settings: those of the flags by their names, and models with settings of their own.
type configFile struct {
	path   string
	text   []byte
	frame  []*yaml.Node // keys and values of what is no model, one after the other
	models []configModel
}

// configModel is a model of the file.
type configModel struct {
	file *configFile
	name string
	node *yaml.Node
}

// readConfig reads a file of settings.
func readConfig(path string) (*configFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("%s: more than %d bytes", path, maxConfig)
	}
	if err != nil {
		return nil, err
	}
	c := &configFile{path: path, text: text}
	return c, c.parse()
}

// wrong is an error at a place in the file.
func (c *configFile) wrong(at *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", c.path, at.Line, fmt.Sprintf(format, args...))
}

func (c *configFile) parse() error {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(c.text))
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: there is nothing in it", c.path)
		}
		return fmt.Errorf("%s: %s", c.path, excerpt.Of(err.Error()))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: there is more than one document in it", c.path)
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return c.wrong(root, "the document must be a mapping of settings")
	}
	return c.each(root, func(key, value *yaml.Node) error {
		if key.Value != "models" {
			c.frame = append(c.frame, key, value)
			return nil
		}
		if value.Kind != yaml.MappingNode {
			return c.wrong(value, "models must be a mapping of names to settings")
		}
		return c.each(value, func(name, node *yaml.Node) error {
			c.models = append(c.models, configModel{c, name.Value, node})
			return nil
		})
	})
}

// each visits a mapping, whose keys are plain and different.
func (c *configFile) each(of *yaml.Node, visit func(key, value *yaml.Node) error) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(of.Content); i += 2 {
		key, value := of.Content[i], of.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			return c.wrong(key, "a name must be a word")
		case value.Kind == yaml.AliasNode || value.Anchor != "" || key.Value == "<<":
			return c.wrong(value, "%s has an anchor or an alias, which are not taken", excerpt.Of(key.Value))
		case seen[key.Value]:
			return c.wrong(key, "%s is there twice", excerpt.Of(key.Value))
		}
		seen[key.Value] = true
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

// notInConfig are flags that a file of settings cannot have.
var notInConfig = []string{"config", "model", "models", "help"}

// folderKey is the name of --models in a file, where models are those with settings of their own.
const folderKey = "folder"

// pathFlags have a file or a folder, which is relative to the file of settings.
var pathFlags = []string{"models", "tokens", "tls-cert", "tls-key"}

// apply sets the flags that the file has, unless they are on the command line.
func (c *configFile) apply(cmd *cobra.Command) error {
	known := []string{folderKey, "models"}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(notInConfig, f.Name) {
			known = append(known, f.Name)
		}
	})
	onCommandLine := map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) { onCommandLine[f.Name] = true })
	for i := 0; i < len(c.frame); i += 2 {
		key, value := c.frame[i], c.frame[i+1]
		if !slices.Contains(known, key.Value) {
			return c.wrong(key, "there is no setting %s%s", excerpt.Of(key.Value), cmp.Or(spelling.DidYouMean(key.Value, known), "; energo serve --help has them"))
		}
		name := key.Value
		if name == folderKey {
			name = "models"
		}
		if onCommandLine[name] {
			continue
		}
		if err := c.setFlag(cmd, name, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *configFile) setFlag(cmd *cobra.Command, name string, value *yaml.Node) error {
	values := []*yaml.Node{value}
	if _, list := cmd.Flags().Lookup(name).Value.(pflag.SliceValue); list && value.Kind == yaml.SequenceNode {
		values = value.Content
	}
	for _, v := range values {
		if v.Kind != yaml.ScalarNode {
			return c.wrong(v, "%s must be a single value", name)
		}
		text := v.Value
		if slices.Contains(pathFlags, name) {
			text = c.relative(text)
		}
		if err := cmd.Flags().Set(name, text); err != nil {
			return c.wrong(v, "%s is %s: %v", name, excerpt.Of(v.Value), err)
		}
	}
	return nil
}

// relative is a path that is relative to the file.
func (c *configFile) relative(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.path), path)
}

// settings are those of a model, over those of all. A text alone is its path.
func (m *configModel) settings(set modelSettings) (modelSettings, error) {
	c := m.file
	set.at = fmt.Sprintf("%s:%d: ", c.path, m.node.Line)
	switch m.node.Kind {
	case yaml.ScalarNode:
		set.Path = m.node.Value
	case yaml.MappingNode:
		if err := c.each(m.node, func(key, value *yaml.Node) error { return c.setModel(&set, key, value) }); err != nil {
			return set, err
		}
	default:
		return set, c.wrong(m.node, "the model %s must be a path, or a mapping of settings with a path", excerpt.Of(m.name))
	}
	if set.Path == "" {
		return set, c.wrong(m.node, "the model %s has no path", excerpt.Of(m.name))
	}
	set.Path, set.Encoder = c.relative(set.Path), c.relative(set.Encoder)
	return set, set.check("")
}

// setModel sets one setting of a model.
func (c *configFile) setModel(set *modelSettings, key, value *yaml.Node) error {
	fields := map[string]any{
		"path": &set.Path, "batch": &set.Batch, "wait": &set.Wait, "queue": &set.Queue, "encoder": &set.Encoder, "read-only": &set.ReadOnly,
	}
	to, known := fields[key.Value]
	if !known {
		names := slices.Sorted(maps.Keys(fields))
		return c.wrong(key, "there is no setting %s of a model%s", excerpt.Of(key.Value), cmp.Or(spelling.DidYouMean(key.Value, names), "; there are "+strings.Join(names, ", ")))
	}
	if err := value.Decode(to); err != nil || value.Kind != yaml.ScalarNode {
		return c.wrong(value, "%s is %s, which it cannot be", key.Value, excerpt.Of(value.Value))
	}
	if key.Value != "path" {
		set.set = append(slices.Clip(set.set), key.Value)
	}
	return nil
}
