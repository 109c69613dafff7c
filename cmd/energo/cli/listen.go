package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/token"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// listenFlags say what another system's emissions are.
type listenFlags struct {
	frame            float64
	logits, probs    bool
	lengths          string
	blank, separator string
	tokenizer        string
	channel          string
}

func (l *listenFlags) add(f *pflag.FlagSet) {
	f.Float64Var(&l.frame, "frame", 0.02, "seconds from a frame of emissions to the next, where they are another system's")
	f.StringVar(&l.channel, "channel", "mix", "channel of recordings that is read: mix, the mean of all; left, right or a number from 1; or each, one after the other")
	f.BoolVar(&l.logits, "logits", false, "another system's emissions are logits: take their log-softmax")
	f.BoolVar(&l.probs, "probs", false, "another system's emissions are probabilities: take their logarithms")
	f.StringVar(&l.lengths, "lengths", "", "`file` of the number of frames of each recording of a file of emissions of several (.npy, JSON or text)")
	f.StringVar(&l.tokenizer, "tokenizer", "", "`file` of the tokenizer that the model's texts were spelled by, tokenizer.json or SentencePiece's .model: its one spelling counts, not all that the tokens allow")
	l.addTokens(f)
}

// addTokens adds what a file of tokens takes.
func (l *listenFlags) addTokens(f *pflag.FlagSet) {
	f.StringVar(&l.blank, "blank", "", "the blank of a file of tokens: a `token`, the number of a class, last, or none+1 for a class behind all tokens; recognised if left out")
	f.StringVar(&l.separator, "separator", "", "what parts the words of a file of tokens: a `token`, none, or the mark of pieces, ▁ or ##; recognised if left out")
}

func (l *listenFlags) tokens() token.Options {
	return token.Options{Blank: l.blank, Separator: l.separator}
}

// scale is that of the emissions.
func (l *listenFlags) scale() (ctc.Scale, error) {
	switch {
	case l.logits && l.probs:
		return "", usagef("emissions are --logits or --probs, not both")
	case l.logits:
		return ctc.Logits, nil
	case l.probs:
		return ctc.Probabilities, nil
	}
	return ctc.LogProbs, nil
}

// listen opens a run's folder, an ONNX model or a folder of Hugging Face, or a file of tokens for files of emissions, of which first is one, and - the input.
func listen(path string, flags listenFlags, first string, input io.Reader) (*read.Emitter, error) {
	if !(flags.frame > 0 && flags.frame < 1e6) {
		return nil, usagef("--frame is %v; it must be above 0", flags.frame)
	}
	scale, err := flags.scale()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !strings.EqualFold(filepath.Ext(path), ".onnx") {
		return read.OtherEmitter(path, read.OtherOptions{Tokens: flags.tokens(), Frame: flags.frame, Scale: scale, Lengths: flags.lengths, First: first, Input: input})
	}
	return read.OpenEmitter(path)
}

// tokenize has an emitter spell texts by the tokenizer of the flags.
func (l *listenFlags) tokenize(e *read.Emitter) error {
	if l.tokenizer == "" {
		return nil
	}
	t, err := token.OpenTokenizer(l.tokenizer)
	if err != nil {
		return err
	}
	e.Tokenize = t.Speller(e.Tokens)
	return nil
}

// listenRules says which of listenFlags count.
func listenRules(e *read.Emitter) []rule {
	const own, card = "the emissions are those of the model itself", "the model says what its tokens mean, or its card does"
	others := e.TakesEmissions()
	return []rule{
		{"frame", others, own},
		{"logits", others, own},
		{"probs", others, own},
		{"lengths", others, own},
		{"blank", others, card},
		{"separator", others, card},
		{"channel", e.Hears(), "the files are no recordings"},
		{"tokenizer", e.Reader == nil, "the tokens of a run are characters, which spell a text in one way"},
	}
}

// firstFile is the first of the files that were named, or of a manifest's; "" where there is none.
func firstFile(named []string, manifest string) string {
	if files, err := spokenFiles(named, manifest); err == nil && len(files) > 0 {
		return files[0].path
	}
	return ""
}

