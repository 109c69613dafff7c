package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/job/option"
	"go.yaml.in/yaml/v3"
)

// A Rule says whether a setting counts beside the others. A setting that does not is refused where it is
// named, and left out of config.yaml.
type Rule struct {
	Setting string // its name in a file of settings; a flag's has dashes
	Counts  bool
	Why     string // why it does not count
	Reads   bool   // it is so where the job reads the data that the settings name; data that is given may be other
}

// When is the rule of a setting that has no effect, for the reason why, unless counts.
func When(setting string, counts bool, why string) Rule {
	return Rule{Setting: setting, Counts: counts, Why: why}
}

// Void refuses the first setting that is named and does not count. named says whether a setting is, and how.
func Void(rules []Rule, named func(setting string) (text string, ok bool)) error {
	for _, r := range rules {
		if r.Counts {
			continue
		}
		if text, ok := named(r.Setting); ok {
			return fmt.Errorf("%s has no effect: %s", text, r.Why)
		}
	}
	return nil
}

// Settings are those of a job, as its file has them.
type Settings interface {
	// Defaults returns the settings where none is named.
	Defaults() Settings
	// Rules lists the settings that other settings can make void, always the same ones in the same order.
	Rules() []Rule
}

// refuseVoid refuses settings that do not count and are not the defaults.
func refuseVoid(c Settings) error {
	own, base, err := besideDefaults(c)
	if err != nil {
		return err
	}
	rules := slices.DeleteFunc(c.Rules(), func(r Rule) bool { return r.Reads })
	return Void(rules, func(name string) (string, bool) {
		return fmt.Sprintf("%s %s", name, own[name]), own[name] != base[name]
	})
}

// besideDefaults returns settings and the defaults as texts by their names.
func besideDefaults(c Settings) (own, base map[string]string, err error) {
	if own, err = fingerprint(c); err != nil {
		return nil, nil, err
	}
	base, err = fingerprint(c.Defaults())
	return own, base, err
}

// counting returns the file of the settings that count.
func counting(c Settings) ([]byte, error) {
	own, base, err := besideDefaults(c)
	if err != nil {
		return nil, err
	}
	void := map[string]bool{}
	for _, r := range c.Rules() {
		if !r.Counts && (!r.Reads || own[r.Setting] == base[r.Setting]) {
			void[r.Setting] = true
		}
	}
	var all yaml.Node
	if err := all.Encode(c); err != nil {
		return nil, err
	}
	var kept []*yaml.Node // keys and values in turn
	for i := 0; i < len(all.Content); i += 2 {
		if !void[all.Content[i].Value] {
			kept = append(kept, all.Content[i:i+2]...)
		}
	}
	all.Content = kept
	return yaml.Marshal(&all)
}

// Counting returns settings with the defaults for those that do not count.
func Counting[C Settings](c, defaults C) (C, error) {
	text, err := counting(c)
	if err == nil {
		err = yaml.Unmarshal(text, &defaults)
	}
	return defaults, err
}

// readConfig reads a YAML file of settings over base.
func readConfig[C any](path string, base C) (C, error) {
	text, err := option.ReadFile(path)
	if err != nil {
		return base, err
	}
	c := base
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	err = d.Decode(&c)
	var wrong *yaml.TypeError
	switch {
	case errors.As(err, &wrong):
		return base, fmt.Errorf("%s: %s", path, excerpt.Of(strings.Join(wrong.Errors, "; ")))
	case err != nil && !errors.Is(err, io.EOF):
		return base, fmt.Errorf("%s: %w", path, excerpt.Error(err))
	}
	return c, nil
}

// NamedIn returns the settings that a file names, as texts by their names.
func NamedIn(path string) (map[string]string, error) {
	text, err := option.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all, err := texts(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, excerpt.Error(err))
	}
	return all, nil
}

// texts returns the values of a YAML map as texts by their names.
func texts(file []byte) (map[string]string, error) {
	var all map[string]any
	if err := yaml.Unmarshal(file, &all); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(all))
	for name, value := range all {
		out[name] = fmt.Sprint(value)
	}
	return out, nil
}

// writeConfig writes the settings that count into a run's folder.
func writeConfig(dir string, c Settings) error {
	text, err := counting(c)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, ConfigFile), text)
}

// fingerprint returns settings as texts by their names.
func fingerprint(c any) (map[string]string, error) {
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, err
	}
	return texts(text)
}

// recipeOf returns the recipe that a file of settings names; "digits" where it names none.
func recipeOf(path string, text []byte) (string, error) {
	named := struct {
		Recipe string `yaml:"recipe"`
	}{"digits"}
	if err := yaml.Unmarshal(text, &named); err != nil {
		return "", fmt.Errorf("%s: %w", path, excerpt.Error(err))
	}
	return named.Recipe, nil
}

// once refuses a list of names that has one twice.
func once(setting string, names []string) error {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%s names %s twice", setting, excerpt.Of(name))
		}
	}
	return nil
}

// oneOf refuses a setting that is not one of the known names.
func oneOf(setting, value string, known []string) error {
	if !slices.Contains(known, value) {
		return fmt.Errorf("%s is %q; it must be one of %s%s", setting, excerpt.Of(value), strings.Join(known, ", "), spelling.DidYouMean(value, known))
	}
	return nil
}

// RunRecipe returns the recipe that a run's settings name.
func RunRecipe(dir string) (string, error) {
	path := filepath.Join(dir, ConfigFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is no run folder: it has no %s", dir, ConfigFile)
	}
	if err != nil {
		return "", err
	}
	return recipeOf(path, text)
}
