package cli

import (
	"context"
	"strings"

	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/ngram"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/serve/speech"
	"github.com/spf13/pflag"
)

// speechFlags are those of models of speech.
type speechFlags struct {
	speech.Options
	languages []string // NAME=PATH
}

// speechSetting is that of models which heed these flags.
const speechSetting = "speech"

func (s *speechFlags) add(f *pflag.FlagSet) {
	f.StringArrayVar(&s.languages, "lm", nil, "language model of words that requests for speech may name, `NAME=PATH` of an ARPA or KenLM file; may be given again")
	f.Float64Var(&s.Seconds, "max-seconds", 600, "`seconds` of a recording of speech")
	f.Float64Var(&s.StreamSeconds, "max-stream-seconds", 4*3600, "`seconds` of sound of a stream of speech")
	f.Int64Var(&s.Memory, "speech-memory", 1<<30, "`bytes` that decoded recordings of all requests hold together")
	f.IntVar(&s.Beam, "max-beam", 256, "widest beam that a request for speech may ask for")
}

// names are those of the flags.
func (s *speechFlags) names() []string {
	return []string{"lm", "max-seconds", "max-stream-seconds", "speech-memory", "max-beam"}
}

// open checks the flags, and opens the language models.
func (s *speechFlags) open() error {
	for _, v := range []struct {
		flag  string
		value float64
	}{{"max-seconds", s.Seconds}, {"max-stream-seconds", s.StreamSeconds}, {"speech-memory", float64(s.Memory)}, {"max-beam", float64(s.Beam)}} {
		if !(v.value > 0) {
			return usagef("--%s is %v; it must be above 0", v.flag, v.value)
		}
	}
	s.Languages = map[string]ctc.LanguageModel{}
	for _, v := range s.languages {
		name, path, ok := strings.Cut(v, "=")
		if !ok || name == "" || path == "" {
			return usagef("--lm is %q; it must be NAME=PATH", v)
		}
		if s.Languages[name] != nil {
			return usagef("--lm: there are two language models %s", name)
		}
		m, err := ngram.Open(path)
		if err != nil {
			return err
		}
		s.Languages[name] = m
	}
	return nil
}

// openSpeech opens a model of speech.
func openSpeech(_ context.Context, from *source) (*speech.Model, error) {
	if !read.IsSpeech(from.path) {
		return nil, errOtherKind
	}
	m, err := speech.Open(from.path)
	if err != nil {
		return nil, err
	}
	m.Places = from.set.Queue
	return m, nil
}