// partsOf are the recordings of a file: one, but for files of emissions of several. These must have no text, which is of one of them.
func partsOf(e *read.Emitter, f spokenFile) ([]spokenFile, error) {
	names, err := e.Parts(f.path)
	if err != nil {
		return nil, err
	}
	if len(names) > 1 && f.text != nil {
		return nil, fmt.Errorf("%s has the emissions of %d recordings; name the one of this text, as in %s", f.path, len(names), names[0])
	}
	var all []spokenFile
	for k, name := range names {
		one := f
		if one.path = name; len(names) > 1 {
			one.stem = fmt.Sprintf("%s[%d]", f.stem, k)
		}
		all = append(all, one)
	}
	return all, nil
}

// listener returns what opens the recordings of a command.
func (l *listenFlags) listener(cmd *cobra.Command) (listener, error) {
	c, err := audio.ParseChannels(l.channel)
	if err != nil {
		return listener{}, usagef("--channel: %v", err)
	}
	return listener{Loader: audio.Loader{Channels: c}, stdin: cmd.InOrStdin(), warn: cmd.ErrOrStderr()}, nil
}

// A spokenFile is a file to read, and what it says where that is known.
type spokenFile struct {
	path string
	text *string
	part *audio.Utterance // of a manifest
	stem string           // of the files that are written for it
}

// A heard is what a file has to be read: a recording or one channel of it, or emissions, or the picture of a line.
type heard struct {
	spokenFile
	name    string           // for people: of a channel, "a.wav, channel 2"
	stem    string           // of the files that are written for it, of the channel
	sound   *audio.Recording // nil where the file is no recording
	several bool             // it is not all that the file has
}

// emissions gives those of what was heard.
func (h heard) emissions(e *read.Emitter) (read.Emissions, error) {
	if h.sound == nil {
		return e.Emit(h.path)
	}
	clip := h.sound.Clip
	h.sound.Samples = nil // which the emitter has no need to keep
	return e.Hear(h.name, clip)
}

// channel is that of the file, 0 for all.
func (h heard) channel() int {
	if h.sound == nil {
		return 0
	}
	return h.sound.Channel
}

// A listener opens recordings: files, standard input, and parts of files that manifests name.
type listener struct {
	audio.Loader
	stdin io.Reader
	warn  io.Writer
}

// each does what a file has: its recording, or one after the other of its channels, or of the emissions of several. The errors of all are joined.
func (l *listener) each(e *read.Emitter, f spokenFile, do func(h heard) error) error {
	if e.Hears() {
		return l.eachChannel(f, do)
	}
	parts, err := partsOf(e, f)
	for _, p := range parts {
		err = errors.Join(err, do(heard{spokenFile: p, name: p.path, stem: p.stem, several: len(parts) > 1}))
	}
	return err
}

// eachChannel is each for a recording.
func (l *listener) eachChannel(f spokenFile, do func(h heard) error) error {
	all, err := l.open(f)
	for i, sound := range all {
		all[i].Samples = nil // no longer than it is read
		h := heard{spokenFile: f, name: f.path, stem: f.stem, sound: &sound, several: len(all) > 1}
		if f.part != nil && f.part.Name != "" && (f.part.Start > 0 || f.part.Duration > 0) {
			h.name += ", " + f.part.Name
		}
		if l.Channels == audio.Each {
			h.name, h.stem = fmt.Sprintf("%s, channel %d", h.name, sound.Channel), fmt.Sprintf("%s.%d", h.stem, sound.Channel)
		}
		if sound.Warning != "" {
			fmt.Fprintf(l.warn, "energo: %s: %s\n", h.name, sound.Warning)
		}
		err = errors.Join(err, do(h))
	}
	return err
}

// open reads a file's recording. The name - is standard input.
func (l *listener) open(f spokenFile) ([]audio.Recording, error) {
	switch {
	case f.part != nil:
		return l.Load(*f.part)
	case f.path == "-":
		all, err := audio.DecodeChannels(l.stdin, l.Channels)
		if err != nil {
			err = fmt.Errorf("standard input: %w", err)
		}
		return all, err
	}
	return audio.ReadChannels(f.path, l.Channels)
}

// spokenFiles are files that were named, and those of a manifest.
func spokenFiles(named []string, manifest string) (all []spokenFile, err error) {
	for _, path := range named {
		all = append(all, spokenFile{path: path})
	}
	if manifest != "" {
		lines, err := audio.Manifest(manifest)
		if err != nil {
			return nil, err
		}
		for _, u := range lines {
			all = append(all, spokenFile{path: u.Path, text: &u.Text, part: &u})
		}
	}
	return all, nameStems(all)
}
