package option

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type settings struct {
	network string
	margin  float64
	epochs  int
	seed    uint64
	augment bool
	names   []string
	files   []string
	threads int
}

func (s *settings) list() List {
	return List{
		New(&s.network, "network", "network", Check(func() error {
			if s.network == "cnn" {
				return errors.New("network is cnn, which has no slots")
			}
			return nil
		}), OneOf("linear", "mlp", "none")),
		New(&s.margin, "margin", "margin m", Below(10), When(func() bool { return s.network == "mlp" }, func() string { return "the network is " + s.network })),
		New(&s.epochs, "epochs", "passes", Whole(2, 100), Unset("the model's"), When(func() bool { return s.network != "none" }, Because("nothing is trained"))),
		New(&s.seed, "seed", "seed"),
		New(&s.augment, "augment", "shift the pictures"),
		New(&s.names, "hold_out", "names of classes", Arg("names"), Once),
		New(&s.files, "files", "file to read; may be given again", Arg("file"), Path, Each),
		New(&s.threads, "threads", "cores", Apart),
	}
}

func defaults() *settings { return &settings{network: "linear", margin: 1, seed: 1, threads: 2} }

// TestFile: what is written reads back, and void settings are not written.
func TestFile(t *testing.T) {
	s := defaults()
	s.network, s.margin, s.epochs, s.names = "mlp", 2.5, 7, []string{"a b", "c"}
	text, err := s.list().Write()
	if err != nil {
		t.Fatal(err)
	}
	r := defaults()
	named, err := r.list().Read("f.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(named, r.list().Names()) {
		t.Errorf("named %v", named)
	}
	if !maps.Equal(r.list().Fingerprint(), s.list().Fingerprint()) || r.epochs != 7 || len(r.names) != 2 {
		t.Errorf("read %+v, written %+v", r, s)
	}
	s.network, s.epochs = "linear", 0
	text, err = s.list().Write()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"margin", "epochs"} {
		if strings.Contains(string(text), name) {
			t.Errorf("%s has no effect and is written:\n%s", name, text)
		}
	}
}

