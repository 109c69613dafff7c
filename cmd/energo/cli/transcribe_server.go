package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/serve/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// speechServer is a server whose model reads recordings, instead of one of this machine.
type speechServer struct {
	serverFlags
	model string
}

func (s *speechServer) add(f *pflag.FlagSet) {
	s.serverFlags.add(f)
	f.StringVar(&s.model, "remote-model", "", "`name` of the model that the server reads with (default its only one)")
}

// check refuses flags that have no effect: those of a server without one, and beside it those that no request has.
func (s *speechServer) check(cmd *cobra.Command) error {
	if err := s.serverFlags.check(cmd); err != nil {
		return err
	}
	rules := []rule{{"remote-model", s.server != "", "it is of a --server"}}
	if s.server != "" {
		sent := []string{
			"server", "token-file", "remote-model", "channel", "beam", "lm", "lm-weight", "hot", "hot-file", "hot-boost", "normalise", "json", "times",
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(sent, f.Name) {
				rules = append(rules, rule{f.Name, false, "a --server tells the text of a whole recording, and takes no such setting"})
			}
		})
	}
	return refuseVoid(cmd, rules)
}

// serverRules says which of the flags that a request has count.
func (t *transcribing) serverRules() []rule {
	return append(t.hotRules(), []rule{
		{"lm-weight", len(t.lm) > 0, "there is no language model (--lm)"},
		{"normalise", len(t.hot)+len(t.hotFiles) > 0, "with a --server it spells hot words (--hot), of which there are none"},
		{"times", t.json, "without --json, texts alone are shown"},
	}...)
}

// request is what a server is asked by the flags. level is how hot words are spelled.
func (t *transcribing) request(cmd *cobra.Command, there *speechServer, from listenFlags, level string) (o client.TranscribeOptions, err error) {
	o.Model, o.Channel, o.Beam = there.model, from.channel, t.beam
	if t.Channels == audio.Each {
		return o, usagef("--channel each reads channels on this machine; with --server name one, or leave it out for the mean of all")
	}
	switch {
	case len(t.lm) > 1:
		return o, usagef("--lm is given %d times; a --server reads with one language model", len(t.lm))
	case len(t.lmWeight) != 1:
		return o, usagef("--lm-weight has %d weights; a --server reads with one language model", len(t.lmWeight))
	case len(t.lm) == 1 && t.lm[0] == "":
		return o, usagef("--lm is empty; with --server it must be the name of a language model that the server has")
	case len(t.lm) == 1:
		o.LanguageModel = t.lm[0]
		if cmd.Flags().Changed("lm-weight") {
			o.LMWeight = &t.lmWeight[0]
		}
	}
	if cmd.Flags().Changed("normalise") {
		o.Normaliser = level
	}
	words, err := t.hotWords()
	for _, w := range words {
		o.HotWords = append(o.HotWords, fmt.Sprintf("%s=%v", w.text, w.boost))
	}
	return o, err
}

// heardThere is a line of --json: what a server has read.
type heardThere struct {
	File     string           `json:"file"`
	Text     string           `json:"text"`
	Warning  string           `json:"warning,omitempty"`
	Duration float64          `json:"duration,omitempty"` // with --times, as the rest
	Words    []client.Word    `json:"words,omitempty"`
	Segments []client.Segment `json:"segments,omitempty"`
}

// onServer has a server read files.
func (t *transcribing) onServer(cmd *cobra.Command, there *speechServer, from listenFlags, level string, paths []string) error {
	if err := refuseVoid(cmd, t.serverRules()); err != nil {
		return err
	}
	c, err := there.client()
	if err != nil {
		return err
	}
	if t.listener, err = from.listener(cmd); err != nil {
		return err
	}
	o, err := t.request(cmd, there, from, level)
	if err != nil {
		return err
	}
	files, err := spokenFiles(paths, "")
	if err != nil {
		return err
	}
	t.named = len(files) > 1
	all := newCorpus(cmd, files, t.json)
	t.out, t.warn = all.out, all.warn
	ask := c.Transcribe
	if t.times {
		ask = c.TranscribeTimed
	}
	one := func(f spokenFile) error {
		recording, err := t.recording(f.path)
		if err != nil {
			return err
		}
		said, err := ask(cmd.Context(), recording, o)
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		if t.json {
			return printJSON(t.out, heardThere{f.path, said.Text, said.Warning, said.Duration, said.Words, said.Segments}, true)
		}
		if said.Warning != "" {
			fmt.Fprintf(t.warn, "energo: %s: %s\n", f.path, said.Warning)
		}
		return t.show(heard{spokenFile: f, name: f.path}, transcript{File: f.path, Text: said.Text})
	}
	return all.run(one, nil, func() error { return nil })
}

// recording is a file to send. Standard input, which cannot be read again, is read first.
func (t *transcribing) recording(path string) (client.File, error) {
	if path != "-" {
		return client.OpenFile(path)
	}
	content, err := io.ReadAll(t.stdin)
	if err != nil {
		return client.File{}, fmt.Errorf("standard input: %w", err)
	}
	if len(content) == 0 {
		return client.File{}, errors.New("standard input is empty")
	}
	return client.Bytes("input", content), nil
}
