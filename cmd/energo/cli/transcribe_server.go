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
		sent := []string{"server", "token-file", "remote-model", "channel", "beam", "hot", "hot-file", "hot-boost"}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(sent, f.Name) {
				rules = append(rules, rule{f.Name, false, "a --server tells the text of a whole recording, and takes no such setting"})
			}
		})
	}
	return refuseVoid(cmd, rules)
}

// onServer has a server read files.
func (t *transcribing) onServer(cmd *cobra.Command, there *speechServer, from listenFlags, paths []string) error {
	if err := refuseVoid(cmd, t.hotRules()); err != nil {
		return err
	}
	c, err := there.client()
	if err != nil {
		return err
	}
	if t.listener, err = from.listener(cmd); err != nil {
		return err
	}
	if t.Channels == audio.Each {
		return usagef("--channel each reads channels on this machine; with --server name one, or leave it out for the mean of all")
	}
	o := client.TranscribeOptions{Model: there.model, Channel: from.channel}
	o.Beam = t.beam
	words, err := t.hotWords()
	if err != nil {
		return err
	}
	for _, w := range words {
		o.HotWords = append(o.HotWords, fmt.Sprintf("%s=%v", w.text, w.boost))
	}
	files, err := spokenFiles(paths, "")
	if err != nil {
		return err
	}
	t.named = len(files) > 1
	all := newCorpus(cmd, files, false)
	t.out, t.warn = all.out, all.warn
	ask := func(f spokenFile) error {
		recording, err := t.recording(f.path)
		if err != nil {
			return err
		}
		said, err := c.Transcribe(cmd.Context(), recording, o)
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		if said.Warning != "" {
			fmt.Fprintf(t.warn, "energo: %s: %s\n", f.path, said.Warning)
		}
		return t.show(heard{spokenFile: f, name: f.path}, transcript{File: f.path, Text: said.Text})
	}
	return all.run(ask, nil, func() error { return nil })
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