// TestReadRefuses names the file, the line and what is allowed.
func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"netwrok: mlp\n":                `f.yaml: line 1: there is no setting "netwrok", did you mean network?`,
		"seed: 1\nseed: 2\n":            "f.yaml: line 2: seed comes twice",
		"seed: -1\n":                    `f.yaml: line 1: seed: "-1" is no uint`,
		"seed: 1\nepochs: many\n":       `f.yaml: line 2: epochs: "many" is no int`,
		"- a\n":                         "f.yaml: line 1: it must be a map of settings to values",
		"a: [\n":                        "f.yaml: yaml: ",
		"margin: {a: 1}\n":              `f.yaml: line 1: margin: "" is no float`,
		"recipe: digits\nother: text\n": `f.yaml: line 2: there is no setting "other"`,
	} {
		s := defaults()
		if _, err := s.list().Read("f.yaml", []byte(text), "recipe"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	s := defaults()
	if named, err := s.list().Read("f.yaml", nil); err != nil || named != nil {
		t.Errorf("an empty file: %v, %v", named, err)
	}
}

// TestCheck: a value out of range is refused by the setting's name, unless the setting does not count.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		set  func(s *settings)
		want string
	}{
		{func(s *settings) { s.network = "mpl" }, `network is "mpl"; it must be one of linear, mlp, none, did you mean mlp?`},
		{func(s *settings) { s.network = "cnn" }, "network is cnn, which has no slots"},
		{func(s *settings) { s.epochs = 101 }, "epochs is 101; it must be a whole number from 2 to 100"},
		{func(s *settings) { s.epochs = 1 }, "epochs is 1; it must be a whole number from 2 to 100"},
		{func(s *settings) { s.names = []string{"a", "b", "a"} }, "hold_out names a twice"},
		{func(s *settings) { s.network, s.margin = "mlp", 10 }, "margin is 10; it must be a number of at least 0 and below 10"},
		{func(s *settings) { s.margin = -1 }, ""},
		{func(s *settings) { s.files = []string{"a", "b", "a"} }, "files names a twice"},
		{func(*settings) {}, ""},
	} {
		s := defaults()
		c.set(s)
		err := s.list().Check()
		if got := text(err); got != c.want {
			t.Errorf("%+v: %q; want %q", s, got, c.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestVoid: a setting that is named and does not count is refused, with the reason.
func TestVoid(t *testing.T) {
	s := defaults()
	naming := func(name string) func(o *Option) (string, bool) {
		return func(o *Option) (string, bool) { return "--" + o.Flag() + " " + o.String(), o.Name == name }
	}
	for name, want := range map[string]string{
		"margin":  "--margin 1 has no effect: the network is linear",
		"epochs":  "--epochs 0 has no effect: it must be above 0; where it is left out, it is the default",
		"network": "",
		"augment": "",
	} {
		if got := text(s.list().RefuseVoid(naming(name))); got != want {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
	s.network, s.epochs = "none", 3 // the second of two rules
	if got, want := text(s.list().RefuseVoid(naming("epochs"))), "--epochs 3 has no effect: nothing is trained"; got != want {
		t.Errorf("epochs: %q; want %q", got, want)
	}
}

// TestLocate: paths become absolute, one or several, and what is not set stays so.
func TestLocate(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	s, mine := defaults(), []string{"a,b", filepath.Join(dir, "c")}
	s.files = mine
	if err := s.list().Locate(); err != nil || !slices.Equal(s.files, []string{filepath.Join(dir, "a,b"), filepath.Join(dir, "c")}) || mine[0] != "a,b" {
		t.Errorf("%q, %v", s.files, err)
	}
	s.files = nil
	if err := s.list().Locate(); err != nil || s.files != nil {
		t.Errorf("%q, %v", s.files, err)
	}
}

// TestFingerprint leaves out what does not shape the weights and what is 0.
func TestFingerprint(t *testing.T) {
	got := defaults().list().Fingerprint()
	if want := map[string]string{"network": "linear", "seed": "1"}; !maps.Equal(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}

// TestFlags: every kind reads what it writes.
func TestFlags(t *testing.T) {
	s := defaults()
	for name, v := range map[string]string{"network": "mlp", "margin": "0.25", "epochs": "3", "seed": "18446744073709551615", "augment": "true", "hold_out": "a,b"} {
		o := s.list().Find(name)
		if err := o.Set(v); err != nil || o.String() != v {
			t.Errorf("%s: %q, %v; want %q", name, o, err, v)
		}
	}
	s.files = []string{"by default"}
	files := s.list().Find("files")
	for _, v := range []string{"a,b", "c"} {
		if err := files.Set(v); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(s.files, []string{"a,b", "c"}) {
		t.Errorf("files %q", s.files)
	}
	if err := s.list().Find("epochs").Set("1.5"); err == nil {
		t.Error("epochs takes 1.5")
	}
	d := defaults().list()
	for name, want := range map[string]string{"network": "network: linear, mlp, none", "epochs": "passes (default the model's)", "hold_out": "`names` of classes"} {
		if got := d.Find(name).Usage(); got != want {
			t.Errorf("usage of %s: %q; want %q", name, got, want)
		}
	}
}

// FuzzRead: no text makes Read panic, and what it takes can be written and read again to the same.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"", "network: mlp\nmargin: 2\n", "hold_out: [a, b]\n", "seed: 0x10\n", "a: &x [*x]\n", "margin: .nan\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := defaults()
		if _, err := s.list().Read("f", text); err != nil || s.list().Check() != nil {
			return
		}
		out, err := s.list().Write()
		if err != nil {
			t.Fatal(err)
		}
		r := defaults()
		if _, err := r.list().Read("f", out); err != nil {
			t.Fatalf("%v in what was written:\n%s", err, out)
		}
		if !maps.Equal(r.list().Fingerprint(), s.list().Fingerprint()) {
			t.Errorf("%q: read %+v, then %+v", text, s, r)
		}
	})
}
