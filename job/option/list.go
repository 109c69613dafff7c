package option

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
	"go.yaml.in/yaml/v3"
)

// A List is a job's settings, in the order of its help and its files.
type List []Option

// Names returns the settings' names.
func (l List) Names() (names []string) {
	for i := range l {
		names = append(names, l[i].Name)
	}
	return names
}

// Find returns the setting of a name; nil where there is none.
func (l List) Find(name string) *Option {
	for i := range l {
		if l[i].Name == name {
			return &l[i]
		}
	}
	return nil
}

// Without returns the list without some settings, by their names.
func (l List) Without(names ...string) List {
	return slices.DeleteFunc(l, func(o Option) bool { return slices.Contains(names, o.Name) })
}

// Check refuses the first setting that is not allowed. Settings that do not count are not looked at.
func (l List) Check() error {
	for i := range l {
		if l[i].Void() != "" {
			continue
		}
		for _, check := range l[i].checks {
			if err := check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// RefuseVoid refuses the first setting that is named and has no effect beside the others. named says whether a
// setting is, and how.
func (l List) RefuseVoid(named func(o *Option) (text string, ok bool)) error {
	for i := range l {
		why := l[i].Void()
		if why == "" {
			continue
		}
		if text, ok := named(&l[i]); ok {
			return fmt.Errorf("%s has no effect: %s", text, why)
		}
	}
	return nil
}

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// ReadFile returns the text of a file of settings.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes; a file of settings has fewer", path, maxFile)
	}
	return text, err
}

// Read reads the text of a file of settings, in YAML. Settings that it does not name stay as they are, but for those that
// skip names, which are no settings of the list. It returns the names of those that it set.
//
// Errors, with the file and the line: what is no map of names to values; a name that is no setting, or comes twice; a
// value that does not fit.
func (l List) Read(path string, text []byte, skip ...string) (named []string, err error) {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %s", path, excerpt.Error(err))
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: line %d: it must be a map of settings to values", path, root.Line)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if slices.Contains(skip, key.Value) {
			continue
		}
		o := l.Find(key.Value)
		switch {
		case o == nil:
			return nil, fmt.Errorf("%s: line %d: there is no setting %q%s", path, key.Line, excerpt.Of(key.Value), spelling.DidYouMean(key.Value, l.Names()))
		case slices.Contains(named, o.Name):
			return nil, fmt.Errorf("%s: line %d: %s comes twice", path, key.Line, o.Name)
		}
		if err := value.Decode(o.p); err != nil {
			return nil, fmt.Errorf("%s: line %d: %s: %q is no %s", path, value.Line, o.Name, excerpt.Of(value.Value), o.Type())
		}
		named = append(named, o.Name)
	}
	return named, nil
}

// Write returns the file of the settings that count.
func (l List) Write() ([]byte, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range l {
		if l[i].Void() != "" {
			continue
		}
		k, v := &yaml.Node{}, &yaml.Node{}
		if err := k.Encode(l[i].Name); err != nil {
			return nil, err
		}
		if err := v.Encode(l[i].p); err != nil {
			return nil, err
		}
		if v.Kind == yaml.SequenceNode {
			v.Style = yaml.FlowStyle
		}
		n.Content = append(n.Content, k, v)
	}
	return yaml.Marshal(n)
}

// Locate makes paths absolute, so that a run finds them from every folder.
func (l List) Locate() error {
	for i := range l {
		if !l[i].path || l[i].zero() {
			continue
		}
		paths := []*string{}
		switch p := l[i].p.(type) {
		case *string:
			paths = append(paths, p)
		case *[]string:
			*p = slices.Clone(*p)
			for k := range *p {
				paths = append(paths, &(*p)[k])
			}
		}
		for _, path := range paths {
			whole, err := filepath.Abs(*path)
			if err != nil {
				return fmt.Errorf("%s: %w", l[i].Name, err)
			}
			*path = whole
		}
	}
	return nil
}

// Values returns the settings that count by their names.
func (l List) Values() map[string]any {
	all := map[string]any{}
	for i := range l {
		if l[i].Void() == "" {
			all[l[i].Name] = l[i].Value()
		}
	}
	return all
}

// Fingerprint is what shapes the weights: the settings that count and are not 0, as texts by their names. A setting
// that is added later and is 0 by default leaves the fingerprints of earlier runs as they were.
func (l List) Fingerprint() map[string]string {
	out := map[string]string{}
	for i := range l {
		if o := &l[i]; !o.apart && !o.zero() && o.Void() == "" {
			out[o.Name] = o.String()
		}
	}
	return out
}
